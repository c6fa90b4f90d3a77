//! Seal keys from PKCS#12 files, and a throwaway certificate authority for trials.
//!
//! [`Pkcs12Key`] is the key of a running instance; [`Throwaway`] makes one that seals correctly and
//! that nobody but its own instance trusts.

mod error;
mod pkcs12;
mod throwaway;

pub use error::KeyError;
pub use pkcs12::Pkcs12Key;
pub use throwaway::{KeyKind, Throwaway};
