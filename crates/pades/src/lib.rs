//! PDF to sealed PDF: PAdES B-B (ETSI EN 319 142-1), as a detached CMS signature over every byte of
//! the file but the signature itself.
//!
//! Compose leaves the places open ([`kvit_billing::SealSlot`]); [`Sealer::seal`] fills them and is
//! the only way to a [`SealedPdf`], so "not sealed" does not compile further on.

mod cms;
mod key;
mod seal;

pub use key::{SealAlgorithm, SealKey, SignError};
pub use seal::{SealError, SealedPdf, Sealer};
