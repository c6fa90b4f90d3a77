//! Files of direct debits for the operator's bank: ISO 20022 pain.008.001.08, as the SEPA Core scheme has it
//! (EPC130-08). Autopay collects by them.

use jiff::{Timestamp, ToSpan, civil::Date};
use kvit_billing::Cents;
use quick_xml::escape::escape;

pub use crate::target::{bank_day, bank_days_after, bank_days_before};
use crate::{creditor::CreditorId, iban::Iban, latin::escaped};

/// The message that is written.
pub const FORMAT: &str = "pain.008.001.08";
/// A mandate ends once nothing was collected by it for so long (EPC016-06, 4.1).
pub const MANDATE_MONTHS: i32 = 36;
/// A debit is ordered no earlier than so many bank days before its day.
pub const ORDER_DAYS: u8 = 3;
/// Letters of a name, for the customer's form as well.
pub const NAME_MAX: usize = 70;
/// Letters of a text for the payer.
const WORDS_MAX: usize = 140;
const DEBIT: &str = "KVIT-DEBIT-";
const FILE: &str = "KVIT-DEBITS-";

/// Why banks refuse or return a debit, where that ends the mandate: the account is wrong or closed, the
/// payer died, gave no mandate, refuses, or has the creditor locked out.
const ENDING: [&str; 8] = [
    "AC01", "AC04", "AC13", "MD01", "MD02", "MD07", "MS02", "SL01",
];

/// Whether a bank's reason ends the mandate. After any other the next bill is collected by it again.
#[must_use]
pub fn ends_mandate(reason: &str) -> bool {
    ENDING.contains(&reason)
}

/// Up to when whoever pays in another way is not debited on `day`. Customers are told this date and no number of
/// days, since they count other holidays than banks. A transfer has a bank day to arrive, before it is ordered.
#[must_use]
pub fn pay_otherwise_until(day: Date) -> Date {
    bank_days_before(day, ORDER_DAYS + 1).saturating_sub(1.day())
}

/// What banks call the debit of this number, in every message about it.
#[must_use]
pub fn end_to_end(debit: u64) -> String {
    format!("{DEBIT}{debit}")
}

/// The number of the debit that is called so.
#[must_use]
pub fn debit_named(end_to_end: &str) -> Option<u64> {
    plain(end_to_end.trim().strip_prefix(DEBIT)?)
}

/// What banks call the file of this number.
#[must_use]
pub fn file_name(file: u64) -> String {
    format!("{FILE}{file}")
}

/// What banks call a part of a file.
#[must_use]
pub fn part_name(file: u64, part: u64) -> String {
    format!("{FILE}{file}-{part}")
}

/// The number of the file that is called so, and of its part where it is one.
#[must_use]
pub fn file_named(name: &str) -> Option<(u64, Option<u64>)> {
    let rest = name.trim().strip_prefix(FILE)?;
    match rest.split_once('-') {
        None => Some((plain(rest)?, None)),
        Some((file, part)) => Some((plain(file)?, Some(plain(part)?))),
    }
}

/// The unique reference of the mandate of this number, as its customer and the banks read it.
#[must_use]
pub fn mandate_reference(mandate: u64) -> String {
    format!("KVIT-MANDATE-{mandate}")
}

fn plain(number: &str) -> Option<u64> {
    let plain = !number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit());
    number.parse().ok().filter(|_| plain)
}

/// Whether a debit is the first by its mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sequence {
    /// The first one, also where earlier ones were refused before any money moved.
    First,
    /// One that follows.
    Recurring,
}

impl Sequence {
    /// The code in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "FRST",
            Self::Recurring => "RCUR",
        }
    }
}

/// Whose account gets the money.
#[derive(Clone, Debug)]
pub struct Collector {
    /// The operator's name.
    pub name: String,
    /// The operator's account.
    pub iban: Iban,
    /// Its bank's BIC; may be empty.
    pub bic: String,
}

/// One debit.
#[derive(Clone, Debug)]
pub struct DirectDebit {
    /// Its number.
    pub debit: u64,
    /// How much; above zero. Euro.
    pub amount: Cents,
    /// The number of the mandate.
    pub mandate: u64,
    /// The day on which the mandate was given.
    pub signed: Date,
    /// Whose account it is.
    pub holder: String,
    /// From which account.
    pub iban: Iban,
    /// What the payer reads.
    pub words: String,
}

