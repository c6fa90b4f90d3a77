//! What the operator concedes: refunds and write-offs.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{BillNumber, Cents, CustomerNumber};
use kvit_pay::{Iban, ProviderName};

/// The most that is written off of one bill, in all: a small rest that costs more to collect. Ten euro.
pub const WRITE_OFF_MAX: Cents = Cents::new(1000);

/// What is conceded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConcessionKind {
    /// Money goes back to a bank account.
    Refund {
        /// Which account.
        iban: Iban,
        /// Whose it is, as the bank wants it named.
        payee: String,
        /// The entry of the payment that goes back, as the customer's book names it; `None` for credit.
        payment: Option<String>,
    },
    /// Money of a payment goes back the way it came: through the payment system that it was paid by.
    SameWay {
        /// Which.
        provider: ProviderName,
        /// The entry of the payment, as the customer's book names it.
        payment: String,
    },
    /// What is left of a bill is not asked for any more.
    WriteOff {
        /// The bill.
        bill: BillNumber,
    },
}

impl ConcessionKind {
    /// The word for it, in the store and for machines.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Refund { .. } | Self::SameWay { .. } => "refund",
            Self::WriteOff { .. } => "write-off",
        }
    }

    /// Whether money goes back, by whatever way.
    #[must_use]
    pub const fn is_refund(&self) -> bool {
        !matches!(self, Self::WriteOff { .. })
    }

    /// The entry of the payment that a refund is of.
    #[must_use]
    pub fn payment(&self) -> Option<&str> {
        match self {
            Self::Refund { payment, .. } => payment.as_deref(),
            Self::SameWay { payment, .. } => Some(payment),
            Self::WriteOff { .. } => None,
        }
    }
}

/// What one person proposes.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct NewConcession {
    pub account: CustomerNumber,
    pub kind: ConcessionKind,
    /// Above zero.
    pub amount: Cents,
    pub why: String,
    pub by: String,
}

/// Who did something, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What is known of a refund that a payment system was to give back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct RefundAnswer {
    pub word: RefundWord,
    /// The payment system's name for it, or its reason; what the person wrote who found out; a [`Doubt`].
    pub words: String,
    pub at: Timestamp,
    /// The person who found out what came of it.
    pub found_by: Option<String>,
}

/// What came of asking a payment system to give money back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundWord {
    /// The money goes back.
    Done,
    /// It does not.
    Refused,
    /// The payment was taken back meanwhile, or its money is not there any more: nobody was asked.
    Gone,
    /// Nobody knows.
    Unclear,
}

impl RefundWord {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Done, Self::Refused, Self::Gone, Self::Unclear];

    /// The word for it, in the store and for machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Gone => "gone",
            Self::Unclear => "unclear",
        }
    }
}

/// Why nobody knows whether money went back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// No answer came, or one that it is out of order.
    Silent,
    /// What came is not the payment system's, or says something else.
    Unbelieved,
    /// Whoever asked ended before the answer was kept.
    Died,
    /// A backup was restored: it may have been asked for after that backup.
    Restored,
}

impl Doubt {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Silent, Self::Unbelieved, Self::Died, Self::Restored];

    /// The word for it, in the store and for machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Unbelieved => "unbelieved",
            Self::Died => "died",
            Self::Restored => "restored",
        }
    }
}

/// A payment as its payment system knows it.
#[derive(Clone, Debug)]
pub struct PaidThrough {
    /// Which.
    pub provider: ProviderName,
    /// Our number of the payment there.
    pub number: u64,
    /// Their name for the transaction.
    pub transaction: String,
    /// The notice as it came.
    pub received: Vec<u8>,
}

/// Where a refund or write-off stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConcessionState {
    /// It waits for another person.
    Proposed,
    /// Somebody did not agree, or it was taken back before it left.
    Refused,
    /// Approved: of a write-off nothing more happens, a refund waits for the next file, or for a worker that asks
    /// its payment system.
    Approved,
    /// Its payment system is being asked.
    Asked,
    /// Its payment system was asked, and nobody knows what came of it: a person finds out.
    Unclear,
    /// Its payment system does not give it back: it is the customer's credit again.
    Declined,
    /// It is in a file for the bank.
    Sent,
    /// A statement has the debit, or the payment system gave it back.
    Paid,
    /// The money came back: it is the customer's credit again.
    CameBack,
}

impl ConcessionState {
    /// The word for it, for machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Refused => "refused",
            Self::Approved => "approved",
            Self::Asked => "asked",
            Self::Unclear => "unclear",
            Self::Declined => "declined",
            Self::Sent => "sent",
            Self::Paid => "paid",
            Self::CameBack => "came-back",
        }
    }
}

