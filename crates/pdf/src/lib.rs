//! The objects of a PDF (ISO 32000-2, 7.3 and 7.5): nothing here knows what they mean.
//!
//! A [`File`] finds single objects in bytes of any origin. A [`Document`] owns all objects of a file, to be
//! changed and written anew. Both read bytes that may mean harm: nothing recurses, allocates or loops beyond
//! a named limit.

mod decode;
mod document;
mod file;
mod reader;
mod value;
mod write;
mod xref;

pub use document::{Document, Object, Stream};
pub use file::File;
pub use value::{Dict, Id, Text, Value};
pub use write::Numbers;

/// The bytes are not the PDF that they claim to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}{}", Place(*at))]
pub struct Damage {
    /// Where reading stopped, as a byte of the file; 0 where no place can be named.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

impl Damage {
    /// Says what is wrong near a byte of the file.
    #[must_use]
    pub const fn new(at: usize, what: &'static str) -> Self {
        Self { at, what }
    }
}

struct Place(usize);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0 => Ok(()),
            at => write!(f, " (near byte {at})"),
        }
    }
}
