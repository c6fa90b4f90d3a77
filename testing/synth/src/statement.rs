//! The invented operator's bank statement: customers who pay by transfer, as carefully and as carelessly
//! as people do.

use std::fmt::Write as _;

use jiff::civil::Date;
use kvit_billing::{BillNumber, Cents, Currency, CustomerNumber, reference::CreditorReference};

use crate::operator;

/// The account from which the invented ePay hands over what it collected.
pub const PAYOUT_IBAN: &str = "BG18RZBB91550123456789";
/// What is on the account before a [`statement`].
pub const OPENING: Cents = Cents::new(1_250_000);
const FEE: Cents = Cents::new(1250);
const PAYOUT: Cents = Cents::new(48_000);

/// A bill that is paid by bank transfer.
#[derive(Clone, Debug)]
pub struct PaidBill {
    /// Which.
    pub bill: BillNumber,
    /// Whose.
    pub account: CustomerNumber,
    /// Who pays it.
    pub payer: String,
    /// How much.
    pub cents: Cents,
}

/// A statement of a day (camt.053.001.08) with these payments. Of five payers one gives the creditor
/// reference, one copies it into the text, one writes the bill's number, one their customer
/// number, and one nothing that helps. Then come a fee, what ePay handed over, a payment that is not
/// booked yet, and, where there are enough, the first payment taken back.
#[must_use]
pub fn statement(day: Date, paid: &[PaidBill]) -> String {
    let mut entries = String::new();
    let mut closing = OPENING;
    for (at, paid) in paid.iter().enumerate() {
        closing += paid.cents;
        entries.push_str(&payment(day, at, paid, "BOOK"));
    }
    closing += PAYOUT - FEE;
    entries.push_str(&entry(
        day,
        ("CRDT", "BOOK", ""),
        PAYOUT,
        "PO-1",
        &format!(
            "<RltdPties><Dbtr><Pty><Nm>ePay.bg</Nm></Pty></Dbtr><DbtrAcct><Id><IBAN>{PAYOUT_IBAN}</IBAN></Id></DbtrAcct></RltdPties><RmtInf><Ustrd>Превод събрани суми</Ustrd></RmtInf>"
        ),
    ));
    entries.push_str(&entry(day, ("DBIT", "BOOK", ""), FEE, "FEE-1", ""));
    if let [first, _, _, _, _, ..] = paid {
        closing = closing - first.cents;
        let details = format!(
            "<Refs><EndToEndId>E2E-{}</EndToEndId></Refs><RtrInf><Rsn><Cd>FOCR</Cd></Rsn></RtrInf>",
            first.bill
        );
        entries.push_str(&entry(
            day,
            ("DBIT", "BOOK", "<RvslInd>true</RvslInd>"),
            first.cents,
            "RET-1",
            &details,
        ));
        entries.push_str(&payment(day, paid.len(), first, "PDNG"));
    }
    document(day, (OPENING, closing), &entries)
}

/// A statement of a day with these payments, each of which gives its reference, and what is on the account after it.
#[must_use]
pub fn settled(day: Date, opening: Cents, paid: &[PaidBill]) -> (String, Cents) {
    let mut entries = String::new();
    let mut closing = opening;
    for (at, paid) in paid.iter().enumerate() {
        closing += paid.cents;
        let said = structured(&CreditorReference::of(paid.bill));
        entries.push_str(&transfer(day, at, paid, "BOOK", &said));
    }
    (document(day, (opening, closing), &entries), closing)
}

fn document(day: Date, (opening, closing): (Cents, Cents), entries: &str) -> String {
    let iban: String = operator().0.iban.split_whitespace().collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\">\n<BkToCstmrStmt>\n<GrpHdr><MsgId>{day}</MsgId><CreDtTm>{day}T20:00:00</CreDtTm></GrpHdr>\n<Stmt>\n<Id>{day}</Id>\n<Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>{}</Ccy></Acct>\n{}{}{entries}</Stmt>\n</BkToCstmrStmt>\n</Document>\n",
        Currency::EUR,
        balance("OPBD", opening, day),
        balance("CLBD", closing, day),
    )
}

fn payment(day: Date, at: usize, paid: &PaidBill, status: &str) -> String {
    let PaidBill { bill, account, .. } = paid;
    let reference = CreditorReference::of(*bill);
    let said = match at % 5 {
        0 => structured(&reference),
        1 => format!("<Ustrd>ток {reference}</Ustrd>"),
        2 => format!("<Ustrd>Плащане по фактура {bill}</Ustrd>"),
        3 => format!("<Ustrd>кл. номер {account}</Ustrd>"),
        _ => "<Ustrd>за тока, благодаря</Ustrd>".to_owned(),
    };
    transfer(day, at, paid, status, &said)
}

fn structured(reference: &CreditorReference) -> String {
    format!(
        "<Strd><CdtrRefInf><Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp><Ref>{}</Ref></CdtrRefInf></Strd>",
        reference.as_str()
    )
}

fn transfer(day: Date, at: usize, paid: &PaidBill, status: &str, said: &str) -> String {
    let PaidBill {
        bill, payer, cents, ..
    } = paid;
    let details = format!(
        "<Refs><EndToEndId>E2E-{bill}</EndToEndId></Refs><RltdPties><Dbtr><Pty><Nm>{}</Nm></Pty></Dbtr></RltdPties><RmtInf>{said}</RmtInf>",
        escaped(payer)
    );
    let name = format!("FT{}{at:04}", day.strftime("%y%m%d"));
    entry(day, ("CRDT", status, ""), *cents, &name, &details)
}

/// `what` is direction, status, and the mark of a reversal.
fn entry(
    day: Date,
    (sign, status, mark): (&str, &str, &str),
    cents: Cents,
    name: &str,
    details: &str,
) -> String {
    let mut text = format!(
        "<Ntry><Amt Ccy=\"EUR\">{cents}</Amt><CdtDbtInd>{sign}</CdtDbtInd>{mark}<Sts><Cd>{status}</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>{name}</AcctSvcrRef>"
    );
    if !details.is_empty() {
        // A string takes whatever is written to it.
        let _ = write!(text, "<NtryDtls><TxDtls>{details}</TxDtls></NtryDtls>");
    }
    text.push_str("</Ntry>\n");
    text
}

fn balance(code: &str, cents: Cents, day: Date) -> String {
    let sign = if cents.is_negative() { "DBIT" } else { "CRDT" };
    format!(
        "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">{}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>\n",
        cents.abs()
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
