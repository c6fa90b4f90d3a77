//! Files of credit transfers for the operator's bank: ISO 20022 pain.001.001.09, as SEPA has it
//! (EPC132-08). What goes back to customers leaves by them.

use jiff::{Timestamp, civil::Date};
use kvit_billing::Cents;
use quick_xml::escape::escape;

use crate::{iban::Iban, latin::escaped};

/// The message that is written.
pub const FORMAT: &str = "pain.001.001.09";
/// Letters of a name.
const NAME_MAX: usize = 70;
/// Letters of a text for the payee.
const WORDS_MAX: usize = 140;

/// What banks call the refund of this number, in every message about it.
#[must_use]
pub fn end_to_end(refund: u64) -> String {
    format!("KVIT-REFUND-{refund}")
}

/// The number of the refund that is called so.
#[must_use]
pub fn refund_named(end_to_end: &str) -> Option<u64> {
    let number = end_to_end.trim().strip_prefix("KVIT-REFUND-")?;
    let plain = !number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit());
    number.parse().ok().filter(|_| plain)
}

/// What banks call the file of this number.
#[must_use]
pub fn file_name(file: u64) -> String {
    format!("KVIT-REFUNDS-{file}")
}

/// The number of the file that is called so.
#[must_use]
pub fn file_named(name: &str) -> Option<u64> {
    let number = name.trim().strip_prefix("KVIT-REFUNDS-")?;
    let plain = !number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit());
    number.parse().ok().filter(|_| plain)
}

/// Whose account pays.
#[derive(Clone, Debug)]
pub struct Payer {
    /// The operator's name.
    pub name: String,
    /// The operator's account.
    pub iban: Iban,
    /// Its bank's BIC; may be empty.
    pub bic: String,
}

/// One transfer.
#[derive(Clone, Debug)]
pub struct CreditTransfer {
    /// The refund's number.
    pub refund: u64,
    /// How much; above zero. Euro.
    pub amount: Cents,
    /// Whose account it is.
    pub name: String,
    /// To which account.
    pub iban: Iban,
    /// What the payee reads.
    pub words: String,
}

/// A file, complete.
#[derive(Clone, Debug)]
pub struct CreditFile {
    /// Its number.
    pub number: u64,
    /// When it was made.
    pub at: Timestamp,
    /// On which day the bank is to pay.
    pub day: Date,
    /// Who pays.
    pub payer: Payer,
    /// What is paid.
    pub transfers: Vec<CreditTransfer>,
}

impl CreditFile {
    /// Sum of its transfers.
    #[must_use]
    pub fn sum(&self) -> Cents {
        self.transfers.iter().map(|transfer| transfer.amount).sum()
    }

    /// Its bytes. Equal values give equal bytes. Each transfer is to be booked by itself, so that the
    /// statement names it.
    #[must_use]
    pub fn xml(&self) -> String {
        let name = file_name(self.number);
        let (count, sum) = (self.transfers.len(), self.sum());
        let payer = escaped(&self.payer.name, NAME_MAX);
        let iban = self.payer.iban.as_str();
        let bank = match self.payer.bic.trim() {
            "" => "<Othr><Id>NOTPROVIDED</Id></Othr>".to_owned(),
            bic => format!("<BICFI>{}</BICFI>", escape(bic)),
        };
        let at = self.at.strftime("%Y-%m-%dT%H:%M:%SZ");
        let day = self.day;
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:{FORMAT}\">
<CstmrCdtTrfInitn>
<GrpHdr><MsgId>{name}</MsgId><CreDtTm>{at}</CreDtTm><NbOfTxs>{count}</NbOfTxs><CtrlSum>{sum}</CtrlSum><InitgPty><Nm>{payer}</Nm></InitgPty></GrpHdr>
<PmtInf>
<PmtInfId>{name}</PmtInfId><PmtMtd>TRF</PmtMtd><BtchBookg>false</BtchBookg><NbOfTxs>{count}</NbOfTxs><CtrlSum>{sum}</CtrlSum>
<PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf><ReqdExctnDt><Dt>{day}</Dt></ReqdExctnDt>
<Dbtr><Nm>{payer}</Nm></Dbtr><DbtrAcct><Id><IBAN>{iban}</IBAN></Id></DbtrAcct><DbtrAgt><FinInstnId>{bank}</FinInstnId></DbtrAgt><ChrgBr>SLEV</ChrgBr>
"
        );
        for transfer in &self.transfers {
            let id = end_to_end(transfer.refund);
            let payee = escaped(&transfer.name, NAME_MAX);
            let words = escaped(&transfer.words, WORDS_MAX);
            let (amount, iban) = (transfer.amount, transfer.iban.as_str());
            xml.push_str(&format!(
                "<CdtTrfTxInf><PmtId><InstrId>{id}</InstrId><EndToEndId>{id}</EndToEndId></PmtId><Amt><InstdAmt Ccy=\"EUR\">{amount}</InstdAmt></Amt><Cdtr><Nm>{payee}</Nm></Cdtr><CdtrAcct><Id><IBAN>{iban}</IBAN></Id></CdtrAcct><RmtInf><Ustrd>{words}</Ustrd></RmtInf></CdtTrfTxInf>\n"
            ));
        }
        xml.push_str("</PmtInf>\n</CstmrCdtTrfInitn>\n</Document>\n");
        xml
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> CreditFile {
        let transfer = |refund, cents, name: &str| CreditTransfer {
            refund,
            amount: Cents::new(cents),
            name: name.to_owned(),
            iban: "BG80BNBG96611020345678".parse().expect("an account"),
            words: "Възстановена сума, клиент 1000042".to_owned(),
        };
        CreditFile {
            number: 3,
            at: Timestamp::UNIX_EPOCH,
            day: Date::constant(2026, 11, 30),
            payer: Payer {
                name: "„Енерго“ АД".to_owned(),
                iban: "BG18RZBB91550123456789".parse().expect("an account"),
                bic: String::new(),
            },
            transfers: vec![transfer(7, 1234, "Ана О'Нийл"), transfer(9, 5, "字")],
        }
    }

    #[test]
    fn a_file_has_its_sums_and_each_transfer_its_name() {
        let xml = file().xml();
        for part in [
            "<MsgId>KVIT-REFUNDS-3</MsgId>",
            "<NbOfTxs>2</NbOfTxs><CtrlSum>12.39</CtrlSum>",
            "<BtchBookg>false</BtchBookg>",
            "<ReqdExctnDt><Dt>2026-11-30</Dt></ReqdExctnDt>",
            "<Nm>Energo AD</Nm>",
            "<EndToEndId>KVIT-REFUND-7</EndToEndId>",
            "<InstdAmt Ccy=\"EUR\">0.05</InstdAmt>",
            "<Nm>Ana O&apos;Niyl</Nm>",
            "<Nm>NOT PROVIDED</Nm>",
            "<Ustrd>Vazstanovena suma, klient 1000042</Ustrd>",
            "<Othr><Id>NOTPROVIDED</Id></Othr>",
        ] {
            assert!(xml.contains(part), "{part}: {xml}");
        }
        assert_eq!(xml, file().xml());
    }

    #[test]
    fn names_are_found_again() {
        assert_eq!(refund_named(&end_to_end(42)), Some(42));
        assert_eq!(file_named(&file_name(42)), Some(42));
        for other in [
            "KVIT-REFUND-",
            "KVIT-REFUND-042",
            "KVIT-REFUND-+4",
            "42",
            "KVIT-REFUNDS-4",
        ] {
            assert_eq!(refund_named(other), None, "{other}");
        }
    }
}
