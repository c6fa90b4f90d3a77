//! Where in a message which value stands. Versions differ in a level here and there.

use super::{
    compact,
    entry::{RawDetail, RawEntry},
    read::Open,
    values::{date, short},
};

impl Open {
    pub(super) fn take(&mut self, path: &[&str], text: &str, currency: Option<&str>) {
        let (facts, balance) = (&mut self.facts, &mut self.balance);
        match path {
            ["Id"] => facts.id = short(text, 40),
            ["FrToDt", "FrDtTm"] => facts.from = date(text),
            ["FrToDt", "ToDtTm"] => facts.to = date(text),
            ["Acct", "Id", "IBAN"] | ["Acct", "Id", "Othr", "Id"] => {
                facts.iban = compact(&short(text, 40))
            }
            ["Bal", "Tp", "CdOrPrtry", "Cd"] => balance.code = Some(text.to_owned()),
            ["Bal", "CdtDbtInd"] => balance.sign = Some(text.to_owned()),
            ["Bal", "Dt", "Dt" | "DtTm"] => balance.day = Some(text.to_owned()),
            ["Bal", "Amt"] => {
                balance.amount = Some(text.to_owned());
                balance.currency = currency.map(str::to_owned);
            }
            _ => {}
        }
    }
}

impl RawEntry {
    pub(super) fn take(&mut self, path: &[&str], text: &str, currency: Option<&str>) {
        let some = || Some(text.to_owned());
        match path {
            ["NtryRef"] => self.number = some(),
            ["Amt"] => {
                self.amount = some();
                self.currency = currency.map(str::to_owned);
            }
            ["CdtDbtInd"] => self.sign = some(),
            ["RvslInd"] => self.reversal = some(),
            ["Sts"] | ["Sts", "Cd"] => self.status = some(),
            ["BookgDt", "Dt" | "DtTm"] => self.booked = some(),
            ["ValDt", "Dt" | "DtTm"] => self.value = some(),
            ["AcctSvcrRef"] => self.bank_ref = some(),
            ["AddtlNtryInf"] => self.info = some(),
            ["BkTxCd", "Domn", "Fmly", "SubFmlyCd"] => self.code = some(),
            ["NtryDtls", "Btch", "PmtInfId"] => self.payment_file = some(),
            ["NtryDtls", "TxDtls", rest @ ..] => {
                if let Some(detail) = self.details.last_mut().filter(|_| !self.overfull) {
                    detail.take(rest, text, currency);
                }
            }
            _ => {}
        }
    }
}

impl RawDetail {
    pub(super) fn take(&mut self, path: &[&str], text: &str, currency: Option<&str>) {
        let some = || Some(text.to_owned());
        let name = || Some(short(text, 140));
        match path {
            ["Refs", "AcctSvcrRef"] => self.bank_ref = some(),
            ["BkTxCd", "Domn", "Fmly", "SubFmlyCd"] => self.code = some(),
            ["Refs", "EndToEndId"] => self.end_to_end = some(),
            ["Refs", "TxId"] => self.transaction = some(),
            ["Amt"] | ["AmtDtls", "TxAmt", "Amt"] => {
                self.amount = some();
                self.currency = currency.map(str::to_owned);
            }
            ["RltdPties", "Dbtr", "Nm"] | ["RltdPties", "Dbtr", "Pty", "Nm"] => {
                self.debtor = name();
            }
            ["RltdPties", "DbtrAcct", "Id", "IBAN"] => self.debtor_iban = name(),
            ["RltdPties", "UltmtDbtr", "Nm"] | ["RltdPties", "UltmtDbtr", "Pty", "Nm"] => {
                self.ultimate_debtor = name();
            }
            ["RltdPties", "Cdtr", "Nm"] | ["RltdPties", "Cdtr", "Pty", "Nm"] => {
                self.creditor = name();
            }
            ["RmtInf", "Ustrd"] => self.add_words(text),
            ["RmtInf", "Strd", "CdtrRefInf", "Ref"] => self.add_reference(text),
            ["RtrInf", "Rsn", "Cd" | "Prtry"] | ["AddtlTxInf"] => {
                if path.len() > 1 {
                    self.reason.get_or_insert_with(|| text.to_owned());
                }
                let info = self.info.get_or_insert_default();
                if info.len() < 1000 {
                    info.push_str(if info.is_empty() { "" } else { " " });
                    info.push_str(text);
                }
            }
            _ => {}
        }
    }
}
