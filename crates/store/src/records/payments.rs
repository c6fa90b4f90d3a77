//! Payments, notices and the books.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{BillNumber, Cents, Currency, CustomerNumber, RunId};
use kvit_pay::{
    PaymentState, ProviderName,
    aging::{Aged, AgedTotals},
    dialects::Nonce,
    ledger::Book,
    state::Heard,
};

use crate::{BillRecord, TransferNote};

/// A payment that a customer is about to make.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct NewPayment {
    pub provider: ProviderName,
    /// The bill whose page it was begun on.
    pub bill: BillNumber,
    pub account: CustomerNumber,
    /// What it pays, in this order.
    pub bills: Vec<BillNumber>,
    /// How, in the payment system's own kinds: `account`, `card`, `cash`.
    pub way: String,
    /// The first number at this provider, where no higher one was given yet.
    pub first_number: u64,
    pub amount: Cents,
    pub currency: Currency,
    pub at: Timestamp,
    pub expires_at: Timestamp,
    /// When to ask the payment system, where it does not call by itself.
    pub poll_at: Option<Timestamp>,
    /// What the payment system is asked with, where its answers name that.
    pub nonce: Option<Nonce>,
    /// What of it is for which bill, where several were chosen together; together they are the amount. Else
    /// none: then all of it is for `account`.
    pub parts: Vec<PaymentPart>,
}

/// What of a payment is for one of the bills that were chosen together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct PaymentPart {
    pub bill: BillNumber,
    /// Whose the bill is.
    pub account: CustomerNumber,
    /// Above zero.
    pub amount: Cents,
}

/// A payment that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct PaymentRecord {
    pub provider: ProviderName,
    /// Counts the payments at this provider, from 1.
    pub number: u64,
    pub bill: BillNumber,
    pub account: CustomerNumber,
    pub bills: Vec<BillNumber>,
    pub way: String,
    pub amount: Cents,
    pub currency: Currency,
    pub started_at: Timestamp,
    pub expires_at: Timestamp,
    /// With which it can be paid in cash.
    pub code: Option<String>,
    /// How often the payment system was asked.
    pub polls: u32,
    /// When it is asked next; `None` where it is not, or not any more. In the year 9999 where it is left to people.
    pub next_poll_at: Option<Timestamp>,
    /// What the payment system was asked with; `None` where its answers do not name that, or it was not kept then.
    pub nonce: Option<Nonce>,
    /// Whether it was begun for bills that were chosen together, and so has parts.
    pub together: bool,
}

/// A payment and what was heard of it.
#[derive(Clone, Debug)]
pub struct PaymentView {
    /// The payment.
    pub payment: PaymentRecord,
    /// What was heard.
    pub heard: Heard,
}

impl PaymentView {
    /// Where it stands at a moment. While it is not said whose the rest of its money is, no bill of a payment for
    /// several is to be paid again.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> PaymentState {
        match self.heard.state(now) {
            PaymentState::Settled if self.payment.together && self.heard.held => PaymentState::Held,
            state => state,
        }
    }
}

/// What became of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeOutcome {
    /// Its money is in the customer's book.
    Posted,
    /// Kept; it moves no money.
    Noted,
    /// The money that it takes back was taken out of the customer's book.
    Reversed,
    /// It takes money back that had not come. Should the money come later, it goes back at once where
    /// the reversal named it, and needs a person where it only named the order.
    NothingToReverse,
    /// Money of a payment that was not begun here: in the book of unmatched money.
    UnknownPayment,
    /// Another amount than was asked for: in the book of unmatched money.
    OtherAmount,
    /// Another currency than was asked for: in no book.
    OtherCurrency,
    /// A customer who is not known: in the book of unmatched money.
    UnknownCustomer,
    /// A bank transfer that names no customer, or several: in the book of unmatched money.
    NoOwner,
    /// The bank took money back, and it is not known which payment that was: two people reverse it.
    UnclearReturn,
    /// It says that nothing was paid of a payment that is paid, or something else than before about the
    /// same transaction, or takes back what may be one of several payments.
    Contradiction,
    /// Money that does not fit and that the payment system gives back, as it was told: in no book.
    Returned,
    /// Unmatched money that two people have given to a customer.
    Allocated,
    /// Two people say that nothing is to be done about it.
    Settled,
}