/// A refund or write-off.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ConcessionRecord {
    /// Counts them, from 1.
    pub number: u64,
    pub account: CustomerNumber,
    pub kind: ConcessionKind,
    pub amount: Cents,
    pub why: String,
    pub proposed: Deed,
    pub approved: Option<Deed>,
    pub refused: Option<Deed>,
    /// The file for the bank that it is in.
    pub file: Option<u64>,
    /// When its payment system was asked, once.
    pub asked_at: Option<Timestamp>,
    /// What is known of that.
    pub answer: Option<RefundAnswer>,
    /// When a statement had the debit, or the payment system gave it back.
    pub paid_at: Option<Timestamp>,
    /// When it was known that the money came back.
    pub back_at: Option<Timestamp>,
    /// Whether its payment system gave it back after all, by the latest correction that was approved.
    pub turned_out: Option<bool>,
    /// The correction that waits for approval.
    pub correction: Option<u64>,
}

impl ConcessionRecord {
    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> ConcessionState {
        let answered = self.answer.as_ref().map(|answer| answer.word);
        if let Some(went_back) = self.turned_out {
            match went_back {
                true => ConcessionState::Paid,
                false => ConcessionState::Declined,
            }
        } else if self.back_at.is_some() {
            ConcessionState::CameBack
        } else if matches!(answered, Some(RefundWord::Refused | RefundWord::Gone)) {
            ConcessionState::Declined
        } else if answered == Some(RefundWord::Unclear) {
            ConcessionState::Unclear
        } else if self.refused.is_some() {
            ConcessionState::Refused
        } else if self.paid_at.is_some() {
            ConcessionState::Paid
        } else if self.asked_at.is_some() {
            ConcessionState::Asked
        } else if self.file.is_some() {
            ConcessionState::Sent
        } else if self.approved.is_some() {
            ConcessionState::Approved
        } else {
            ConcessionState::Proposed
        }
    }

    /// What it may turn out to be that the books do not say: `true` where its payment system gave it back after all.
    /// `None` where that is not known yet, or nobody was asked.
    #[must_use]
    pub fn may_turn_out(&self) -> Option<bool> {
        match (&self.kind, self.asked_at, self.state()) {
            (ConcessionKind::SameWay { .. }, Some(_), ConcessionState::Paid) => Some(false),
            (ConcessionKind::SameWay { .. }, Some(_), ConcessionState::Declined) => Some(true),
            _ => None,
        }
    }

    /// Whether it may still be taken back: nothing left, and a write-off is not undone.
    #[must_use]
    pub fn is_revocable(&self) -> bool {
        match self.state() {
            ConcessionState::Proposed => true,
            ConcessionState::Approved => self.kind.is_refund(),
            _ => false,
        }
    }
}

/// Somebody says that a refund through a payment system, which is in the books as given or as not given, turned out
/// to be the other.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct RefundCorrection {
    /// Counts them, from 1.
    pub number: u64,
    pub refund: u64,
    /// What it turned out to be.
    pub went_back: bool,
    /// Where that was seen.
    pub seen: String,
    pub said: Deed,
    pub approved: Option<Deed>,
    pub refused: Option<Deed>,
}

/// What became of a proposal, or of a word about one. Only the first four changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concede {
    /// It waits for another person, under this number.
    Proposed(u64),
    /// It is in the books.
    Approved,
    /// It is not done, or taken back.
    Refused,
    /// A person found out what came of an unclear refund.
    Cleared,
    /// There is no such customer.
    UnknownCustomer,
    /// The customer has no such bill.
    OtherBill,
    /// The customer's book has no such payment, or it was taken back.
    OtherPayment,
    /// There is only so much: credit, what is left of the payment or of the bill.
    TooMuch(Cents),
    /// With what is written off of the bill already, or waits to be, more than [`WRITE_OFF_MAX`].
    NotSmall,
    /// There is no such proposal.
    Unknown,
    /// Who proposed it cannot approve it; nor can who did either say what came of it, or approve a correction.
    SamePerson,
    /// It was approved, refused or sent meanwhile.
    Over,
}

/// Which refunds and write-offs are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concessions<'a> {
    /// Those that wait for another person, oldest first.
    Proposed,
    /// Refunds that wait for a file, oldest first.
    ToSend,
    /// Refunds for a worker to ask this payment system for, oldest first.
    ToAsk(&'a ProviderName),
    /// Refunds through payment systems that are not over, the unclear ones first.
    SameWay,
    /// Refunds of which a correction waits for approval, oldest first.
    ToCorrect,
    /// All, newest first.
    Latest,
    /// A customer's, newest first.
    Of(&'a CustomerNumber),
    /// Those in a file, in its order.
    In(u64),
}

/// A file of refunds for the bank.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct RefundFile {
    /// Counts them, from 1.
    pub number: u64,
    pub transfers: u64,
    pub cents: Cents,
    /// The day on which the bank is to pay.
    pub day: Date,
    pub made: Deed,
    /// How many of its refunds a statement has, or came back.
    pub settled: u64,
}

/// What became of making a file.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The file; `None` where no refund waits.
    pub file: Option<RefundFile>,
    /// Refunds that stay behind: the payment that is given back was taken back, or another was, and
    /// the credit that is given back is none any more. Two people look at them: they may be taken back.
    pub held: Vec<u64>,
}
