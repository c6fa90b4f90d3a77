//! The order of the stages: import, release, issue, deliver.
//!
//! Each stage takes the product of the one before and hands its own to the next; none rewrites
//! what an earlier one kept. Effects leave through [`ports`] and the store only. Every effect has a
//! [`ports::Checkpoints`] before and after it, and the reasoning about a death there beside it.

mod bills;
mod cores;
pub mod debits;
pub mod deliver;
pub mod documents;
pub mod hours;
pub mod import;
pub mod issue;
pub mod pack;
pub mod poll;
pub mod ports;
mod preview;
pub mod refunds;
pub mod remind;
pub mod scans;
pub mod statement;
pub mod summary;
pub mod sweep;
pub mod tell;

pub use cores::{CoresError, use_cores};
pub use debits::{Autopay, AutopayReport, DebitRules};
pub use deliver::{Courier, DeliveryReport};
pub use documents::{DocumentError, read_bill};
pub use hours::Hours;
pub use import::{ImportError, ImportOutcome, ImportRequest, Source};
pub use issue::{IssueError, IssueReport, Issuer, IssuerSettings};
pub use poll::{PollReport, Poller};
pub use preview::Sample;
pub use remind::{ReminderReport, Reminders};
pub use scans::{PictureError, ScanError, ScanImport, read_scan, read_signed};
pub use sweep::{SweepError, sweep, sweep_issued};
pub use tell::{Messenger, TellReport, webhook_secret};
