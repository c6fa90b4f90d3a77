//! Layouts as the console needs them: samples, and whether one works. The versions stand in the store.

use std::fmt;

use futures::future::BoxFuture;
use kvit_billing::LayoutNo;
use serde::{Deserialize, Serialize};

use crate::{Cause, NoSample, Phrase, reason, texts::Texts};

/// The largest file of a layout that may be brought in, in bytes: the most that its files may have unpacked, and
/// room for a ZIP's list of them.
pub const LAYOUT_BYTES_MAX: u64 = 80 << 20;

/// Lays invented bills out with any layout, off the threads that serve pages.
pub trait Layouts: Send + Sync {
    /// What samples can be drawn of: kind and language, such as `household-bg`.
    fn kinds(&self) -> Vec<String>;

    /// A sample of one of these as a PDF; `None` where there is no such kind.
    fn sample(
        &self,
        layout: LayoutNo,
        kind: String,
    ) -> BoxFuture<'static, Result<Option<Vec<u8>>, NoSample>>;

    /// Whether this program can lay bills out with it.
    fn try_out(&self, layout: LayoutNo) -> BoxFuture<'static, Result<(), NoSample>>;

    /// What checking the layout that comes with Kvit found, as it is kept with the versions. The first call
    /// begins the check; `None` while it is under way.
    fn builtin_report(&self) -> Option<serde_json::Value>;
}

/// Something that is wrong with a layout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayoutFault {
    /// File within the layout; empty where the fault has no place.
    pub file: String,
    /// Line, from 1; 0 where it is the file as a whole.
    pub line: usize,
    /// Column, from 1; 0 where it is the file as a whole.
    pub column: usize,
    /// What is wrong; the text of this name and `-remedy` says what to do about it.
    pub known: Phrase,
    /// What Typst, or a library, says beyond that, in English.
    pub words: Vec<String>,
}

impl From<LayoutFault> for Cause {
    fn from(fault: LayoutFault) -> Self {
        Self {
            place: fault.place(),
            known: Some(fault.known),
            foreign: fault.words.join("; "),
        }
    }
}

/// A fault in the words of one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldLayoutFault {
    /// See [`LayoutFault::place`].
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it; may be empty.
    pub remedy: String,
    /// See [`LayoutFault::words`].
    pub words: Vec<String>,
}

/// See [`crate::FindingTexts::layout_fault`].
pub(crate) fn tell(texts: &Texts, fault: &LayoutFault) -> ToldLayoutFault {
    let (what, remedy) = reason::say(texts, &fault.known);
    ToldLayoutFault {
        place: fault.place(),
        what,
        remedy: remedy.unwrap_or_default(),
        words: fault.words.clone(),
    }
}

impl LayoutFault {
    /// `bill.typ:12:3`, or as much of it as there is.
    #[must_use]
    pub fn place(&self) -> String {
        match self.line {
            0 => self.file.clone(),
            line => format!("{}:{line}:{}", self.file, self.column),
        }
    }
}

impl fmt::Display for ToldLayoutFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.what)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        for words in &self.words {
            write!(f, "\n  {words}")?;
        }
        Ok(())
    }
}
