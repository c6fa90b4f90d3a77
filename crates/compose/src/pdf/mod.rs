//! What Typst's export lacks: the bill's twin, the signature field, and a file as small as it can be.

mod boxes;
mod catalog;
mod cmap;
mod field;
mod font;
mod headers;
pub(crate) mod picture;
mod tree;
pub(crate) mod twin;
pub(crate) mod write;
mod xmp;

use jiff::{Timestamp, tz::TimeZone};
use kvit_billing::UnsealedPdf;
use kvit_pdf::{Damage, Document, Id, Object, Text, Value};

use crate::{ComposeError, twin::Twin};

/// What is added to an exported PDF.
#[derive(Clone, Copy)]
pub(crate) struct Additions<'a> {
    /// Bytes of signature to leave room for.
    pub(crate) contents_reserve: usize,
    /// What assistive technology calls the signature field.
    pub(crate) tooltip: &'static str,
    /// The twin of the bill.
    pub(crate) twin: &'a Twin,
    /// What readers call the twin.
    pub(crate) twin_description: &'static str,
    /// The bill's time of issue.
    pub(crate) issued_at: Timestamp,
}

/// The exported PDF with its twin and an empty signature field.
pub(crate) fn complete(
    exported: &[u8],
    additions: &Additions<'_>,
) -> Result<UnsealedPdf, ComposeError> {
    let mut document = Document::load(exported)?;
    let signature = add(&mut document, additions, write::GOOD)?;
    write::unsealed(&document, signature, additions.contents_reserve)
}

/// Adds twin and field to a document that is taken apart, packs it at this level, and gives the number kept
/// for the signature.
pub(crate) fn add(
    document: &mut Document,
    additions: &Additions<'_>,
    level: i32,
) -> Result<Id, ComposeError> {
    picture::pack(document)?;
    font::pack(document, level)?;
    headers::tell(document)?;
    tree::thin(document)?;
    catalog::thin(document)?;
    xmp::thin(document)?;
    twin::attach(
        document,
        additions.twin,
        additions.twin_description,
        additions.issued_at,
        level,
    )?;
    let signature = document.reserve();
    field::add(document, additions.tooltip, signature)?;
    for object in document.objects.values_mut() {
        if let Object::Value(value) = object {
            in_parentheses(value);
        }
    }
    Ok(signature)
}

/// Strings take half as much without hexadecimal digits.
fn in_parentheses(value: &mut Value) {
    match value {
        Value::Text(text) => text.hexadecimal = false,
        Value::Array(items) => items.iter_mut().for_each(in_parentheses),
        Value::Dict(dict) => dict.iter_mut().for_each(|(_, value)| in_parentheses(value)),
        _ => {}
    }
}

impl From<Damage> for ComposeError {
    fn from(damage: Damage) -> Self {
        Self::Field(damage.to_string())
    }
}

/// A date as the exporter writes one (ISO 32000-2, 7.9.4).
pub(crate) fn date(at: Timestamp) -> String {
    let at = TimeZone::UTC.to_datetime(at);
    at.strftime("D:%Y%m%d%H%M%SZ").to_string()
}

/// The same in XMP (ISO 16684-1, 8.2.1.2).
pub(crate) fn xmp_date(at: Timestamp) -> String {
    let at = TimeZone::UTC.to_datetime(at);
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

fn missing(what: &str) -> ComposeError {
    ComposeError::Field(format!("it has no {what}"))
}

/// A text string in UTF-16 (ISO 32000-2, 7.9.2.2).
fn text_string(text: &str) -> Text {
    let utf16 = text.encode_utf16().flat_map(u16::to_be_bytes);
    let bytes: Vec<u8> = [0xfe, 0xff].into_iter().chain(utf16).collect();
    Text::literal(bytes)
}