impl NoticeOutcome {
    /// Those that a person has to look at.
    pub const FOR_PEOPLE: [Self; 8] = [
        Self::UnknownPayment,
        Self::OtherAmount,
        Self::OtherCurrency,
        Self::UnknownCustomer,
        Self::NoOwner,
        Self::UnclearReturn,
        Self::Contradiction,
        Self::Returned,
    ];

    const ALL: [Self; 14] = [
        Self::Posted,
        Self::Noted,
        Self::Reversed,
        Self::NothingToReverse,
        Self::UnknownPayment,
        Self::OtherAmount,
        Self::OtherCurrency,
        Self::UnknownCustomer,
        Self::NoOwner,
        Self::UnclearReturn,
        Self::Contradiction,
        Self::Returned,
        Self::Allocated,
        Self::Settled,
    ];

    /// The word for it, in the store and for machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Posted => "posted",
            Self::Noted => "noted",
            Self::Reversed => "reversed",
            Self::NothingToReverse => "nothing-to-reverse",
            Self::UnknownPayment => "unknown-payment",
            Self::OtherAmount => "other-amount",
            Self::OtherCurrency => "other-currency",
            Self::UnknownCustomer => "unknown-customer",
            Self::NoOwner => "no-owner",
            Self::UnclearReturn => "unclear-return",
            Self::Contradiction => "contradiction",
            Self::Returned => "returned",
            Self::Allocated => "allocated",
            Self::Settled => "settled",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
    }
}

/// The answer to a notice, the same each time it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Whether it came for the first time.
    pub first: bool,
    /// What became of it then.
    pub outcome: NoticeOutcome,
}

/// A notice as the store keeps it.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct NoticeRecord {
    /// Provider, event and transaction.
    pub id: String,
    pub provider: ProviderName,
    pub event: String,
    /// Of ours, by its number at the provider.
    pub payment: Option<u64>,
    pub account: Option<CustomerNumber>,
    pub amount: Option<Cents>,
    /// How much of it lies in the book of unmatched money.
    pub unmatched: Option<Cents>,
    pub currency: Option<Currency>,
    pub received_at: Timestamp,
    /// How often it came again.
    pub repeats: u64,
    /// `None` until it is applied.
    pub outcome: Option<NoticeOutcome>,
    /// Who says whose the money is, where one person has.
    pub proposal: Option<Proposal>,
    /// Why nothing is to be done, where one person says so.
    pub settling: Option<Settling>,
    /// What the bank says, where a bank statement brought it.
    pub transfer: Option<TransferNote>,
}

/// Which notices somebody looks for, and from where on.
#[derive(Clone, Debug, Default)]
pub struct NoticeFilter {
    /// A part of the notice's name or of what the bank says, a customer number, or an amount as it was typed.
    pub wanted: Option<String>,
    /// The amount, where what is looked for is one.
    pub amount: Option<Cents>,
    /// The last one of the page before: when it came, and its name.
    pub after: Option<(Timestamp, String)>,
}

/// Whose unmatched money is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Claim {
    pub account: CustomerNumber,
    /// How much it is, where the payment system did not say, or where it is a part; otherwise all of it.
    pub amount: Option<Cents>,
    /// The bill that it pays first; otherwise the oldest.
    pub bill: Option<BillNumber>,
}

/// Whose unmatched money is, as one person says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Proposal {
    pub claim: Claim,
    pub by: String,
    pub at: Timestamp,
}

/// Why nothing is to be done about a notice, or its money went back, as one person says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Settling {
    pub why: String,
    pub by: String,
    pub at: Timestamp,
}

/// Who says something about a notice, and what they had seen of what others said.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Word<'a> {
    pub by: &'a str,
    pub seen: Seen,
}

