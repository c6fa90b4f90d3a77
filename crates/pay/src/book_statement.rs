//! Statements of the books for the operator's accounting system: ISO 20022 camt.053.001.08, as its banks send them,
//! but of one book. Written in parts, so that nothing is held but an entry.
//!
//! What stands there is made of the books alone: the same days give the same bytes whenever they are written, once
//! the days are over. The account is no IBAN, so that such a file is never taken for a statement of the bank.

use std::fmt::Write as _;

use jiff::{ToSpan, civil::Date, civil::DateTime};
use kvit_billing::{BillNumber, Cents, Currency};
use quick_xml::escape::escape;

use crate::ledger::Account;

/// The message that is written.
pub const FORMAT: &str = "camt.053.001.08";
/// Before the name of a book, where banks have the number of an account.
const OURS: &str = "KVIT/";
/// Letters of a reference in these messages.
const REFERENCE_MAX: usize = 35;
/// Letters of a book's hash in the name of its statement, behind two days of eight digits.
const BOOK_HASH: usize = 16;
/// Bills named in one line of text, which has 140 letters.
const BILLS_IN_LINE: usize = 12;

/// A statement: which book, of which days, and what it held before and after.
#[derive(Clone, Debug)]
pub struct BookStatement {
    /// Of what.
    pub account: Account,
    /// In what.
    pub currency: Currency,
    /// First and last day.
    pub days: (Date, Date),
    /// Before the first day; a debit of the book is positive.
    pub opening: Cents,
    /// After the last day.
    pub closing: Cents,
    /// How many entries there are.
    pub entries: u64,
}

/// One entry of the book.
#[derive(Clone, Debug)]
pub struct BookEntry<'a> {
    /// Its place in the statement, from 1.
    pub number: u64,
    /// Its name in the journal.
    pub id: &'a str,
    /// What it is, such as `payment`.
    pub kind: &'a str,
    /// When it was written, as the operator's clocks show it.
    pub at: DateTime,
    /// Debit positive, credit negative.
    pub cents: Cents,
    /// Whether it takes another one back.
    pub reversal: bool,
    /// The other book of the entry.
    pub other: &'a str,
    /// The bills that it is meant for.
    pub bills: &'a [BillNumber],
}

impl BookStatement {
    /// What comes before the entries.
    #[must_use]
    pub fn head(&self) -> String {
        let (from, until) = self.days;
        // A moment that does not depend on when it is written.
        let made = until.saturating_add(1.day());
        let account = self.name();
        // No two books have the same name for the same days: whoever reads them drops what they have already.
        let book = &digest(&account)[..BOOK_HASH];
        let name = format!(
            "{}-{}-{book}",
            from.strftime("%Y%m%d"),
            until.strftime("%Y%m%d")
        );
        let account = escape(&account);
        let (currency, entries) = (self.currency, self.entries);
        let balance = |code: &str, cents: Cents, day: Date| {
            format!(
                "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy=\"{currency}\">{}</Amt><CdtDbtInd>{}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>\n",
                cents.abs(),
                direction(cents)
            )
        };
        let balances = balance("OPBD", self.opening, from) + &balance("CLBD", self.closing, until);
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:{FORMAT}\">
<BkToCstmrStmt>
<GrpHdr><MsgId>{name}</MsgId><CreDtTm>{made}T00:00:00</CreDtTm></GrpHdr>
<Stmt>
<Id>{name}</Id><CreDtTm>{made}T00:00:00</CreDtTm><FrToDt><FrDtTm>{from}T00:00:00</FrDtTm><ToDtTm>{until}T23:59:59</ToDtTm></FrToDt>
<Acct><Id><Othr><Id>{account}</Id></Othr></Id><Ccy>{currency}</Ccy></Acct>
{balances}<TxsSummry><TtlNtries><NbOfNtries>{entries}</NbOfNtries></TtlNtries></TxsSummry>
"
        )
    }

    /// One entry.
    #[must_use]
    pub fn entry(&self, entry: &BookEntry<'_>) -> String {
        let amount = format!(
            "<Amt Ccy=\"{}\">{}</Amt><CdtDbtInd>{}</CdtDbtInd>",
            self.currency,
            entry.cents.abs(),
            direction(entry.cents)
        );
        let reversal = if entry.reversal {
            "<RvslInd>true</RvslInd>"
        } else {
            ""
        };
        let reference = reference(entry.id);
        let (number, kind, day) = (entry.number, escape(entry.kind), entry.at.date());
        let at = entry.at.strftime("%Y-%m-%dT%H:%M:%S");
        let mut words = format!("<Ustrd>{}</Ustrd>", escape(entry.other));
        for bills in entry.bills.chunks(BILLS_IN_LINE) {
            let bills: Vec<_> = bills.iter().map(ToString::to_string).collect();
            // A string takes whatever is written to it.
            let _ = write!(words, "<Ustrd>{}</Ustrd>", bills.join(" "));
        }
        format!(
            "<Ntry><NtryRef>{number}</NtryRef>{amount}{reversal}<Sts><Cd>BOOK</Cd></Sts><BookgDt><DtTm>{at}</DtTm></BookgDt><ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>{reference}</AcctSvcrRef><BkTxCd><Prtry><Cd>{kind}</Cd><Issr>KVIT</Issr></Prtry></BkTxCd><NtryDtls><TxDtls><Refs><AcctSvcrRef>{reference}</AcctSvcrRef></Refs>{amount}<RmtInf>{words}</RmtInf></TxDtls></NtryDtls><AddtlNtryInf>{}</AddtlNtryInf></Ntry>\n",
            escape(entry.id)
        )
    }

    /// What comes behind the entries.
    #[must_use]
    pub const fn foot() -> &'static str {
        "</Stmt>\n</BkToCstmrStmt>\n</Document>\n"
    }

    /// What stands where banks have the number of the account.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{OURS}{}", self.account)
    }
}

/// As a bank says it of the operator's account: a debit of the book is more in it.
const fn direction(cents: Cents) -> &'static str {
    if cents.is_negative() { "DBIT" } else { "CRDT" }
}

/// The entry's own name where it fits, else one that is made of it.
fn reference(id: &str) -> String {
    if id.len() <= REFERENCE_MAX {
        return escape(id).into_owned();
    }
    digest(id)
}

/// 32 letters that stand for a name.
fn digest(name: &str) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
    hex::encode(&hash.as_ref()[..16])
}
