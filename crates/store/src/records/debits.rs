//! Autopay: mandates, what is collected by them, and the files for the bank.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use kvit_billing::{BillNumber, Cents, CustomerNumber};
use kvit_pay::{
    CreditorId, Iban,
    debit::{Collector, mandate_reference},
};

use crate::{BillRecord, Deed};

/// Mandates that a customer may give within a day: each has its mail.
pub const MANDATES_A_DAY: usize = 3;

/// What a customer agrees to.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct NewMandate {
    pub account: CustomerNumber,
    /// From which account is collected.
    pub iban: Iban,
    /// Whose account it is.
    pub holder: String,
    /// Who collects, as the customer saw it.
    pub creditor: CreditorId,
    /// Version of the text, which is kept word for word in `evidence`.
    pub text_version: String,
    pub evidence: serde_json::Value,
    /// Today, where the operator sits.
    pub day: Date,
    pub at: Timestamp,
}

/// Why a mandate ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MandateEnd {
    /// The customer turned autopay off.
    Customer,
    /// The customer's bank said that it is of no use.
    Bank,
    /// Nothing was collected by it for three years.
    Expired,
    /// The account was closed, or another party holds it.
    Account,
}

impl MandateEnd {
    /// The word for it, in the store and for machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Bank => "bank",
            Self::Expired => "expired",
            Self::Account => "account",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Customer, Self::Bank, Self::Expired, Self::Account]
            .into_iter()
            .find(|why| why.as_str() == text)
    }
}

/// A mandate.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct MandateRecord {
    /// Counts them, from 1.
    pub number: u64,
    pub account: CustomerNumber,
    pub iban: Iban,
    pub holder: String,
    pub creditor: CreditorId,
    pub given_at: Timestamp,
    /// The day of that, where the operator sits.
    pub day: Date,
    /// When it ended, and why.
    pub ended: Option<(Timestamp, MandateEnd)>,
}

impl MandateRecord {
    /// Its unique reference.
    #[must_use]
    pub fn reference(&self) -> String {
        mandate_reference(self.number)
    }
}

/// What became of a mandate that a customer gives.
#[derive(Clone, Debug)]
pub enum Give {
    /// Autopay is on.
    Given(MandateRecord),
    /// It was before.
    Already(MandateRecord),
    /// Their bills do not come by mail: nobody could tell them before a debit.
    NoMail,
    /// [`MANDATES_A_DAY`] were given within a day.
    TooOften,
}

/// A bill that could be collected.
#[derive(Clone, Debug)]
pub struct DebitCandidate {
    /// By which mandate.
    pub mandate: u64,
    /// The bill.
    pub bill: BillRecord,
    /// What is open of it; above zero.
    pub open: Cents,
}

/// A bill that is going to be collected.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct NewDebit {
    pub mandate: u64,
    pub account: CustomerNumber,
    pub bill: BillNumber,
    pub amount: Cents,
    /// The day on which the money is collected.
    pub day: Date,
    /// When the mail that announces it counts as too late.
    pub announced_by: Timestamp,
}

/// Why a debit that was announced is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// Autopay was turned off, or its mandate ended.
    Off,
    /// Nothing is open of the bill any more.
    Paid,
    /// The mail that announces it did not leave in time.
    Unannounced,
    /// No file had it in time for its day.
    Late,
}

impl Dropped {
    /// The word for it, in the store and for machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Paid => "paid",
            Self::Unannounced => "unannounced",
            Self::Late => "late",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Off, Self::Paid, Self::Unannounced, Self::Late]
            .into_iter()
            .find(|why| why.as_str() == text)
    }
}

/// Where a debit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebitState {
    /// It waits for a file.
    Announced,
    /// It is in a file that waits for another person.
    Prepared,
    /// The bank has it, or may have; the money is not here.
    Ordered,
    /// The money is in the books.
    Settled,
    /// The customer's bank refused it, or took the money back.
    Returned,
    /// It is not made.
    Dropped,
}

impl DebitState {
    /// The word for it, for machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Prepared => "prepared",
            Self::Ordered => "ordered",
            Self::Settled => "settled",
            Self::Returned => "returned",
            Self::Dropped => "dropped",
        }
    }

    /// Whether the bill will be collected, as far as is known.
    #[must_use]
    pub const fn is_coming(self) -> bool {
        matches!(self, Self::Announced | Self::Prepared | Self::Ordered)
    }
}