/// What somebody had seen when they decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Whatever there is: a command names what it means.
    Whatever,
    /// What was said at this moment, or that nobody had said anything.
    Said(Option<Timestamp>),
}

impl Seen {
    /// Whether what was said last is what they had seen.
    pub(crate) fn is(self, said: Option<Timestamp>) -> bool {
        match self {
            Self::Whatever => true,
            Self::Said(seen) => seen == said,
        }
    }
}

impl<'a> From<&'a str> for Word<'a> {
    fn from(by: &'a str) -> Self {
        let seen = Seen::Whatever;
        Self { by, seen }
    }
}

impl<'a> From<&'a String> for Word<'a> {
    fn from(by: &'a String) -> Self {
        by.as_str().into()
    }
}

/// Whether unmatched money found its customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocate {
    /// Done.
    Done,
    /// No such notice, or its money is not unmatched (any more).
    NotUnmatched,
    /// No such customer.
    UnknownCustomer,
    /// The payment system did not say how much it is, so a person has to.
    AmountNeeded,
    /// More than there is: this.
    OtherAmount(Cents),
    /// The bill is not this customer's.
    OtherBill,
    /// Nobody has said whose it is.
    NotProposed,
    /// Somebody said that it is another customer's.
    OtherCustomer,
    /// The one who said it cannot approve it.
    SamePerson,
    /// Somebody said something else meanwhile; nothing was written.
    Outdated,
}

/// Whether two people say that nothing is to be done about a notice, or that its money went back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settle {
    /// One person says so; another has to.
    Proposed,
    /// Two people say so.
    Done,
    /// No such notice, or no person has to look at it (any more), or no money of it is in the books.
    NotForPeople,
    /// Its money lies in the book of unmatched money: it has to be given to its customer.
    HoldsMoney,
    /// This refund was asked for at its payment system: the same money would go back twice.
    AskedBack(u64),
    /// The first person has to say why.
    WhyNeeded,
    /// Somebody said something else meanwhile; nothing was written.
    Outdated,
}

/// What came from a provider on a day and was not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct RefusedRecord {
    pub provider: String,
    /// As `2026-11-25`, in UTC.
    pub day: String,
    pub why: String,
    pub times: u64,
    pub last_at: Timestamp,
}

/// What is in a book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookSum {
    /// Which; all customers together are `customer`.
    pub name: String,
    /// Debit positive.
    pub cents: Cents,
}

/// What a customer paid beyond all bills.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct CreditRecord {
    pub account: CustomerNumber,
    /// Above zero.
    pub cents: Cents,
}

/// What a customer is told of money that came or was taken back, as it was at that moment.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct MoneyTold {
    /// It was in the books, and was taken back.
    pub taken_back: bool,
    /// The operator gives it back or gives it up; a refund that was taken back did not arrive, or was stopped.
    pub conceded: Option<ToldConcession>,
    pub account: CustomerNumber,
    /// Above zero.
    pub cents: Cents,
    /// The payment system that it came through.
    pub provider: Option<ProviderName>,
    /// When it was paid, as far as known here.
    pub paid_at: Timestamp,
    /// The day on which the bank booked it, where it is a bank transfer.
    pub booked: Option<Date>,
    /// When it was booked here, or taken back.
    pub at: Timestamp,
    /// The bills that it pays or paid, oldest first.
    pub bills: Vec<MoneyPart>,
    /// What is open of all bills.
    pub open: Cents,
    /// What is beyond all bills.
    pub credit: Cents,
    /// Where to go on paying.
    pub oldest_open: Option<BillNumber>,
}

/// What a mail says of a refund or a write-off.
#[derive(Clone, Debug)]
pub struct ToldConcession {
    /// Of a refund, how the number of the account ends that it goes to.
    pub iban_end: Option<String>,
    /// Of a refund, the payment system that gives it back.
    pub same_way: Option<ProviderName>,
    /// This tells that the payment system gave it back after all, where the customer was told otherwise.
    pub after_all: bool,
    /// This tells that somebody took a refund back before it left.
    pub stopped: bool,
    /// Of a write-off, the bill.
    pub bill: Option<BillNumber>,
}

