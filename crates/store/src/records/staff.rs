//! Members of staff, what they write down, and what auditors read.

use jiff::Timestamp;
use kvit_billing::{CustomerNumber, EntryId, Language, Role, Secret, StaffLogin, code::TokenHash};
use serde::Serialize;
use serde_json::json;

use crate::EnrolmentRecord;

/// Where a member of staff is told of changes to how they sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct StaffEmail {
    pub address: Secret<String>,
    pub language: Language,
}

/// A new account.
#[derive(Clone, Debug)]
pub struct NewStaff {
    /// Signs in by this name.
    pub login: StaffLogin,
    /// As colleagues and customers know them.
    pub name: String,
    /// What they are there for.
    pub role: Role,
    /// The service centre of a clerk.
    pub centre: Option<String>,
    /// Argon2id hash of a temporary password, in PHC form.
    pub password: Secret<String>,
    /// Whether an authenticator app's code is asked for too.
    pub second_factor: bool,
    /// Who they are at the identity provider, if they sign in there: then the password is nobody's.
    pub identity: Option<String>,
    /// Where they are told of changes, if they have an address.
    pub email: Option<StaffEmail>,
    /// When.
    pub at: Timestamp,
}

/// A member of staff as the store knows them.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct StaffRecord {
    pub login: StaffLogin,
    pub name: String,
    pub role: Role,
    pub centre: Option<String>,
    /// Argon2id hash in PHC form.
    pub password: Secret<String>,
    /// Whether the password has to be replaced by one of their own.
    pub temporary: bool,
    /// Whether an authenticator app's code is asked for too.
    pub second_factor: bool,
    /// Counts the secrets of the second factor, from 1.
    pub totp_generation: u32,
    /// Who they are at the identity provider, the only place where they sign in then.
    pub identity: Option<String>,
    /// Where they are told of changes, if they have an address.
    pub email: Option<StaffEmail>,
    pub created_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
}

/// What a member of staff is called and is there for: as an identity provider says it, or an administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct StaffProfile {
    pub name: String,
    pub role: Role,
    /// The service centre of a clerk, where it is said.
    pub centre: Option<String>,
}

/// Another name, role or centre for a member of staff.
#[derive(Clone, Debug)]
pub struct StaffEdit {
    /// Whose.
    pub login: StaffLogin,
    /// The administrator who asks for it; none at the command line.
    pub by: Option<StaffLogin>,
    /// What they had seen.
    pub seen: StaffProfile,
    /// What it is to be.
    pub wanted: StaffProfile,
}

impl StaffEdit {
    /// What is different, and how it was before, for the trail.
    #[must_use]
    pub fn detail(&self) -> serde_json::Value {
        let (seen, wanted) = (&self.seen, &self.wanted);
        let mut detail = serde_json::Map::new();
        let mut tell = |name: &str, before: Option<&str>, now: Option<&str>| {
            if before != now {
                detail.insert(format!("{name}_before"), json!(before));
                detail.insert(name.to_owned(), json!(now));
            }
        };
        tell("name", Some(&seen.name), Some(&wanted.name));
        tell("role", Some(seen.role.as_str()), Some(wanted.role.as_str()));
        let centre = wanted.centre.as_deref();
        let centre = centre.filter(|_| wanted.role == Role::Clerk);
        tell("centre", seen.centre.as_deref(), centre);
        detail.into()
    }
}

/// What came of a [`StaffEdit`]. Nothing was written where it is not `Done`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaffEdited {
    /// It counts; with another role all their sessions have ended.
    Done,
    /// Nobody has an account of this name.
    Nobody,
    /// Who asks is no administrator any more.
    NotTheirs,
    /// Somebody else changed the account since.
    Outdated,
    /// Name and role are the identity provider's to say.
    Elsewhere,
    /// Nobody changes their own role.
    Own,
    /// A clerk works at a centre.
    NoCentre,
    /// Without them nobody could open an account: no other administrator has signed in yet.
    LastAdministrator,
}

/// A session of a member of staff to be opened.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct NewStaffSession {
    pub token: TokenHash,
    pub login: StaffLogin,
    /// When they proved who they are.
    pub proven_at: Timestamp,
    pub expires: Timestamp,
    /// The kind of browser, as its owner knows it again; may be empty.
    pub device: String,
    /// The word of the way in: `own-password`, `passkey` or `oidc`.
    pub opened_by: String,
}

/// A session as the member of staff sees it whose it is.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct StaffSessionView {
    pub token: TokenHash,
    pub device: String,
    /// As [`NewStaffSession::opened_by`]; empty where that was not kept.
    pub opened_by: String,
    pub opened_at: Timestamp,
    pub seen_at: Timestamp,
}

/// A customer who called or came, and was recognised.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Contact {
    pub id: EntryId,
    pub account: CustomerNumber,
    pub login: StaffLogin,
    /// `phone` or `centre`.
    pub channel: String,
    /// Number of the call at the telephone exchange, or the service centre.
    pub reference: String,
    /// `code`: the one printed on the bill; `document`: an identity document.
    pub recognised_by: String,
    pub at: Timestamp,
}

/// Something that a member of staff wrote down about a customer.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Note {
    pub id: EntryId,
    pub account: CustomerNumber,
    pub login: StaffLogin,
    pub at: Timestamp,
    pub body: String,
}

/// A consent with how it ended, for those who answer a customer's question.
#[derive(Clone, Debug)]
pub struct EnrolmentFacts {
    /// The consent.
    pub record: EnrolmentRecord,
    /// How it came about: who took it, and by what way.
    pub evidence: serde_json::Value,
    /// `replaced`, `back to paper`, or another reason; none while it counts.
    pub ended_reason: Option<String>,
    /// Who ended it.
    pub ended_evidence: Option<serde_json::Value>,
}

/// What became of a change that was made with a page that may be old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It counts.
    Done,
    /// Somebody else changed the record since the page was made; nothing was written.
    Outdated,
}

/// Something that somebody did, for auditors.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Event {
    pub at: Timestamp,
    /// A member of staff's login, `console:NAME` for the account of a command line, or `api:NAME` for a
    /// token of the API.
    pub who: String,
    pub what: String,
    /// `customer/NUMBER`, `run/ID` or `staff/LOGIN`.
    pub subject: String,
    pub detail: serde_json::Value,
}

/// Which events an auditor wants to see.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Only what they did.
    pub who: Option<String>,
    /// Only what was done to it.
    pub subject: Option<String>,
    /// Only what happened before, and at that very moment.
    pub until: Option<Timestamp>,
    /// So many of that very moment have been seen.
    pub skip: u32,
}
