//! The operator's other systems that ask by the API.

use jiff::Timestamp;
use kvit_billing::{ApiName, code::TokenHash};
use serde::Serialize;

/// What a token of the API lets its holder do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum ApiScope {
    /// Find customers, see how their bills travel and what happened.
    #[serde(rename = "customers:read")]
    CustomersRead,
    /// See bills, their documents and what is due.
    #[serde(rename = "bills:read")]
    BillsRead,
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
    pub const ALL: [Self; 5] = [
        Self::CustomersRead,
        Self::BillsRead,
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
