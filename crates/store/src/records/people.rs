//! Customers, their consents, and those who knock at doors.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{
    Customer, CustomerNumber, EnrolmentId, Language, PaperUntil, Period, Secret, code::TokenHash,
};
use serde::{Deserialize, Serialize};

/// A customer, and which of their codes is the valid one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CustomerRecord {
    /// The customer.
    pub customer: Customer,
    /// Counts the codes, from 1.
    pub code_generation: u32,
    /// Counts how often a password was set or taken away, from 0.
    pub password_changes: u32,
    /// The day on which the account was closed.
    #[serde(default)]
    pub closed_on: Option<Date>,
    /// Since when the party holds it that holds it now, where another did before.
    #[serde(default)]
    pub holder_since: Option<Date>,
}

impl CustomerRecord {
    /// Whether what is for this period is for a party that had the account before the one that has it now.
    #[must_use]
    pub fn is_for_earlier_holder(&self, period: Period) -> bool {
        self.holder_since.is_some_and(|since| period.to < since)
    }
}

/// Why what a customer had with an account ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountEnd {
    /// The account is closed.
    Closed {
        /// On this day.
        on: Date,
    },
    /// Another party holds it.
    Moved {
        /// From this day on.
        since: Date,
    },
}

impl AccountEnd {
    /// The word for it among the reasons why consents end.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Moved { .. } => "moved",
        }
    }
}

/// How an enrolment came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EnrolmentChannel {
    /// Online.
    Web,
    /// By the 24-hour line.
    Phone,
    /// At a service centre.
    Centre,
    /// With the declaration from the back of the bill.
    Paper,
}

impl EnrolmentChannel {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Phone => "phone",
            Self::Centre => "centre",
            Self::Paper => "paper",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Web, Self::Phone, Self::Centre, Self::Paper]
            .into_iter()
            .find(|channel| channel.as_str() == text)
    }
}

/// The proof that an enrolment still waits for.
#[derive(Clone, Copy, Debug)]
pub struct NewProof {
    /// Hash of the token in the link.
    pub hash: TokenHash,
    /// Until when the link works.
    pub expires: Timestamp,
}

/// A consent to e-bills.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct NewEnrolment {
    pub id: EnrolmentId,
    pub account: CustomerNumber,
    pub channel: EnrolmentChannel,
    pub email: Secret<String>,
    pub language: Language,
    /// Version of the declaration's text that was agreed to.
    pub text_version: String,
    pub evidence: serde_json::Value,
    pub at: Timestamp,
    /// Without one, the address counts as proven.
    pub proof: Option<NewProof>,
}

/// A consent as the store knows it.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct EnrolmentRecord {
    pub id: EnrolmentId,
    pub account: CustomerNumber,
    pub channel: EnrolmentChannel,
    pub email: Secret<String>,
    pub language: Language,
    pub text_version: String,
    pub created_at: Timestamp,
    pub proof_expires: Option<Timestamp>,
    pub proven_at: Option<Timestamp>,
    /// From which day on a bill is for this address: the first that none had covered when the address was proven. None
    /// where there had been no bill.
    pub bills_from: Option<Date>,
    /// When the customer first confirmed that a bill had reached this address.
    pub confirmed_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Whether it ended because who had typed it in took it back.
    pub taken_back: bool,
}

impl EnrolmentRecord {
    /// Whether bills that go by e-mail under this consent come on paper too.
    #[must_use]
    pub fn also_on_paper(&self, until: PaperUntil) -> bool {
        until == PaperUntil::FirstConfirmed && self.confirmed_at.is_none()
    }
}

/// Whether bills go to a customer by e-mail.
#[derive(Clone, Debug)]
pub enum EnrolmentState {
    /// Paper.
    None,
    /// Paper, until the address is proven.
    Pending(EnrolmentRecord),
    /// E-mail.
    Active(EnrolmentRecord),
}

impl EnrolmentState {
    /// Whether bills go by e-mail and come on paper too.
    #[must_use]
    pub fn also_on_paper(&self, until: PaperUntil) -> bool {
        matches!(self, Self::Active(record) if record.also_on_paper(until))
    }
}

