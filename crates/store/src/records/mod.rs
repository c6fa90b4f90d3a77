//! What the store's verbs take and give.

mod deliveries;
mod issue;
mod people;
mod runs;

pub use deliveries::*;
pub use issue::*;
pub use people::*;
pub use runs::*;
