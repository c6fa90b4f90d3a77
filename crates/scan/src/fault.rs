//! What can be wrong with a file or a page.

use crate::{FILE_BYTES_MAX, PAGES_MAX, PIXELS_MAX};

/// Why a file or a page of it cannot be read, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No bytes.
    #[error("the file is empty; scan again, or copy it again")]
    Empty,
    /// Another kind of file.
    #[error("this is neither a PDF, TIFF, JPEG nor PNG; set the scanner to one of these")]
    UnknownFormat,
    /// Too many bytes.
    #[error("the file has more than {} MB; scan fewer pages into one file", FILE_BYTES_MAX / 1_000_000)]
    FileTooLarge,
    /// Too many pages.
    #[error(
        "the file has more than {PAGES_MAX} pages; the first {PAGES_MAX} are read, scan the others into another file"
    )]
    TooManyPages,
    /// Its bytes make no sense, or end too early.
    #[error("the picture is damaged or cut off; scan the page again")]
    Broken,
    /// Too large to be decoded.
    #[error(
        "the picture has more than {} million pixels; scan at 300 dpi",
        PIXELS_MAX / 1_000_000
    )]
    TooManyPixels,
    /// A page of a PDF that draws no picture.
    #[error("the page of the PDF has no scanned picture; print it and scan it, or scan to TIFF")]
    NoPicture,
    /// A compression that is not read.
    #[error(
        "the picture is packed in a way that is not read here; set the scanner to JPEG or to CCITT Group 4"
    )]
    Packing,
}

impl Fault {
    /// A word for it that stays the same, for records and texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::UnknownFormat => "format",
            Self::FileTooLarge => "large",
            Self::TooManyPages => "pages",
            Self::Broken => "broken",
            Self::TooManyPixels => "pixels",
            Self::NoPicture => "no-picture",
            Self::Packing => "packing",
        }
    }

    /// The fault that a word means.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let all = [
            Self::Empty,
            Self::UnknownFormat,
            Self::FileTooLarge,
            Self::TooManyPages,
            Self::Broken,
            Self::TooManyPixels,
            Self::NoPicture,
            Self::Packing,
        ];
        all.into_iter().find(|fault| fault.word() == word)
    }
}
