//! As much of a PDF as it takes to find its signatures, read from bytes that may mean harm: nothing
//! here recurses, allocates or loops beyond a named limit.

mod file;
mod stream;
mod value;

pub(crate) use file::File;
pub(crate) use value::{Dict, Text, Value};

/// The file is not the PDF that it claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} (near byte {at})")]
pub(crate) struct Damage {
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

impl Damage {
    pub(crate) const fn new(at: usize, what: &'static str) -> Self {
        Self { at, what }
    }
}
