//! What Typst's export lacks: the signature field, and a file as small as it can be.

mod field;
mod write;

pub(crate) use field::{Field, with_field};
