//! PDF to sealed PDF: PAdES B-B (ETSI EN 319 142-1), as a detached CMS signature over every byte of
//! the file but the signature itself; and back: [`verify`] says who sealed a file and whether a byte
//! has changed since.
//!
//! Compose leaves the places open ([`kvit_billing::SealSlot`]); [`Sealer::seal`] fills them and is
//! the only way to a [`SealedPdf`], so "not sealed" does not compile further on.

mod beginnings;
mod certificate;
mod cms;
mod key;
mod seal;
mod signature;
mod trust;
mod verdict;
mod verify;

pub use certificate::{Certificate, CertificateError, PublicKey};
pub use key::{SealAlgorithm, SealKey, SignError};
pub use seal::{SealError, SealedPdf, Sealer};
pub use trust::{TrustError, TrustRoots};
pub use verdict::{Note, Problem, Seal, State, Verdict};
pub use verify::verify;
