//! Run-file bytes to bill orders, or all diagnostics with place and remedy.
//!
//! Pure: readers and bytes are given, nothing is opened here.

mod check;
mod en16931;
mod finding;
mod json;
mod ndjson;

use std::{fmt, sync::Arc};

use jiff::civil::Date;
use kvit_billing::{Cents, Currency, Period};

pub use check::check_order;
pub use en16931::{Invoice, MAX_XML, SellerParty, read_invoice};
pub use finding::{Check, Diagnostic, Findings, Severity};
pub use ndjson::{LINE_LIMIT, NdjsonReader, schema, write_ndjson};

/// What a file is held against.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The operator's company identifier (ЕИК) and VAT number.
    pub operator_ids: Vec<String>,
    /// Currency of all amounts.
    pub currency: Currency,
    /// The operator is made up: another seller or currency is then only a warning.
    pub operator_is_placeholder: bool,
    /// The day of the import.
    pub today: Date,
    /// What bills can show.
    pub shown: Characters,
}

/// A set of characters.
#[derive(Clone)]
pub struct Characters(Arc<dyn Fn(char) -> bool + Send + Sync>);

impl Characters {
    /// Those for which `has` holds.
    pub fn new(has: impl Fn(char) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(has))
    }

    /// All that there are.
    #[must_use]
    pub fn all() -> Self {
        Self::new(|_| true)
    }

    /// Whether it is one of them.
    #[must_use]
    pub fn has(&self, character: char) -> bool {
        (self.0)(character)
    }
}

impl fmt::Debug for Characters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Characters").finish_non_exhaustive()
    }
}

/// Control totals that the billing system declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlTotals {
    /// How many orders follow.
    pub orders: u64,
    /// Sum of the signed gross amounts.
    pub sum_cents: Cents,
}

/// Who hands over what, from a run file's first line or derived from an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Name of the billing system.
    pub system: String,
    /// Its name for the run.
    pub run: String,
    /// What is billed.
    pub period: Period,
    /// Identifier of the seller.
    pub seller: String,
    /// Currency of every amount.
    pub currency: Currency,
    /// Control totals; an EN 16931 invoice has none.
    pub declared: Option<ControlTotals>,
}

impl Header {
    /// The header of a file that could not be read far enough to have one.
    #[must_use]
    pub fn unknown(period: Period) -> Self {
        Self {
            system: String::new(),
            run: String::new(),
            period,
            seller: String::new(),
            currency: Currency::EUR,
            declared: None,
        }
    }
}

/// The kind of a file by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Kvit's own run file.
    Ndjson,
    /// UBL 2.1 invoice or credit note.
    Ubl,
    /// UN/CEFACT cross-industry invoice.
    Cii,
    /// A ZIP archive.
    Zip,
    /// Something else.
    Unknown,
}

/// Tells the format from the first bytes; give at least 1024, where there are as many.
#[must_use]
pub fn sniff(first_bytes: &[u8]) -> Format {
    if first_bytes.starts_with(b"PK\x03\x04") || first_bytes.starts_with(b"PK\x05\x06") {
        return Format::Zip;
    }
    let text = String::from_utf8_lossy(&first_bytes[..first_bytes.len().min(8192)]);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('{') {
        Format::Ndjson
    } else if !text.starts_with('<') {
        Format::Unknown
    } else if text.contains("CrossIndustryInvoice") {
        Format::Cii
    } else if text.contains("urn:oasis:names:specification:ubl:schema:xsd:") {
        Format::Ubl
    } else {
        Format::Unknown
    }
}

/// Checks what every format's header must have.
pub(crate) fn check_header(
    file: &str,
    line: u64,
    header: &Header,
    rules: &Rules,
    findings: &mut Findings,
) {
    let severity = if rules.operator_is_placeholder {
        Severity::Warning
    } else {
        Severity::Error
    };
    let mut add = |severity, field: &str, code, found: String, expected: String| {
        findings.push(Diagnostic {
            severity,
            file: file.to_owned(),
            line,
            field: field.to_owned(),
            code,
            found,
            expected,
        });
    };
    if !rules.operator_ids.contains(&header.seller) {
        add(
            severity,
            "/seller",
            Check::Seller,
            header.seller.clone(),
            rules.operator_ids.join(" / "),
        );
    }
    if header.currency != rules.currency {
        add(
            severity,
            "/currency",
            Check::Currency,
            header.currency.to_string(),
            rules.currency.to_string(),
        );
    }
    if !header.period.is_ordered() {
        add(
            Severity::Error,
            "/period",
            Check::PeriodOrder,
            header.period.to_string(),
            String::new(),
        );
    }
}
