//! Layouts: the versions of how bills look, and which of them counts.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use kvit_billing::{LayoutBaseNo, LayoutNo, RunId};

/// The files of a layout, by their names within it.
pub type LayoutFiles = BTreeMap<String, Vec<u8>>;

/// A version that is brought in, checked.
#[derive(Clone, Debug)]
pub struct NewLayout {
    /// As its owner calls the file or folder.
    pub name: String,
    /// The files that go before those that come with Kvit.
    pub files: LayoutFiles,
    /// All files that come with the program that checked it: the version keeps them, whatever later programs bring.
    pub base: Arc<LayoutFiles>,
    /// What the check found; the store only keeps it.
    pub report: serde_json::Value,
    /// Who brings it.
    pub by: String,
    /// Who that is for the audit trail: the same, or the machine's account that said so.
    pub who: String,
    /// When.
    pub at: Timestamp,
}

/// All files that a layout is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLayout {
    /// Those that came with the program that it was brought or released with; `None` where that was not kept, or is
    /// the program at work.
    pub base: Option<LayoutFiles>,
    /// Those that go before them.
    pub files: LayoutFiles,
}

/// A version as the store knows it.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct LayoutRecord {
    pub no: LayoutNo,
    pub name: String,
    /// Of all names and bytes, and of the files beneath.
    pub sha256: [u8; 32],
    /// The files of a program beneath its own.
    pub base: Option<LayoutBaseNo>,
    pub report: serde_json::Value,
    pub brought_by: String,
    pub brought_at: Timestamp,
}

/// A file of a version, beside those of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct LayoutFile {
    pub name: String,
    /// Its length.
    pub bytes: u64,
    pub beside: Beside,
}

/// How a file of a version stands to the other version's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// The same bytes.
    Same,
    /// Other bytes under the same name.
    Changed,
    /// Only the version has it.
    New,
    /// Only the other version has it.
    Gone,
}

/// That a version was made to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutChoice {
    /// Which.
    pub layout: LayoutNo,
    /// By whom.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
}

/// Somebody's word that a version is to count from now on.
#[derive(Clone, Debug)]
pub struct ChooseLayout {
    /// Which; [`LayoutNo::BUILTIN`] is always there.
    pub layout: LayoutNo,
    /// The one that counted when they looked.
    pub seen: LayoutNo,
    /// Who says it.
    pub by: String,
    /// Who that is for the audit trail.
    pub who: String,
    /// When.
    pub at: Timestamp,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutChosen {
    /// It counts for every run that is released from now on.
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

/// Somebody's word that the rest of a released run is to be made in the layout that counts now.
#[derive(Clone, Debug)]
pub struct RelayRun {
    /// Which run.
    pub run: RunId,
    /// The version that counted when they looked.
    pub seen: LayoutNo,
    /// Who says it.
    pub by: String,
    /// Who that is for the audit trail.
    pub who: String,
    /// When.
    pub at: Timestamp,
    /// The layout files of the program at work: what the rest is made with where no version counts.
    pub base: Arc<LayoutFiles>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relaid {
    /// Chunks that are claimed from now on have the new one.
    Done {
        /// The one that it had.
        before: LayoutNo,
        /// The one that it has.
        layout: LayoutNo,
    },
    /// It had this one already.
    Already(LayoutNo),
    /// Who released the run may not be who says so.
    SamePerson,
    /// There is no such run, or it is not released, or issued by now.
    NotReleased,
    /// Another version counts by now than they saw.
    Outdated,
}

/// A run that is released and not issued wholly, with the layout that it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct LayoutInUse {
    pub run: RunId,
    pub layout: LayoutNo,
}
