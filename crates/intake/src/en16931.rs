//! EN 16931 invoices. Not read yet: a file in either syntax is refused with a finding.

use kvit_billing::{Address, BillOrder, Currency};

use crate::{Diagnostic, Findings, Header, Rules, Severity};

/// The largest invoice, in bytes.
pub const MAX_XML: usize = 20 * 1024 * 1024;

/// One invoice as an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Derived header.
    pub header: Header,
    /// The order.
    pub order: BillOrder,
    /// The seller as the invoice names it.
    pub seller: SellerParty,
}

/// The seller (EN 16931 BG-4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SellerParty {
    /// BT-27.
    pub name: String,
    /// BT-29, BT-30.
    pub ids: Vec<String>,
    /// BT-31.
    pub vat_number: Option<String>,
    /// BG-5.
    pub address: Address,
    /// BT-84.
    pub iban: Option<String>,
    /// BT-5.
    pub currency: Currency,
}

/// Reads one invoice. Always refuses for now.
pub fn read_invoice(
    file: &str,
    xml: &[u8],
    _rules: &Rules,
    findings: &mut Findings,
) -> Option<Invoice> {
    findings.push(Diagnostic {
        severity: Severity::Error,
        file: file.to_owned(),
        line: 0,
        field: String::new(),
        code: "en16931-unread",
        found: format!("an XML file of {} bytes", xml.len()),
        expected: "a kvit-run file".to_owned(),
        remedy: "hand the run over in Kvit's own format".to_owned(),
    });
    None
}
