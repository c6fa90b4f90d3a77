//! Texts of mails and pages: the versions of what the operator says otherwise than the program, and which counts.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// Changed texts by their names, such as `mail/bg/greeting`.
pub type ChangedTexts = BTreeMap<String, String>;

/// A version that is brought in, checked.
#[derive(Clone, Debug)]
pub struct NewTexts {
    /// All that differs from the program's own; none is version 0, and no version of its own.
    pub texts: ChangedTexts,
    /// Who brings it.
    pub by: String,
    /// Who that is for the audit trail: the same, or the machine's account that said so.
    pub who: String,
    /// When.
    pub at: Timestamp,
}

/// A version as the store knows it.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct TextVersion {
    /// Counted from 1.
    pub no: u32,
    /// Of the texts as JSON.
    pub sha256: [u8; 32],
    pub texts: ChangedTexts,
    pub brought_by: String,
    pub brought_at: Timestamp,
}

/// That a version was made to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextChoice {
    /// Which; 0 is the program's own texts.
    pub version: u32,
    /// By whom.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
}

/// Somebody's word that a version is to count from now on.
#[derive(Clone, Debug)]
pub struct ChooseTexts {
    /// Which; 0 is the program's own texts, which are always there.
    pub version: u32,
    /// The one that counted when they looked.
    pub seen: u32,
    /// Who says it.
    pub by: String,
    /// Who that is for the audit trail.
    pub who: String,
    /// When.
    pub at: Timestamp,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextsChosen {
    /// Every process says them within seconds.
    Done,
    /// It counted already.
    Already,
    /// It is not the one that counted directly before, and who brought it may not be who says so.
    SamePerson,
    /// Another one counts by now than they saw.
    Outdated,
    /// There is no such version.
    Unknown,
}
