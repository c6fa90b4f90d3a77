//! What compose hands to seal: a PDF that is complete but for its signature.

use std::{ops::Range, sync::Arc};

use crate::NoForm;

/// Where in a PDF the signature goes, as byte ranges of the file (ISO 32000-2, 12.8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealSlot {
    /// The value of `/ByteRange`, brackets included, padded with spaces to a fixed width.
    pub byte_range: Range<usize>,
    /// The value of `/Contents`, angle brackets included; between them an even number of zeros.
    pub contents: Range<usize>,
    /// The value of `/M`, parentheses included: `(D:YYYYMMDDhhmmssZ)`.
    pub signing_time: Range<usize>,
}

/// A composed PDF with an empty signature field whose dictionary lies at `slot`.
///
/// Compose makes it; only pades turns it into a sealed one. Nothing else may be written into it.
#[derive(Clone, Debug)]
pub struct UnsealedPdf {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// What it begins with, where many files begin alike: the digest of that needs to be taken once only.
    pub beginning: Option<Arc<[u8]>>,
    /// The places left open for the seal.
    pub slot: SealSlot,
    /// Why it was laid out by itself, where its shape was refused a form.
    pub no_form: Option<Arc<NoForm>>,
}
