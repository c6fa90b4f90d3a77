//! The operator's other systems: those that ask by the API, and those that are told.

use jiff::Timestamp;
use kvit_billing::{ApiName, EntryId, code::TokenHash};
use serde::Serialize;

/// What a token of the API lets its holder do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum ApiScope {
    /// Find customers, see how their bills travel and what happened.
    #[serde(rename = "customers:read")]
    CustomersRead,
    /// See bills and what is due.
    #[serde(rename = "bills:read")]
    BillsRead,
    /// See bills as the customer has them, authorization code included.
    #[serde(rename = "bills:document")]
    BillsDocument,
    /// Send a bill again.
    #[serde(rename = "bills:send")]
    BillsSend,
    /// Hand in consents, other addresses, and the wish for paper.
    #[serde(rename = "enrolments:write")]
    EnrolmentsWrite,
    /// Ask whether a number and a code belong together.
    #[serde(rename = "codes:verify")]
    CodesVerify,
}

impl ApiScope {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::CustomersRead,
        Self::BillsRead,
        Self::BillsDocument,
        Self::BillsSend,
        Self::EnrolmentsWrite,
        Self::CodesVerify,
    ];

    /// The word in the database, on the command line and in the API's document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CustomersRead => "customers:read",
            Self::BillsRead => "bills:read",
            Self::BillsDocument => "bills:document",
            Self::BillsSend => "bills:send",
            Self::EnrolmentsWrite => "enrolments:write",
            Self::CodesVerify => "codes:verify",
        }
    }

    /// The scope of this word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// A new token: its hash only.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct NewApiToken {
    pub name: ApiName,
    pub hash: TokenHash,
    pub scopes: Vec<ApiScope>,
    pub at: Timestamp,
    /// The moment from which it does not work any more.
    pub expires_at: Option<Timestamp>,
}

/// A token as the store knows it.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ApiTokenRecord {
    pub name: ApiName,
    pub scopes: Vec<ApiScope>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// The subject of events about a token, or about what its system asked for.
#[must_use]
pub fn api_subject(name: &ApiName) -> String {
    format!("api/{name}")
}

/// Who did it, where a system did by this token.
#[must_use]
pub fn api_who(name: &ApiName) -> String {
    format!("api:{name}")
}

/// A token with what the trail tells of it.
#[derive(Clone, Debug)]
pub struct ApiTokenView {
    /// The token.
    pub token: ApiTokenRecord,
    /// Who gave it out, as the trail names them.
    pub added_by: Option<String>,
    /// Who revoked it.
    pub revoked_by: Option<String>,
    /// When its system asked for something last.
    pub used_at: Option<Timestamp>,
}

/// A change that somebody asks for under a key of theirs.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    /// Whose key it is.
    pub token: ApiName,
    /// The key.
    pub key: String,
    /// SHA-256 of everything that was asked for.
    pub hash: [u8; 32],
    /// When.
    pub at: Timestamp,
}

/// What was answered to a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiAnswer {
    /// HTTP status.
    pub status: u16,
    /// JSON.
    pub body: String,
}

/// Whether a change may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiBegun {
    /// It is noted: make it.
    New,
    /// It was noted then, and whoever was to make it is gone: see whether it was made.
    Again(Timestamp),
    /// It was answered.
    Answered(ApiAnswer),
    /// Somebody is making it, until then at the latest.
    UnderWay(Timestamp),
    /// Under this key something else was asked for.
    Other,
}

/// What a webhook may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum WebhookEvent {
    /// Bills were issued, up to 250 in a message.
    #[serde(rename = "bill.issued")]
    BillIssued,
    /// A mail server took a bill.
    #[serde(rename = "bill.delivered")]
    BillDelivered,
    /// The reader of a bill confirmed its receipt.
    #[serde(rename = "bill.confirmed")]
    BillConfirmed,
    /// A consent was given, proven or ended.
    #[serde(rename = "enrolment.changed")]
    EnrolmentChanged,
    /// Money was booked to a customer, or taken back.
    #[serde(rename = "payment.booked")]
    PaymentBooked,
}

impl WebhookEvent {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::BillIssued,
        Self::BillDelivered,
        Self::BillConfirmed,
        Self::EnrolmentChanged,
        Self::PaymentBooked,
    ];

    /// The word in messages, in the database and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BillIssued => "bill.issued",
            Self::BillDelivered => "bill.delivered",
            Self::BillConfirmed => "bill.confirmed",
            Self::EnrolmentChanged => "enrolment.changed",
            Self::PaymentBooked => "payment.booked",
        }
    }

    /// The event of this word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == text)
    }
}

/// A system that is told when something happened.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct WebhookRecord {
    pub name: ApiName,
    pub url: String,
    pub events: Vec<WebhookEvent>,
    pub created_at: Timestamp,
    /// Messages that it was not told yet.
    pub waiting: u64,
    /// Messages that nobody tries any more until people say so.
    pub aside: u64,
    /// When the oldest of them happened.
    pub oldest: Option<Timestamp>,
    /// What went wrong with the oldest that went wrong.
    pub said: Option<String>,
}

/// Messages that nobody will hear any more, and that are deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClearedMessages {
    /// Those that were set aside, and that nobody tried again.
    pub aside: u64,
    /// Those of webhooks that were removed.
    pub removed: u64,
}

/// A message that its claimer is about to send.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct WebhookJob {
    /// The same in each attempt.
    pub id: EntryId,
    pub url: String,
    /// JSON.
    pub body: String,
    /// From 1.
    pub attempt: u32,
}