/// Debits of one day, sequence and creditor: they stand together in a file.
#[derive(Clone, Debug)]
pub struct DebitPart {
    /// On which day the money is collected.
    pub day: Date,
    /// First or following ones.
    pub sequence: Sequence,
    /// Who collects.
    pub creditor: CreditorId,
    /// What is collected.
    pub debits: Vec<DirectDebit>,
}

/// A file, complete.
#[derive(Clone, Debug)]
pub struct DebitFile {
    /// Its number.
    pub number: u64,
    /// When it was made.
    pub at: Timestamp,
    /// Whose account gets the money.
    pub collector: Collector,
    /// Its parts, numbered from 1.
    pub parts: Vec<DebitPart>,
}

fn sum(debits: &[DirectDebit]) -> Cents {
    debits.iter().map(|debit| debit.amount).sum()
}

impl DebitFile {
    /// How many debits it has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.parts.iter().map(|part| part.debits.len()).sum()
    }

    /// Sum of its debits.
    #[must_use]
    pub fn sum(&self) -> Cents {
        self.parts.iter().map(|part| sum(&part.debits)).sum()
    }

    /// Its bytes. Equal values give equal bytes. Each debit is to be booked by itself, so that the
    /// statement names it.
    #[must_use]
    pub fn xml(&self) -> String {
        let name = file_name(self.number);
        let (count, total) = (self.count(), self.sum());
        let collector = escaped(&self.collector.name, NAME_MAX);
        let iban = self.collector.iban.as_str();
        let bank = match self.collector.bic.trim() {
            "" => "<Othr><Id>NOTPROVIDED</Id></Othr>".to_owned(),
            bic => format!("<BICFI>{}</BICFI>", escape(bic)),
        };
        let at = self.at.strftime("%Y-%m-%dT%H:%M:%SZ");
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:{FORMAT}\">
<CstmrDrctDbtInitn>
<GrpHdr><MsgId>{name}</MsgId><CreDtTm>{at}</CreDtTm><NbOfTxs>{count}</NbOfTxs><CtrlSum>{total}</CtrlSum><InitgPty><Nm>{collector}</Nm></InitgPty></GrpHdr>
"
        );
        for (no, part) in (1_u64..).zip(&self.parts) {
            let name = part_name(self.number, no);
            let (count, total) = (part.debits.len(), sum(&part.debits));
            let (day, sequence) = (part.day, part.sequence.as_str());
            let creditor = &part.creditor;
            xml.push_str(&format!(
                "<PmtInf>
<PmtInfId>{name}</PmtInfId><PmtMtd>DD</PmtMtd><BtchBookg>false</BtchBookg><NbOfTxs>{count}</NbOfTxs><CtrlSum>{total}</CtrlSum>
<PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl><LclInstrm><Cd>CORE</Cd></LclInstrm><SeqTp>{sequence}</SeqTp></PmtTpInf><ReqdColltnDt>{day}</ReqdColltnDt>
<Cdtr><Nm>{collector}</Nm></Cdtr><CdtrAcct><Id><IBAN>{iban}</IBAN></Id></CdtrAcct><CdtrAgt><FinInstnId>{bank}</FinInstnId></CdtrAgt><ChrgBr>SLEV</ChrgBr>
<CdtrSchmeId><Id><PrvtId><Othr><Id>{creditor}</Id><SchmeNm><Prtry>SEPA</Prtry></SchmeNm></Othr></PrvtId></Id></CdtrSchmeId>
"
            ));
            for debit in &part.debits {
                let id = end_to_end(debit.debit);
                let mandate = mandate_reference(debit.mandate);
                let holder = escaped(&debit.holder, NAME_MAX);
                let words = escaped(&debit.words, WORDS_MAX);
                let (amount, signed, iban) = (debit.amount, debit.signed, debit.iban.as_str());
                xml.push_str(&format!(
                    "<DrctDbtTxInf><PmtId><InstrId>{id}</InstrId><EndToEndId>{id}</EndToEndId></PmtId><InstdAmt Ccy=\"EUR\">{amount}</InstdAmt><DrctDbtTx><MndtRltdInf><MndtId>{mandate}</MndtId><DtOfSgntr>{signed}</DtOfSgntr></MndtRltdInf></DrctDbtTx><DbtrAgt><FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId></DbtrAgt><Dbtr><Nm>{holder}</Nm></Dbtr><DbtrAcct><Id><IBAN>{iban}</IBAN></Id></DbtrAcct><RmtInf><Ustrd>{words}</Ustrd></RmtInf></DrctDbtTxInf>\n"
                ));
            }
            xml.push_str("</PmtInf>\n");
        }
        xml.push_str("</CstmrDrctDbtInitn>\n</Document>\n");
        xml
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> DebitFile {
        let debit = |debit, cents, holder: &str| DirectDebit {
            debit,
            amount: Cents::new(cents),
            mandate: debit + 100,
            signed: Date::constant(2026, 11, 1),
            holder: holder.to_owned(),
            iban: "BG80BNBG96611020345678".parse().expect("an account"),
            words: "Сметка 4000000042, клиент 1000042".to_owned(),
        };
        let part = |sequence, debits| DebitPart {
            day: Date::constant(2026, 12, 10),
            sequence,
            creditor: "DE98ZZZ09999999999".parse().expect("an identifier"),
            debits,
        };
        DebitFile {
            number: 3,
            at: Timestamp::UNIX_EPOCH,
            collector: Collector {
                name: "„Енерго“ АД".to_owned(),
                iban: "BG18RZBB91550123456789".parse().expect("an account"),
                bic: String::new(),
            },
            parts: vec![
                part(Sequence::First, vec![debit(7, 1234, "Ана О'Нийл")]),
                part(
                    Sequence::Recurring,
                    vec![debit(8, 5, "字"), debit(9, 700, "Иван & син")],
                ),
            ],
        }
    }

    #[test]
    fn a_file_has_its_sums_and_each_debit_its_mandate() {
        let xml = file().xml();
        for part in [
            "<MsgId>KVIT-DEBITS-3</MsgId>",
            "<NbOfTxs>3</NbOfTxs><CtrlSum>19.39</CtrlSum><InitgPty>",
            "<PmtInfId>KVIT-DEBITS-3-2</PmtInfId>",
            "<NbOfTxs>2</NbOfTxs><CtrlSum>7.05</CtrlSum>",
            "<SeqTp>FRST</SeqTp></PmtTpInf><ReqdColltnDt>2026-12-10</ReqdColltnDt>",
            "<SeqTp>RCUR</SeqTp>",
            "<Id>DE98ZZZ09999999999</Id><SchmeNm><Prtry>SEPA</Prtry></SchmeNm>",
            "<EndToEndId>KVIT-DEBIT-7</EndToEndId>",
            "<MndtId>KVIT-MANDATE-107</MndtId><DtOfSgntr>2026-11-01</DtOfSgntr>",
            "<InstdAmt Ccy=\"EUR\">0.05</InstdAmt>",
            "<Nm>Ana O&apos;Niyl</Nm>",
            "<Nm>NOT PROVIDED</Nm>",
            "<Ustrd>Smetka 4000000042, klient 1000042</Ustrd>",
        ] {
            assert!(xml.contains(part), "{part}: {xml}");
        }
        assert_eq!(xml, file().xml());
    }

    #[test]
    fn names_are_found_again() {
        assert_eq!(debit_named(&end_to_end(42)), Some(42));
        assert_eq!(file_named(&file_name(42)), Some((42, None)));
        assert_eq!(file_named(&part_name(42, 2)), Some((42, Some(2))));
        for other in ["KVIT-DEBIT-", "KVIT-DEBIT-042", "KVIT-DEBIT-+4", "42"] {
            assert_eq!(debit_named(other), None, "{other}");
        }
        for other in [
            "KVIT-DEBITS-",
            "KVIT-DEBITS-1-",
            "KVIT-DEBITS-1-0",
            "KVIT-REFUNDS-1",
        ] {
            assert_eq!(file_named(other), None, "{other}");
        }
    }

    #[test]
    fn only_some_reasons_end_a_mandate() {
        assert!(ENDING.is_sorted() && ends_mandate("AC04") && ends_mandate("MD01"));
        for other in ["AM04", "MD06", "MS03", "AG01", ""] {
            assert!(!ends_mandate(other), "{other}");
        }
    }
}
