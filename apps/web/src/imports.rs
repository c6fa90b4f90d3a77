//! Run files, bank statements and layouts that staff upload: where they go, and how far their import has come.

use axum::body::Bytes;
use futures::future::BoxFuture;
use jiff::Timestamp;
use kvit_billing::{EntryId, LayoutNo, RunId};
use kvit_pay::statement::Fault;

use crate::{LayoutFault, Reason};

/// Takes uploaded files in, and imports them one after the other in the background.
pub trait Imports: Send + Sync {
    /// A place for a file that is about to come.
    fn begin(&self, id: EntryId) -> BoxFuture<'_, Result<Box<dyn Upload>, NoUpload>>;

    /// The uploads that this process knows of, newest first. After a restart it knows of none.
    fn known(&self) -> Vec<ImportView>;
}

/// A file that is coming in. Where it is dropped before it is whole, nothing of it is left.
pub trait Upload: Send {
    /// Keeps the next part.
    fn write(&mut self, part: Bytes) -> BoxFuture<'_, Result<(), NoUpload>>;

    /// The file is whole: its import begins as soon as no other is under way.
    fn finish(self: Box<Self>, file: NewFile) -> BoxFuture<'static, Result<(), NoUpload>>;
}

/// What an uploaded file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A hand-over of the billing system.
    Run,
    /// A bank statement.
    Statement,
    /// Scanned declarations, which come in by [`Scans`](crate::Scans).
    Scans,
    /// A version of the layout.
    Layout,
}

/// An uploaded file.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// What it is.
    pub kind: FileKind,
    /// As its owner calls it: shown, and never used as a path.
    pub name: String,
    /// Who uploaded it, and so imports it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Its length.
    pub bytes: u64,
}

/// A file cannot be taken in.
#[derive(Debug, thiserror::Error)]
pub enum NoUpload {
    /// Too many come in or wait at once.
    #[error("too many uploads at once")]
    Busy,
    /// There is no room for it.
    #[error("the disk is full")]
    Full(#[source] std::io::Error),
    /// It cannot be kept.
    #[error("the upload cannot be kept")]
    Failed(#[source] std::io::Error),
}

/// An uploaded file and what became of it.
#[derive(Clone, Debug)]
pub struct ImportView {
    /// Names it in addresses.
    pub id: EntryId,
    /// The file.
    pub file: NewFile,
    /// How far it has come.
    pub state: ImportState,
}

/// How far an import has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportState {
    /// Another import is under way.
    Waiting,
    /// Being read and checked.
    Reading {
        /// Orders, or transfers, read so far; of a layout, bills that were tried.
        orders: u64,
        /// Orders that the file promises, where it does.
        promised: Option<u64>,
    },
    /// The run waits for its release.
    Checked(RunId),
    /// The run has errors; it says which.
    Rejected(RunId),
    /// This run has all of its orders already.
    Already(RunId),
    /// The statement is in the books.
    Booked {
        /// Its id.
        statement: String,
        /// Whether it came for the first time.
        first: bool,
    },
    /// The statement has faults: nothing of it is kept.
    Faulty {
        /// The first of them, in their order.
        faults: Vec<Fault>,
        /// How many there are.
        counted: u64,
    },
    /// The layout is kept.
    Brought {
        /// As this version.
        layout: LayoutNo,
        /// Whether it came for the first time.
        first: bool,
    },
    /// The layout has faults: nothing of it is kept.
    LayoutFaulty(Vec<LayoutFault>),
    /// The file was not judged: why.
    Failed(Reason),
}

impl ImportState {
    /// Whether something will still change.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        matches!(self, Self::Waiting | Self::Reading { .. })
    }
}
