//! The outside that even pure code needs: the time, and chance. Production gives the real ones,
//! tests give fixed ones.

use jiff::Timestamp;

use crate::{Bill, UnsealedPdf};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Gives bytes that nobody can predict.
pub trait Rng: Send + Sync {
    /// Fills `bytes` from a cryptographically secure source.
    fn fill(&self, bytes: &mut [u8]);
}

/// Makes the document of a bill. Pure: equal bills give equal pages and words, on every machine;
/// how they are encoded may depend on what was composed before.
///
/// It stands here, and not in the crate that composes, so that the stages after it build and are
/// tested without a typesetter; only the binary brings the two together.
pub trait Compose: Send + Sync {
    /// The bill, complete but for its seal.
    ///
    /// # Errors
    /// Where the layout cannot take the bill.
    fn compose(&self, bill: &Bill) -> Result<UnsealedPdf, NotComposed>;

    /// The bill as it would look: never to be sealed, and marked as a sample in both languages.
    ///
    /// # Errors
    /// Where the layout cannot take the bill.
    fn sample(&self, bill: &Bill) -> Result<Vec<u8>, NotComposed>;
}

/// A document could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the document cannot be composed")]
pub struct NotComposed(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// A clock that stands still, for tests and for reproducible output.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}