/// A debit: a bill that is collected by a mandate.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct DebitRecord {
    /// Counts them, from 1.
    pub number: u64,
    pub mandate: u64,
    pub account: CustomerNumber,
    pub bill: BillNumber,
    /// As announced.
    pub amount: Cents,
    pub day: Date,
    pub announced_at: Timestamp,
    pub dropped: Option<(Timestamp, Dropped)>,
    /// The file that it is in.
    pub file: Option<u64>,
    /// As ordered: no more than announced. `None` while the file is not approved.
    pub ordered: Option<Cents>,
    /// Its entry in the books, once the money came.
    pub entry: Option<String>,
    /// When it was known that it was refused or went back.
    pub back_at: Option<Timestamp>,
    /// Why, as the bank's code.
    pub reason: Option<String>,
    /// A person has to see to it.
    pub for_people: bool,
    /// Who did.
    pub seen: Option<Deed>,
}

impl DebitRecord {
    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> DebitState {
        if self.back_at.is_some() {
            DebitState::Returned
        } else if self.entry.is_some() {
            DebitState::Settled
        } else if self.dropped.is_some() {
            DebitState::Dropped
        } else if self.ordered.is_some() {
            DebitState::Ordered
        } else if self.file.is_some() {
            DebitState::Prepared
        } else {
            DebitState::Announced
        }
    }

    /// What is collected: as ordered, else as announced.
    #[must_use]
    pub fn cents(&self) -> Cents {
        self.ordered.unwrap_or(self.amount)
    }
}

/// Which debits are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debits<'a> {
    /// Those that wait for a file, by their day.
    Waiting,
    /// Those that a person has to see to, and those that were to be collected before this day and of which
    /// the bank has said nothing.
    ForPeople(Date),
    /// All, newest first.
    Latest,
    /// A customer's, newest first.
    Of(&'a CustomerNumber),
    /// Of one bill, newest first.
    OfBill(BillNumber),
    /// Those in a file, by their number.
    In(u64),
}

/// A file of debits for the bank.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct DebitFileRecord {
    /// Counts them, from 1.
    pub number: u64,
    pub prepared: Deed,
    pub approved: Option<Deed>,
    pub refused: Option<Deed>,
    /// As prepared, and as ordered once it is approved.
    pub debits: u64,
    pub cents: Cents,
    /// Which account gets the money, once it is approved.
    pub iban: Option<Iban>,
    /// The first day on which it collects.
    pub day: Option<Date>,
    /// How many of its debits the bank has told of.
    pub settled: u64,
}

impl DebitFileRecord {
    /// Whether it waits for another person.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.approved.is_none() && self.refused.is_none()
    }
}

/// What becomes of a debit in a file that waits, should it be approved now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebitFate {
    /// So much is collected.
    Collected(Cents),
    /// It leaves the file and waits for the next: its mail, or other money for the bill, is on its way, or it is too
    /// early.
    Waits,
    /// It is not made.
    Dropped(Dropped),
}

/// What a file that waits would come to now.
#[derive(Clone, Debug, Default)]
pub struct DebitPreview {
    /// Of each debit in it, by its number.
    pub fates: BTreeMap<u64, DebitFate>,
}

impl DebitPreview {
    /// How many are collected, and how much in all.
    #[must_use]
    pub fn collected(&self) -> (u64, Cents) {
        let (mut count, mut sum) = (0, Cents::ZERO);
        for fate in self.fates.values() {
            if let DebitFate::Collected(cents) = fate {
                count += 1;
                sum += *cents;
            }
        }
        (count, sum)
    }

    /// How many wait for the next file.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        let waits = |fate: &&DebitFate| **fate == DebitFate::Waits;
        self.fates.values().filter(waits).count() as u64
    }
}

/// How files are made.
#[derive(Clone, Debug)]
pub struct DebitTerms {
    /// Who collects.
    pub collector: Collector,
    /// What a payer reads before the bill's number, and between it and the customer's.
    pub words: (&'static str, &'static str),
    /// The first day on which the bank can still collect.
    pub earliest: Date,
    /// The last day for which is ordered already: who pays a later debit's bill in another way is not debited.
    pub latest: Date,
}

/// What became of preparing a file.
#[derive(Clone, Debug)]
pub struct PreparedDebits {
    /// The file; `None` where there is nothing to collect.
    pub file: Option<DebitFileRecord>,
    /// Announced and left where they are: the mail is on its way, or other money for the bill is.
    pub held: u64,
    /// Not made after all.
    pub dropped: u64,
}

/// What became of a word about a file, or a debit. Only the first two changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebitWord {
    /// The file is made.
    Approved,
    /// It is not made, or the person saw to it.
    Done,
    /// Nothing of it is to be collected any more: it is gone.
    Empty,
    /// There is no such file or debit.
    Unknown,
    /// Who prepared it cannot approve it.
    SamePerson,
    /// It was approved, refused or seen to meanwhile.
    Over,
    /// Not what was shown would leave; nothing was written.
    Outdated,
}

/// What a mail about autopay is about.
#[derive(Clone, Debug)]
pub struct AutopayTold {
    /// The mandate.
    pub mandate: MandateRecord,
    /// The debit and its bill, where it is about one.
    pub debit: Option<(DebitRecord, BillRecord)>,
}
