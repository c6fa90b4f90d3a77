//! Readers beside the customer, and the mails that bring them bills.

use jiff::Timestamp;
use kvit_billing::{
    BillNumber, CustomerNumber, DeliveryId, EnrolmentId, Language, ReaderId, Secret,
    code::TokenHash,
};

use crate::{BillRecord, NewProof};

/// Somebody whom a customer wants to get the bills as well.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct NewReader {
    pub id: ReaderId,
    pub account: CustomerNumber,
    /// How mails greet; may be empty.
    pub name: String,
    pub email: Secret<String>,
    pub language: Language,
    pub evidence: serde_json::Value,
    pub at: Timestamp,
    pub proof: NewProof,
}

/// A reader as the store knows them.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ReaderRecord {
    pub id: ReaderId,
    pub account: CustomerNumber,
    pub name: String,
    pub email: Secret<String>,
    pub language: Language,
    pub created_at: Timestamp,
    pub proof_expires: Timestamp,
    pub proven_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// A word of [`ReaderEnd`]; none while it has not ended.
    pub ended_reason: Option<String>,
}

/// A reader, and how they came about and ended.
#[derive(Clone, Debug)]
pub struct ReaderFacts {
    /// Who they are.
    pub record: ReaderRecord,
    /// How they were asked for.
    pub evidence: serde_json::Value,
    /// How they ended, where somebody wished for it.
    pub ended_evidence: Option<serde_json::Value>,
}

/// By what the wish for a reader is known to be the customer's.
#[derive(Clone, Copy, Debug)]
pub enum ReaderAsked<'a> {
    /// Their session, which has to last: one that ended with its code meanwhile names nobody.
    InSession(&'a TokenHash),
    /// A member of staff recognised them, and saw the record in this version ([`Store::readers_version`]).
    ///
    /// [`Store::readers_version`]: crate::Store::readers_version
    AtDesk(u64),
}

/// Why somebody is not a reader any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderEnd {
    /// They pressed the link in a mail.
    Left,
    /// The customer, or staff for them, removed them.
    Removed,
    /// The customer went back to paper.
    Paper,
    /// They were asked anew.
    Replaced,
}

impl ReaderEnd {
    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Removed => "removed",
            Self::Paper => "paper",
            Self::Replaced => "replaced",
        }
    }
}

/// What became of the wish for a reader.
#[derive(Clone, Debug)]
pub enum AddReader {
    /// A mail asks them for the proof.
    Added,
    /// This address gets the bills already.
    Already,
    /// There are as many as there may be.
    Full,
    /// The customer's own bills do not come by mail.
    NoEbill,
    /// The session that asks has ended.
    Over,
    /// The record is in another version than a member of staff saw.
    Outdated,
}

/// What became of the press on a reader's proof link.
#[derive(Clone, Debug)]
pub enum ProveReader {
    /// The address is proven now.
    Proved(ReaderRecord),
    /// It had been before.
    Already(ReaderRecord),
    /// The link is too old, or they are no reader any more.
    Expired(ReaderRecord),
    /// No such link.
    Unknown,
}

/// A bill that is to travel to a reader.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct NewCopy {
    pub id: DeliveryId,
    pub bill: BillNumber,
    pub reader: ReaderId,
    /// The consent under which the customer's own mail goes.
    pub enrolment: EnrolmentId,
    pub account: CustomerNumber,
    pub email: Secret<String>,
    pub language: Language,
    pub due_at: Timestamp,
    /// Hash of the token in the link.
    pub token: TokenHash,
}

/// A bill as the reader who holds its link may see it.
#[derive(Clone, Debug)]
pub struct CopyView {
    /// Which mail brought it.
    pub id: DeliveryId,
    /// Whom.
    pub reader: ReaderRecord,
    /// The one bill.
    pub bill: BillRecord,
}

/// Mails of a run to readers. They are in no other count of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct CopyCounts {
    pub waiting: u64,
    pub sent: u64,
    pub failed: u64,
    /// Not sent, because they were no reader any more.
    pub withdrawn: u64,
}
