//! What the store's verbs take and give.

mod api;
mod concessions;
mod debits;
mod deliveries;
mod issue;
mod layouts;
mod passkeys;
mod payments;
mod people;
mod readers;
mod reminders;
mod runs;
mod scans;
mod staff;
mod statements;
mod texts;

pub use api::*;
pub use concessions::*;
pub use debits::*;
pub use deliveries::*;
pub use issue::*;
pub use layouts::*;
pub use passkeys::*;
pub use payments::*;
pub use people::*;
pub use readers::*;
pub use reminders::*;
pub use runs::*;
pub use scans::*;
pub use staff::*;
pub use statements::*;
pub use texts::*;
