//! Scanned paper declarations, from the file to the decision.

use jiff::Timestamp;
use kvit_billing::{CustomerNumber, EnrolmentId, EntryId, PaperCode, StaffLogin};
use serde::{Deserialize, Serialize};

/// A file of scans that is about to be read.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct NewScanFile {
    pub id: EntryId,
    /// As its owner calls it: shown, and never used as a path.
    pub name: String,
    pub sha256: [u8; 32],
    /// Who brought it.
    pub by: String,
    pub at: Timestamp,
}

/// Where a file of scans is read.
#[derive(Clone, Copy, Debug)]
pub enum ScanComing<'a> {
    /// It lies in the archive, and waits for a worker.
    Stored {
        /// Its name there.
        object: &'a str,
        /// Its length.
        bytes: u64,
    },
    /// Whoever writes it down reads it now, as its first claim.
    ReadHere {
        /// Who has not prolonged this by then is gone.
        until: Timestamp,
    },
}

/// An uploaded file of scans in the hand of a worker.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ScanJob {
    pub file: NewScanFile,
    /// Its name in the archive.
    pub object: String,
    pub bytes: u64,
    /// How often it was taken: only the latest claim counts.
    pub claim: u64,
    /// How often, this time among them, it was taken and nothing came back.
    pub tries: u64,
}

/// What came of a file of scans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanReport {
    /// Pages that wait for a decision now.
    pub kept: u32,
    /// Of these, pages whose code was not read.
    pub without_code: u32,
    /// Pages that had come before, here or in another file.
    pub known: u32,
    /// Empty pages, which are left out.
    pub blank: u32,
    /// Pages that could not be read.
    pub faults: Vec<ScanFault>,
}

/// A page that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanFault {
    /// From 1; none where the file as a whole is meant.
    pub page: Option<u32>,
    /// What is wrong, as a word that stays the same.
    pub word: String,
}

/// A file of scans as the store knows it.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ScanFileRecord {
    pub file: NewScanFile,
    /// Whether it lies in the archive, to be read by a worker. One that is finished and still there was given up.
    pub stored: bool,
    /// Until when somebody reads it. One that is not read any more and not stored was cut off: it is to be brought again.
    pub read_until: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub report: Option<ScanReport>,
}

/// A page whose picture lies in the archive already.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct NewScan {
    /// SHA-256 of the picture as it was read, as 64 hexadecimal digits.
    pub id: String,
    pub file: EntryId,
    /// From 1.
    pub page: u32,
    pub at: Timestamp,
    /// The picture's name in the archive.
    pub object: String,
    /// Its length there.
    pub bytes: u64,
    /// Its hash there.
    pub sha256: [u8; 32],
    /// What was read from the page.
    pub code: Option<PaperCode>,
    /// Whose number was read from it.
    pub account: Option<CustomerNumber>,
}

/// A declaration that was signed on a screen, as it lies in the archive. A consent's evidence names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedSheet {
    /// Its name in the archive.
    pub object: String,
    /// Its length there.
    pub bytes: u64,
    /// Its hash there.
    pub sha256: [u8; 32],
}

impl SignedSheet {
    /// As a consent's evidence has it, under `sheet`.
    #[must_use]
    pub fn evidence(&self) -> serde_json::Value {
        serde_json::json!({
            "object": self.object, "bytes": self.bytes, "sha256": hex::encode(self.sha256),
        })
    }

    /// The one that a consent's evidence names; none where the customer signed in another way.
    #[must_use]
    pub fn of(evidence: &serde_json::Value) -> Option<Self> {
        let sheet = &evidence["sheet"];
        let mut sha256 = [0; 32];
        hex::decode_to_slice(sheet["sha256"].as_str()?, &mut sha256).ok()?;
        Some(Self {
            object: sheet["object"].as_str()?.to_owned(),
            bytes: sheet["bytes"].as_u64()?,
            sha256,
        })
    }
}

/// Where a page stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanState {
    /// For the next clerk.
    Waiting,
    /// Put aside for later.
    Aside,
    /// A consent came of it.
    Confirmed,
    /// Nothing comes of it.
    Refused,
}

impl ScanState {
    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Aside => "aside",
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Waiting, Self::Aside, Self::Confirmed, Self::Refused]
            .into_iter()
            .find(|state| state.as_str() == text)
    }

    /// Whether somebody still has to decide.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Aside)
    }
}

/// A page as the store knows it.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ScanRecord {
    pub scan: NewScan,
    /// What its file is called.
    pub file_name: String,
    pub state: ScanState,
    /// Counts changes of who has it in hand and of what was decided.
    pub version: u64,
    /// Who has it in hand, and until when.
    pub holder: Option<(StaffLogin, Timestamp)>,
    /// Who decided last, and when.
    pub decided: Option<(StaffLogin, Timestamp)>,
    /// Why it was refused or put aside.
    pub reason: Option<String>,
    /// The consent that came of it.
    pub enrolment: Option<EnrolmentId>,
}

/// Which page somebody wants to have in hand.
#[derive(Clone, Copy, Debug)]
pub enum WantedScan<'a> {
    /// The oldest that waits and that nobody has in hand; their own first.
    Next,
    /// This one.
    This(&'a str),
}

/// What somebody decides about a page that they have in hand.
#[derive(Clone, Copy, Debug)]
pub enum ScanWord<'a> {
    /// Nothing comes of it: why.
    Refused(&'a str),
    /// For later: why.
    Aside(&'a str),
}

/// A word of one member of staff about a page in a state that they saw.
#[derive(Clone, Copy, Debug)]
pub struct ScanHand<'a> {
    /// The page.
    pub id: &'a str,
    /// Who has it in hand.
    pub login: &'a StaffLogin,
    /// Its version when their page was made.
    pub version: u64,
}

/// What became of taking a decision back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanUndo {
    /// The page waits again, in the hand of who took it back.
    Done,
    /// The customer has proven the address meanwhile, or the consent has ended in another way.
    TooLate,
    /// Somebody else, or nobody, decided last.
    Outdated,
}

/// How many pages there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ScanCounts {
    pub waiting: u64,
    pub aside: u64,
}
