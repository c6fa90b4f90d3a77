//! A bill and a layout to deterministic PDF bytes with an empty signature field.
//!
//! A [`Layout`] is a set of Typst files, texts and fonts; a [`Composer`] lays each bill out with it
//! and adds what Typst cannot write: the field that the seal goes into. The data that a layout reads
//! is made by `view.rs`, with every amount and date already written in the customer's language.

mod codes;
mod composer;
mod error;
#[cfg(test)]
mod fields;
mod forms;
mod layout;
mod pdf;
mod places;
mod port;
mod probe;
mod stream;
mod twin;
mod view;
mod watch;
mod world;

pub use codes::TooLong;
pub use composer::{Composer, ComposerSettings, Spent};
pub use error::{Check, ComposeError, Diagnostic};
pub use forms::Counts;
pub use layout::Layout;
pub use twin::{TwinError, twin};