/// What became of the press on a proof link.
#[derive(Clone, Debug)]
pub enum Prove {
    /// The address is proven now.
    Proved(EnrolmentRecord),
    /// It had been before.
    Already(EnrolmentRecord),
    /// The link is too old, or the enrolment has ended.
    Expired(EnrolmentRecord),
    /// No such link.
    Unknown,
}

/// How a session is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionDoor {
    /// By number and code, while that is of this generation.
    Code {
        /// As [`CustomerRecord::code_generation`].
        generation: u32,
    },
    /// By a link to the address of this enrolment.
    Link(EnrolmentId),
    /// By the customer's passkey of this id, while it is there.
    Passkey(Vec<u8>),
    /// By a password, while it is the one that was set then.
    Password {
        /// As [`CustomerPassword::set_at`].
        set_at: Timestamp,
    },
}

impl SessionDoor {
    /// As the store and the log name it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Code { .. } => "code",
            Self::Link(_) => "link",
            Self::Passkey(_) => "passkey",
            Self::Password { .. } => "password",
        }
    }
}

/// A customer number's password.
#[derive(Clone, Debug)]
pub struct CustomerPassword {
    /// Whose.
    pub account: CustomerNumber,
    /// Argon2id hash in PHC form.
    pub hash: Secret<String>,
    /// When it was set.
    pub set_at: Timestamp,
}

/// An address with which a customer number is kept.
#[derive(Clone, Debug)]
pub struct KeptNumber {
    /// A link to it opens the number.
    pub email: Secret<String>,
    /// Since when.
    pub kept_at: Timestamp,
}

/// What ended with a customer's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeChange {
    /// Sessions in which the number was open.
    pub sessions: u64,
    /// Passkeys.
    pub passkeys: u64,
    /// Whether there was a password.
    pub password: bool,
    /// Addresses of the customer's that waited for their proof.
    pub waiting: u64,
    /// Readers, and those who were asked.
    pub readers: u64,
}

/// A session to open.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct NewSession {
    pub token: TokenHash,
    /// The number that is shown first.
    pub account: CustomerNumber,
    pub door: SessionDoor,
    /// The kind of browser, as its owner knows it again; may be empty.
    pub device: String,
    pub at: Timestamp,
    pub expires: Timestamp,
}

/// A session in place of an earlier one, in which a number was proven.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct WiderSession {
    pub token: TokenHash,
    /// The number that was proven, shown first.
    pub account: CustomerNumber,
    /// How.
    pub door: SessionDoor,
    /// The number of this session with whose address it is kept, if a link to that opened it.
    pub keep_with: Option<CustomerNumber>,
    /// As [`NewSession::device`].
    pub device: String,
    pub at: Timestamp,
}

/// What came of a session that was to open one number more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Widened {
    /// It does, until then.
    Until(Timestamp),
    /// It would open more than [`crate::POINTS_MAX`]; nothing was changed.
    TooMany,
    /// The earlier session has ended, or another press was first; nothing was changed.
    Over,
}

/// What a session opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The number that is looked at.
    pub account: CustomerNumber,
    /// All of them, that one among them, in order.
    pub points: Vec<CustomerNumber>,
    /// The number was opened by a link to its address, not by a code or a passkey.
    pub by_link: bool,
    /// When the number was last proven in this session, by whatever door.
    pub proven_at: Timestamp,
}

/// A session as its owner sees it.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct SessionView {
    pub token: TokenHash,
    pub device: String,
    /// `code`, `link`, `passkey` or `password`; empty where that was not kept.
    pub opened_by: String,
    pub opened_at: Timestamp,
    pub expires_at: Timestamp,
}

/// How many wrong tries are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardPolicy {
    /// This many within the window close the door.
    pub max_fails: u32,
    /// Seconds over which tries are counted.
    pub window_s: u32,
    /// Seconds that the door stays closed.
    pub block_s: u32,
}

/// Whether a door is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuardState {
    /// Closed until then.
    pub blocked_until: Option<Timestamp>,
}

/// A version of the declaration, as consents name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentVersion {
    /// As it was called.
    pub version: String,
    /// When the first consent to it was given.
    pub first: Timestamp,
    /// And the latest.
    pub last: Timestamp,
    /// How many there are, ended ones included.
    pub consents: u64,
}