/// A bill, and what money did for it.
#[derive(Clone, Debug)]
pub struct MoneyPart {
    /// The bill.
    pub bill: BillRecord,
    /// How much of the money is or was its.
    pub part: Cents,
    /// What is open of it.
    pub open: Cents,
}

/// A posting in a customer's book, for a person to read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct EntryRecord {
    pub id: String,
    pub at: Timestamp,
    pub kind: String,
    pub book: Book,
    pub cents: Cents,
    pub bills: Vec<BillNumber>,
    pub reverses: Option<String>,
    pub who: String,
    /// Of a payment for bills of several customers, where it was asked for: all of it. Above zero.
    pub whole: Option<Cents>,
}

/// What an account of the books held before some days, and what moved in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookPeriod {
    /// Before the first.
    pub opening: Cents,
    /// In them; debits are positive.
    pub moved: Cents,
    /// In so many postings.
    pub postings: u64,
}

/// A posting of an account, with the book on the other side of its entry.
#[derive(Clone, Debug)]
pub struct BookLine {
    /// The posting.
    pub entry: EntryRecord,
    /// Where the money came from, or went.
    pub other: Book,
}

impl EntryRecord {
    /// The payment system, or bank, whose notice brought the money: an entry is named after its notice, and
    /// that after who sent it. So is the entry by which people give unmatched money to its owner.
    #[must_use]
    pub fn sender(&self) -> &str {
        let notice = match self.id.split_once('/') {
            Some((head, notice))
                if head.starts_with("allocation") || head.starts_with("share-") =>
            {
                notice
            }
            _ => &self.id,
        };
        notice.split('/').next().unwrap_or_default()
    }
}

/// Whether a payment system answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthRecord {
    /// Which one.
    pub provider: ProviderName,
    /// When it last answered; `None` where it never did.
    pub heard_at: Option<Timestamp>,
    /// Since when calls have had no answer.
    pub failing_since: Option<Timestamp>,
    /// Since when it counts as out of order: customers are not offered it.
    pub out_since: Option<Timestamp>,
}

/// Who owes, and how much by age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owing {
    /// Who.
    pub account: CustomerNumber,
    /// How much.
    pub aged: Aged,
}

/// Some customers by number.
#[derive(Clone, Debug, Default)]
pub struct OwingPage {
    /// Those of them who owe.
    pub owing: Vec<Owing>,
    /// All of them in sum.
    pub totals: AgedTotals,
    /// The last one of them, behind whom the next page begins; `None` where there are no more.
    pub last: Option<CustomerNumber>,
}

/// What came of asking for a sheet of what customers owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwingAsked {
    /// It has this number.
    Sheet(u64),
    /// The one of this day is in the making; nothing was changed.
    Busy(Date),
    /// Bills of that moment are still being issued, those of this run; nothing was changed.
    Unissued(RunId),
}

/// What customers owed at a moment, put down by a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwingSheet {
    /// Counted from 1.
    pub number: u64,
    /// Its claims are aged on this day.
    pub day: Date,
    /// The moment: the end of a day that is over, or when it was asked for.
    pub at: Timestamp,
    /// Who asked for it.
    pub asked_by: String,
    /// Of the customers that were looked at until now.
    pub totals: AgedTotals,
    /// What customers' books held then by the journal, which is summed once all were looked at.
    pub booked: Option<Cents>,
    /// When it was done; until then it is in the making.
    pub finished_at: Option<Timestamp>,
}

/// A customer in a class of a sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwingLine {
    /// Who.
    pub account: CustomerNumber,
    /// Their name, as billing says it now.
    pub name: String,
    /// What is open in this class.
    pub cents: Cents,
    /// What they owe at all ages.
    pub all: Cents,
    /// The earliest last day to pay of all that is open.
    pub oldest: Date,
}
