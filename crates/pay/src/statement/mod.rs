//! Bank statements: ISO 20022 camt.053 (a statement with its balances) and camt.054 (a notification),
//! versions .02 to .13, and pain.002 (a report about direct debits), .03 to .14, read as a stream.
//!
//! [`StatementReader`] gives one [`Transfer`] after the other and judges the file: every [`Fault`] has
//! its line, its place, its [`Check`] and the values. A transfer that moves money of customers becomes a
//! [`VerifiedNotice`] of the payment system [`BANK`]; that it stands in a statement of the operator's
//! own account, brought by somebody of staff, is its proof. Whose it is, the store looks up by what
//! [`Named`] finds in its words.

mod budget;
mod entry;
mod fault;
mod fields;
mod gaps;
mod named;
mod read;
mod rejected;
mod tag;
mod transfer;
mod values;
mod xml;

use jiff::civil::Date;
use kvit_billing::{Cents, Currency};
use serde::{Deserialize, Serialize};

pub use fault::{Check, Fault, Place};
pub use gaps::{Gap, gaps};
pub use named::Named;
pub use read::StatementReader;
pub use transfer::{Transfer, TransferKind};
pub use xml::TOKEN_BYTES_MAX;

use crate::ProviderName;

/// The name of bank transfers among the payment systems. No other may have it.
pub const BANK: &str = "bank";
/// Faults that are kept of a file; more are counted.
pub const FAULTS_MAX: usize = 1000;

/// What a statement has to be about.
#[derive(Clone, Debug)]
pub struct StatementRules {
    /// The operator's accounts.
    pub ibans: Vec<String>,
    /// Their currency; `None` where any will do.
    pub currency: Option<Currency>,
    /// How payment systems pay out what they collected.
    pub payouts: Vec<PayOut>,
}

/// How the payment of a payment system that hands over what it collected looks in a statement. Its
/// customers' payments were reported by itself; these sums must not count as payments again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayOut {
    /// Which payment system.
    pub provider: ProviderName,
    /// The accounts from which it pays.
    pub ibans: Vec<String>,
    /// What the bank writes where it names no account of the payer, as with cards that it settles itself.
    /// Empty: nothing is told by text.
    pub text: String,
}

/// One statement or notification of a file, as it says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The bank's name for it.
    pub id: String,
    /// The account; empty of a report, which is about a file of orders.
    pub iban: String,
    /// First and last day, where they are told.
    pub from: Option<Date>,
    /// See `from`.
    pub to: Option<Date>,
    /// Balance before and after, which notifications do not have. Negative where it is overdrawn.
    pub opening: Option<Cents>,
    /// See `opening`.
    pub closing: Option<Cents>,
    /// Booked entries; of a report what is refused.
    pub entries: u64,
    /// Entries that are not booked (yet), or of nothing, and what is not refused: passed over.
    pub ignored: u64,
}

/// What became of reading a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// What it is, such as `camt.053.001.08`.
    pub format: String,
    /// Its statements.
    pub statements: Vec<Statement>,
    /// The first [`FAULTS_MAX`], in their order.
    pub faults: Vec<Fault>,
    /// How many there are.
    pub faults_counted: u64,
}

impl Judged {
    fn fault(&mut self, fault: Fault) {
        self.faults_counted += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }
}

/// An account number without spaces, in capital letters.
#[must_use]
pub fn compact(iban: &str) -> String {
    iban.chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_ascii_uppercase())
        .collect()
}
