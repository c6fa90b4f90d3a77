//! Bank statements and what became of their transfers.

use jiff::{Timestamp, civil::Date};
use kvit_billing::Cents;
use kvit_pay::ProviderName;
use kvit_pay::statement::{BANK, Statement, Transfer, TransferKind};
use serde::{Deserialize, Serialize};

use crate::NoticeOutcome;

/// A file of statements that was found to be without a fault.
#[derive(Clone, Debug)]
pub struct NewStatement {
    /// SHA-256 of its bytes, in hex.
    pub id: String,
    /// Its name.
    pub file: String,
    /// Such as `camt.053.001.08`.
    pub format: String,
    /// Its bytes, as gzip.
    pub received: Vec<u8>,
    /// Its statements.
    pub facts: Vec<Statement>,
    /// Who brought it.
    pub by: String,
}

/// A file of statements as the store keeps it.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct StatementRecord {
    /// SHA-256 of its bytes, in hex.
    pub id: String,
    pub file: String,
    pub format: String,
    pub facts: Vec<Statement>,
    pub imported_by: String,
    pub imported_at: Timestamp,
    /// What became of it; `None` until all of it is in the books.
    pub report: Option<StatementReport>,
    /// How often what is kept of it broke off while it was booked.
    pub broke_off: u64,
}

/// So many, and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Their sum, always positive.
    pub cents: Cents,
}

impl Tally {
    fn add(&mut self, cents: Cents) {
        self.count += 1;
        self.cents += cents;
    }
}

/// What became of a file's transfers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementReport {
    /// In a customer's book.
    pub matched: Tally,
    /// In the book of unmatched money, for people.
    pub unmatched: Tally,
    /// What payment systems handed over.
    pub payouts: Tally,
    /// Payments that the bank took back.
    pub taken_back: Tally,
    /// Taken back, and it is not clear which payment; another word about a known one; another debit of a
    /// refund that has left; or the refusal of a debit that is not under way. For people.
    pub unclear: Tally,
    /// Known from another statement.
    pub repeated: Tally,
    /// Unmatched money that was taken out of the books since.
    pub undone: Tally,
    /// None of the customers' money.
    pub spent: Tally,
    /// Refunds that left the account.
    #[serde(default)]
    pub refunded: Tally,
    /// Refunds that came back.
    #[serde(default)]
    pub came_back: Tally,
    /// Direct debits that were refused before money moved.
    #[serde(default)]
    pub debits_refused: Tally,
}

impl StatementReport {
    /// Counts a transfer by what became of it; what is none of the customers' money is in no book.
    pub fn add(&mut self, transfer: &Transfer, booked: Option<Booked>) {
        if let Some(Booked::DebitsRefused { debits, cents }) = booked {
            self.debits_refused.count += debits;
            self.debits_refused.cents += cents;
            return;
        }
        let tally = match (booked, &transfer.kind) {
            (None | Some(Booked::DebitsRefused { .. }), _) => &mut self.spent,
            (Some(Booked::Refunded), _) => &mut self.refunded,
            (Some(Booked::RefundedTwice), _) => &mut self.unclear,
            (Some(Booked::As(NoticeOutcome::Posted)), TransferKind::CameBack) => {
                &mut self.came_back
            }
            (Some(Booked::Repeated), _) => &mut self.repeated,
            (Some(Booked::As(NoticeOutcome::Contradiction)), _) => &mut self.unclear,
            (Some(Booked::As(NoticeOutcome::Reversed)), TransferKind::TakenBack) => {
                &mut self.taken_back
            }
            (Some(Booked::As(_)), TransferKind::TakenBack) => &mut self.unclear,
            (Some(Booked::As(_)), TransferKind::Payout(_)) => &mut self.payouts,
            (Some(Booked::As(NoticeOutcome::Posted | NoticeOutcome::Allocated)), _) => {
                &mut self.matched
            }
            (Some(Booked::As(NoticeOutcome::Reversed)), _) => &mut self.undone,
            (Some(Booked::As(_)), _) => &mut self.unmatched,
        };
        tally.add(transfer.amount);
    }
}

/// What became of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Booked {
    /// This statement brought it first, or found its owner.
    As(NoticeOutcome),
    /// Another statement had brought it.
    Repeated,
    /// Refunds of customers left the account by it.
    Refunded,
    /// A refund that it names had left the account by another debit: it is in no book.
    RefundedTwice,
    /// The bank refused so many direct debits, of this sum.
    DebitsRefused {
        /// How many.
        debits: u64,
        /// Their sum.
        cents: Cents,
    },
}

/// What a bank says about the money of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferNote {
    /// Who paid, as the bank names them.
    pub party: Option<String>,
    /// What they wrote; where they wrote nothing, what the bank adds.
    pub words: String,
    /// When it was booked.
    pub booked: Date,
}

/// What came on one day of one payment system, as three say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconciledDay {
    /// The day.
    pub day: Date,
    /// Which payment system, or `bank`.
    pub provider: ProviderName,
    /// What its notices say. None of the bank: its statements are its notices.
    pub notices: Tally,
    /// What bank statements say that it handed over; of the bank, what came in all.
    pub statements: Tally,
    /// What the books got because of these notices or transfers.
    pub journal: Tally,
    /// What was taken back or given back on that day; never positive.
    pub back: Tally,
    /// Of how many of them the books have another sum, or that money went back of which people have to see.
    pub differing: u64,
}

impl ReconciledDay {
    /// What the books have more, or less, than what was said.
    #[must_use]
    pub fn difference(&self) -> Cents {
        let said = match self.provider.as_str() {
            BANK => self.statements,
            _ => self.notices,
        };
        self.journal.cents - said.cents
    }
}

/// What a payment system holds, and did with it in some days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearingSum {
    /// Which.
    pub provider: ProviderName,
    /// What it held before.
    pub carried: Cents,
    /// What it collected in them.
    pub came: Cents,
    /// What was taken back or given back in them; negative.
    pub back: Cents,
    /// What it handed over in them; negative.
    pub handed: Cents,
    /// What it held then.
    pub left: Cents,
    /// What of that it should have handed over by now; negative where it handed over more than it collected.
    pub late: Cents,
    /// Within how many days it should.
    pub within_days: u32,
}

/// A notice, and what the books got because of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconciledNotice {
    /// Its name.
    pub id: String,
    /// When it came.
    pub received_at: Timestamp,
    /// What became of it.
    pub outcome: Option<NoticeOutcome>,
    /// How much it says.
    pub said: Cents,
    /// How much is booked.
    pub booked: Cents,
}
