//! EN 16931 invoices in UBL 2.1 and UN/CEFACT CII D16B, read as orders.

use jiff::civil::Date;
use kvit_billing::{
    Address, BillKind, BillNumber, BillOrder, Cents, Currency, Customer, CustomerNumber, Language,
    Period,
    customer::Text,
    order::{Contract, Correction, Line, Section, SupplyPoint, Totals, VatCategory, VatLine},
};
use roxmltree::{Document, Node, ParsingOptions};
use rust_decimal::Decimal;

use crate::{Diagnostic, Findings, Header, Rules, Severity, check::check, check_header};

/// The largest invoice, in bytes.
pub const MAX_XML: usize = 20 * 1024 * 1024;
/// The most nodes that are kept of an invoice.
const MAX_NODES: u32 = 2_000_000;
/// The longest customer number.
const MAX_ACCOUNT: usize = 20;

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

/// Where a syntax keeps the terms: paths of local names. Several paths are tried in turn.
struct Syntax {
    number: &'static str,
    type_code: &'static [&'static str],
    issued: &'static str,
    due: &'static [&'static str],
    tax_point: &'static [&'static str],
    currency: &'static str,
    note: &'static str,
    contract: &'static str,
    period: &'static str,
    from: &'static str,
    to: &'static str,
    reference: &'static str,
    reference_type: &'static str,
    reference_id: &'static str,
    place_id: &'static [&'static str],
    place: &'static str,
    corrected: &'static str,
    corrected_id: &'static str,
    corrected_date: &'static str,
    seller: &'static str,
    buyer: &'static str,
    party_names: &'static [&'static str],
    party_ids: &'static [&'static str],
    legal_id: &'static str,
    endpoint: &'static str,
    tax_number: &'static str,
    tax_number_id: &'static str,
    party_address: &'static str,
    address_lines: &'static [&'static str],
    city: &'static str,
    postcode: &'static str,
    country: &'static str,
    iban: &'static [&'static str],
    allowance: &'static str,
    is_charge: &'static str,
    allowance_amount: &'static str,
    allowance_reason: &'static str,
    allowance_tax: &'static str,
    tax: &'static str,
    tax_base: &'static str,
    tax_amount: &'static str,
    tax_within: &'static str,
    category: &'static str,
    rate: &'static str,
    exemption: &'static [&'static str],
    vat_total: &'static str,
    sums: &'static str,
    net: &'static str,
    gross: &'static str,
    prepaid: &'static str,
    rounding: &'static str,
    payable: &'static str,
    lines: &'static [&'static str],
    line_name: &'static str,
    quantity: &'static [&'static str],
    line_net: &'static str,
    price: &'static str,
    base: &'static str,
    line_tax: &'static str,
    line_period: &'static str,
    line_reference: &'static str,
}

const UBL: Syntax = Syntax {
    number: "ID",
    type_code: &["InvoiceTypeCode", "CreditNoteTypeCode"],
    issued: "IssueDate",
    due: &["DueDate", "PaymentMeans/PaymentDueDate"],
    tax_point: &["TaxPointDate"],
    currency: "DocumentCurrencyCode",
    note: "Note",
    contract: "ContractDocumentReference/ID",
    period: "InvoicePeriod",
    from: "StartDate",
    to: "EndDate",
    reference: "AdditionalDocumentReference",
    reference_type: "DocumentTypeCode",
    reference_id: "ID",
    place_id: &["Delivery/DeliveryLocation/ID"],
    place: "Delivery/DeliveryLocation/Address",
    corrected: "BillingReference/InvoiceDocumentReference",
    corrected_id: "ID",
    corrected_date: "IssueDate",
    seller: "AccountingSupplierParty/Party",
    buyer: "AccountingCustomerParty/Party",
    party_names: &["PartyLegalEntity/RegistrationName", "PartyName/Name"],
    party_ids: &["PartyIdentification/ID"],
    legal_id: "PartyLegalEntity/CompanyID",
    endpoint: "EndpointID",
    tax_number: "PartyTaxScheme",
    tax_number_id: "CompanyID",
    party_address: "PostalAddress",
    address_lines: &["StreetName", "AdditionalStreetName", "AddressLine/Line"],
    city: "CityName",
    postcode: "PostalZone",
    country: "Country/IdentificationCode",
    iban: &["PaymentMeans/PayeeFinancialAccount/ID"],
    allowance: "AllowanceCharge",
    is_charge: "ChargeIndicator",
    allowance_amount: "Amount",
    allowance_reason: "AllowanceChargeReason",
    allowance_tax: "TaxCategory",
    tax: "TaxTotal/TaxSubtotal",
    tax_base: "TaxableAmount",
    tax_amount: "TaxAmount",
    tax_within: "TaxCategory",
    category: "ID",
    rate: "Percent",
    exemption: &["TaxExemptionReason", "TaxExemptionReasonCode"],
    vat_total: "TaxTotal/TaxAmount",
    sums: "LegalMonetaryTotal",
    net: "TaxExclusiveAmount",
    gross: "TaxInclusiveAmount",
    prepaid: "PrepaidAmount",
    rounding: "PayableRoundingAmount",
    payable: "PayableAmount",
    lines: &["InvoiceLine", "CreditNoteLine"],
    line_name: "Item/Name",
    quantity: &["InvoicedQuantity", "CreditedQuantity"],
    line_net: "LineExtensionAmount",
    price: "Price/PriceAmount",
    base: "Price/BaseQuantity",
    line_tax: "Item/ClassifiedTaxCategory",
    line_period: "InvoicePeriod",
    line_reference: "DocumentReference",
};

macro_rules! trade {
    ($part:literal, $rest:literal) => {
        concat!(
            "SupplyChainTradeTransaction/ApplicableHeaderTrade",
            $part,
            "/",
            $rest
        )
    };
}

const CII: Syntax = Syntax {
    number: "ExchangedDocument/ID",
    type_code: &["ExchangedDocument/TypeCode"],
    issued: "ExchangedDocument/IssueDateTime/DateTimeString",
    due: &[trade!(
        "Settlement",
        "SpecifiedTradePaymentTerms/DueDateDateTime/DateTimeString"
    )],
    tax_point: &[trade!(
        "Settlement",
        "ApplicableTradeTax/TaxPointDate/DateString"
    )],
    currency: trade!("Settlement", "InvoiceCurrencyCode"),
    note: "ExchangedDocument/IncludedNote/Content",
    contract: trade!("Agreement", "ContractReferencedDocument/IssuerAssignedID"),
    period: trade!("Settlement", "BillingSpecifiedPeriod"),
    from: "StartDateTime/DateTimeString",
    to: "EndDateTime/DateTimeString",
    reference: trade!("Agreement", "AdditionalReferencedDocument"),
    reference_type: "TypeCode",
    reference_id: "IssuerAssignedID",
    place_id: &[
        trade!("Delivery", "ShipToTradeParty/ID"),
        trade!("Delivery", "ShipToTradeParty/GlobalID"),
    ],
    place: trade!("Delivery", "ShipToTradeParty/PostalTradeAddress"),
    corrected: trade!("Settlement", "InvoiceReferencedDocument"),
    corrected_id: "IssuerAssignedID",
    corrected_date: "FormattedIssueDateTime/DateTimeString",
    seller: trade!("Agreement", "SellerTradeParty"),
    buyer: trade!("Agreement", "BuyerTradeParty"),
    party_names: &["Name"],
    party_ids: &["ID", "GlobalID"],
    legal_id: "SpecifiedLegalOrganization/ID",
    endpoint: "URIUniversalCommunication/URIID",
    tax_number: "SpecifiedTaxRegistration",
    tax_number_id: "ID",
    party_address: "PostalTradeAddress",
    address_lines: &["LineOne", "LineTwo", "LineThree"],
    city: "CityName",
    postcode: "PostcodeCode",
    country: "CountryID",
    iban: &[
        trade!(
            "Settlement",
            "SpecifiedTradeSettlementPaymentMeans/PayeePartyCreditorFinancialAccount/IBANID"
        ),
        trade!(
            "Settlement",
            "SpecifiedTradeSettlementPaymentMeans/PayeePartyCreditorFinancialAccount/ProprietaryID"
        ),
    ],
    allowance: trade!("Settlement", "SpecifiedTradeAllowanceCharge"),
    is_charge: "ChargeIndicator/Indicator",
    allowance_amount: "ActualAmount",
    allowance_reason: "Reason",
    allowance_tax: "CategoryTradeTax",
    tax: trade!("Settlement", "ApplicableTradeTax"),
    tax_base: "BasisAmount",
    tax_amount: "CalculatedAmount",
    tax_within: "",
    category: "CategoryCode",
    rate: "RateApplicablePercent",
    exemption: &["ExemptionReason", "ExemptionReasonCode"],
    vat_total: trade!(
        "Settlement",
        "SpecifiedTradeSettlementHeaderMonetarySummation/TaxTotalAmount"
    ),
    sums: trade!(
        "Settlement",
        "SpecifiedTradeSettlementHeaderMonetarySummation"
    ),
    net: "TaxBasisTotalAmount",
    gross: "GrandTotalAmount",
    prepaid: "TotalPrepaidAmount",
    rounding: "RoundingAmount",
    payable: "DuePayableAmount",
    lines: &["SupplyChainTradeTransaction/IncludedSupplyChainTradeLineItem"],
    line_name: "SpecifiedTradeProduct/Name",
    quantity: &["SpecifiedLineTradeDelivery/BilledQuantity"],
    line_net: "SpecifiedLineTradeSettlement/SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount",
    price: "SpecifiedLineTradeAgreement/NetPriceProductTradePrice/ChargeAmount",
    base: "SpecifiedLineTradeAgreement/NetPriceProductTradePrice/BasisQuantity",
    line_tax: "SpecifiedLineTradeSettlement/ApplicableTradeTax",
    line_period: "SpecifiedLineTradeSettlement/BillingSpecifiedPeriod",
    line_reference: "SpecifiedLineTradeSettlement/AdditionalReferencedDocument",
};

/// Reads one invoice. `None` where a term that an order needs is missing or malformed; the
/// findings then say which.
pub fn read_invoice(
    file: &str,
    xml: &[u8],
    rules: &Rules,
    findings: &mut Findings,
) -> Option<Invoice> {
    let expected = "an EN 16931 invoice in UBL 2.1 or CII D16B";
    if xml.len() > MAX_XML {
        let found = format!("{} bytes", xml.len());
        findings.push(Diagnostic::unreadable(
            file,
            &found,
            &format!("at most {MAX_XML} bytes"),
        ));
        return None;
    }
    let Ok(text) = std::str::from_utf8(xml) else {
        findings.push(Diagnostic::unreadable(
            file,
            "bytes that are not UTF-8",
            expected,
        ));
        return None;
    };
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MAX_NODES,
        ..ParsingOptions::default()
    };
    let document = match Document::parse_with_options(text, options) {
        Ok(document) => document,
        Err(error) => {
            let mut finding = Diagnostic::unreadable(file, &error.to_string(), expected);
            finding.line = u64::from(error.pos().row);
            findings.push(finding);
            return None;
        }
    };
    let root = document.root_element();
    let syntax = match root.tag_name().name() {
        "Invoice" | "CreditNote" => &UBL,
        "CrossIndustryInvoice" => &CII,
        other => {
            findings.push(Diagnostic::unreadable(
                file,
                &format!("an element {other}"),
                expected,
            ));
            return None;
        }
    };
    let before = findings.errors();
    let invoice = Reader {
        file,
        s: syntax,
        root,
        findings,
    }
    .invoice(rules);
    if findings.errors() > before {
        return None;
    }
    let invoice = invoice?;
    check_header(file, 0, &invoice.header, rules, findings);
    check(file, 0, &invoice.order, rules, findings, Severity::Warning);
    Some(invoice)
}

/// All elements at a path of local names; the empty path is the element itself.
fn all<'a, 'i>(node: Node<'a, 'i>, path: &str) -> Vec<Node<'a, 'i>> {
    let mut found = vec![node];
    for name in path.split('/').filter(|name| !name.is_empty()) {
        found = found
            .iter()
            .flat_map(Node::children)
            .filter(|n| n.is_element() && n.tag_name().name() == name)
            .collect();
    }
    found
}

/// The element's own text without outer blanks, if there is any.
fn own_text(node: Node<'_, '_>) -> Option<String> {
    let text: String = node
        .children()
        .filter(Node::is_text)
        .filter_map(|n| n.text())
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The first text at a path.
fn text(node: Node<'_, '_>, path: &str) -> Option<String> {
    all(node, path).into_iter().find_map(own_text)
}

/// The first text at any of the paths.
fn first(node: Node<'_, '_>, paths: &[&str]) -> Option<String> {
    paths.iter().find_map(|path| text(node, path))
}

/// On one line: runs of blanks become one, other control characters go.
fn one_line(text: &str) -> String {
    let words: Vec<String> = text
        .split_whitespace()
        .map(|word| word.chars().filter(|c| !c.is_control()).collect())
        .collect();
    words.join(" ")
}

/// `2026-10-31`, with or without a zone, or `20261031`.
fn date(text: &str) -> Option<Date> {
    let digits = |range| {
        text.get(range)
            .filter(|t: &&str| t.bytes().all(|b| b.is_ascii_digit()))
    };
    let (year, month, day) = if text.as_bytes().get(4) == Some(&b'-') {
        (digits(0..4)?, digits(5..7)?, digits(8..10)?)
    } else if text.len() == 8 {
        (digits(0..4)?, digits(4..6)?, digits(6..8)?)
    } else {
        return None;
    };
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// What may stand in a customer number, cut to its length.
fn account(text: &str) -> Option<CustomerNumber> {
    let kept: String = text
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(MAX_ACCOUNT)
        .collect();
    kept.parse().ok()
}

struct Reader<'a, 'i, 'f> {
    file: &'f str,
    s: &'static Syntax,
    root: Node<'a, 'i>,
    findings: &'f mut Findings,
}

impl<'a, 'i> Reader<'a, 'i, '_> {
    fn error(
        &mut self,
        near: Node<'_, '_>,
        term: &str,
        code: &'static str,
        found: &str,
        wanted: &str,
    ) {
        let line = near.document().text_pos_at(near.range().start).row;
        self.findings.push(Diagnostic {
            severity: Severity::Error,
            file: self.file.to_owned(),
            line: u64::from(line),
            field: term.to_owned(),
            code,
            found: found.chars().take(60).collect(),
            expected: wanted.to_owned(),
            remedy: "complete or correct the invoice".to_owned(),
        });
    }

    fn need<T>(
        &mut self,
        near: Node<'_, '_>,
        term: &str,
        wanted: &str,
        value: Option<T>,
    ) -> Option<T> {
        if value.is_none() {
            self.error(near, term, "missing", "nothing", wanted);
        }
        value
    }

    /// Reads a text where it is there: an error where it cannot be read.
    fn read<T>(
        &mut self,
        near: Node<'_, '_>,
        term: &str,
        wanted: &str,
        found: Option<String>,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let found = found?;
        let value = parse(&found);
        if value.is_none() {
            self.error(near, term, "malformed", &found, wanted);
        }
        value
    }

    /// As [`Self::read`], and an error too where nothing is there.
    fn must<T>(
        &mut self,
        near: Node<'_, '_>,
        term: &str,
        wanted: &str,
        found: Option<String>,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let found = self.need(near, term, wanted, found);
        self.read(near, term, wanted, found, parse)
    }

    fn amount(&mut self, near: Node<'_, '_>, term: &str, path: &str) -> Option<Cents> {
        self.must(
            near,
            term,
            "an amount with two decimals",
            text(near, path),
            |t| t.parse().ok(),
        )
    }

    fn optional_amount(&mut self, near: Node<'_, '_>, term: &str, path: &str) -> Cents {
        self.read(
            near,
            term,
            "an amount with two decimals",
            text(near, path),
            |t| t.parse().ok(),
        )
        .unwrap_or_default()
    }

    fn period(&mut self, near: Node<'_, '_>, path: &str, terms: [&str; 2]) -> Option<Period> {
        let s = self.s;
        let span = all(near, path).into_iter().next()?;
        let from = self.read(span, terms[0], "a date", text(span, s.from), date);
        let to = self.read(span, terms[1], "a date", text(span, s.to), date);
        Some(Period {
            from: from?,
            to: to?,
        })
    }

    fn address(&self, node: Node<'_, '_>) -> Address {
        let s = self.s;
        let mut lines: Vec<String> = Vec::new();
        for path in s.address_lines {
            lines.extend(text(node, path).map(|t| one_line(&t)));
        }
        Address {
            lines,
            postcode: text(node, s.postcode).unwrap_or_default(),
            city: one_line(&text(node, s.city).unwrap_or_default()),
            country: text(node, s.country).unwrap_or_else(|| "BG".to_owned()),
        }
    }

    fn party_address(&self, party: Node<'_, '_>) -> Address {
        all(party, self.s.party_address)
            .first()
            .map_or_else(Address::default, |node| self.address(*node))
    }

    fn vat_number(&self, party: Node<'_, '_>) -> Option<String> {
        let s = self.s;
        all(party, s.tax_number).into_iter().find_map(|n| {
            let scheme = all(n, s.tax_number_id)
                .first()
                .and_then(|id| id.attribute("schemeID"));
            let is_vat = text(n, "TaxScheme/ID").as_deref() == Some("VAT") || scheme == Some("VA");
            is_vat.then(|| text(n, s.tax_number_id)).flatten()
        })
    }

    /// Category and rate of a tax element.
    fn tax(
        &mut self,
        near: Node<'_, '_>,
        within: &str,
        terms: [&str; 2],
    ) -> Option<(VatCategory, Decimal)> {
        let s = self.s;
        let node = all(near, within).into_iter().find(|n| {
            // other taxes may stand beside VAT
            first(*n, &["TaxScheme/ID", "TypeCode"]).is_none_or(|t| t == "VAT")
        });
        let node = self.need(near, terms[0], "a VAT category", node)?;
        let category = self.must(
            near,
            terms[0],
            "S, Z, E, AE or O",
            text(node, s.category),
            |t| {
                Some(match t {
                    "S" => VatCategory::S,
                    "Z" => VatCategory::Z,
                    "E" => VatCategory::E,
                    "AE" => VatCategory::AE,
                    "O" => VatCategory::O,
                    _ => return None,
                })
            },
        )?;
        let rate = text(node, s.rate);
        if rate.is_none() && category != VatCategory::S {
            return Some((category, Decimal::ZERO));
        }
        let rate = self.must(near, terms[1], "a rate in percent", rate, |t| {
            Decimal::from_str_exact(t).ok()
        })?;
        Some((category, rate.normalize()))
    }

    /// The code of a supply point among document references: those of type 130.
    fn point(&self, node: Node<'_, '_>, path: &str) -> Option<String> {
        let s = self.s;
        all(node, path)
            .into_iter()
            .filter(|n| text(*n, s.reference_type).as_deref() == Some("130"))
            .find_map(|n| text(n, s.reference_id))
    }

    fn line(&mut self, node: Node<'_, '_>) -> Option<Line> {
        let s = self.s;
        let decimal = |t: &str| Decimal::from_str_exact(t).ok();
        let name = self.need(node, "BT-153", "an item name", text(node, s.line_name));
        let quantity = self.must(
            node,
            "BT-129",
            "a quantity",
            first(node, s.quantity),
            decimal,
        );
        let unit = s
            .quantity
            .iter()
            .find_map(|path| {
                all(node, path)
                    .first()
                    .and_then(|n| n.attribute("unitCode"))
            })
            .map(str::to_owned);
        let unit = self.need(node, "BT-130", "a unit code", unit);
        let price = self.must(node, "BT-146", "a price", text(node, s.price), decimal);
        let base = self
            .read(node, "BT-149", "a quantity", text(node, s.base), decimal)
            .unwrap_or(Decimal::ONE);
        let net = self.amount(node, "BT-131", s.line_net);
        let tax = self.tax(node, s.line_tax, ["BT-151", "BT-152"]);
        let period = self.period(node, s.line_period, ["BT-134", "BT-135"]);
        let (mut quantity, mut price, net, tax) = (quantity?, price?, net?, tax?);
        if price.is_sign_negative() {
            price = -price;
            quantity = -quantity;
        }
        // some writers repeat the price as its base quantity
        let product = quantity.checked_mul(price).and_then(Cents::round);
        let price_base = if base == price && product == Some(net) {
            Decimal::ONE
        } else {
            base
        };
        Some(Line {
            name: Text::same(one_line(&name?)),
            section: Section::default(),
            supply_point: self.point(node, s.line_reference),
            period,
            quantity,
            unit: unit?,
            unit_price: price,
            price_base,
            net,
            vat_category: tax.0,
            vat_rate: tax.1,
        })
    }

    /// A document level allowance or charge as a line.
    fn allowance(&mut self, node: Node<'_, '_>) -> Option<Line> {
        let s = self.s;
        let charge = matches!(text(node, s.is_charge).as_deref(), Some("true" | "1"));
        let (terms, amount, reason) = if charge {
            (["BT-102", "BT-103"], "BT-99", "Надбавка")
        } else {
            (["BT-95", "BT-96"], "BT-92", "Отстъпка")
        };
        let amount = self.amount(node, amount, s.allowance_amount);
        let tax = self.tax(node, s.allowance_tax, terms);
        let (amount, tax) = (amount?, tax?);
        let net = if charge { amount } else { -amount };
        let name = text(node, s.allowance_reason).map_or_else(
            || {
                let english = if charge { "Charge" } else { "Allowance" };
                Text::both(reason, english)
            },
            |t| Text::same(one_line(&t)),
        );
        Some(Line {
            name,
            section: Section::default(),
            supply_point: None,
            period: None,
            quantity: if net.is_negative() {
                -Decimal::ONE
            } else {
                Decimal::ONE
            },
            unit: "C62".to_owned(),
            unit_price: net.abs().to_decimal(),
            price_base: Decimal::ONE,
            net,
            vat_category: tax.0,
            vat_rate: tax.1,
        })
    }

    fn vat(&mut self) -> Vec<VatLine> {
        let s = self.s;
        let mut vat = Vec::new();
        for node in all(self.root, s.tax) {
            let base = self.amount(node, "BT-116", s.tax_base);
            let amount = self.amount(node, "BT-117", s.tax_amount);
            let tax = self.tax(node, s.tax_within, ["BT-118", "BT-119"]);
            let exemption = all(node, s.tax_within)
                .first()
                .and_then(|n| first(*n, s.exemption))
                .map(|t| Text::same(one_line(&t)));
            if let (Some(base), Some(amount), Some((category, rate))) = (base, amount, tax) {
                vat.push(VatLine {
                    category,
                    rate,
                    base,
                    amount,
                    exemption,
                });
            }
        }
        if vat.is_empty() {
            self.error(self.root, "BG-23", "missing", "nothing", "a VAT breakdown");
        }
        vat
    }

    fn totals(&mut self, kind: BillKind, currency: Currency) -> Option<Totals> {
        let s = self.s;
        let sums = all(self.root, s.sums).into_iter().next();
        let sums = self.need(self.root, "BG-22", "document totals", sums)?;
        let net = self.amount(sums, "BT-109", s.net);
        let gross = self.amount(sums, "BT-112", s.gross);
        let payable = self.amount(sums, "BT-115", s.payable);
        let prepaid = self.optional_amount(sums, "BT-113", s.prepaid);
        let rounding = self.optional_amount(sums, "BT-114", s.rounding);
        // the same tax may be given in the accounting currency too
        let vat = all(self.root, s.vat_total).into_iter().find(|n| {
            n.attribute("currencyID")
                .is_none_or(|c| c == currency.as_str())
        });
        let vat = match vat {
            Some(node) => self.amount(node, "BT-110", ""),
            None => Some(Cents::ZERO),
        };
        let signed = |amount: Cents| match kind {
            BillKind::CreditNote => -amount,
            BillKind::Invoice | BillKind::DebitNote => amount,
        };
        Some(Totals {
            net: net?,
            vat: vat?,
            gross: gross?,
            prepaid: signed(prepaid),
            rounding: signed(rounding),
            carried_over: Cents::ZERO,
            to_pay: signed(payable?),
        })
    }

    fn correction(&mut self, notes: &[Text]) -> Option<Correction> {
        let s = self.s;
        let node = all(self.root, s.corrected).into_iter().next();
        let node = self.need(self.root, "BG-3", "the corrected invoice", node)?;
        let number = self.must(
            node,
            "BT-25",
            "ten digits",
            text(node, s.corrected_id),
            |t| {
                let ten = t.len() == 10 && t.bytes().all(|b| b.is_ascii_digit());
                ten.then(|| t.parse().ok().and_then(BillNumber::new))
                    .flatten()
            },
        );
        let issued = self.must(node, "BT-26", "a date", text(node, s.corrected_date), date);
        let ground = self.need(
            self.root,
            "BT-22",
            "the ground of the correction",
            notes.first(),
        );
        Some(Correction {
            number: number?,
            issue_date: issued?,
            ground: ground?.clone(),
        })
    }

    fn customer(&mut self, contract: Option<&str>) -> Option<Customer> {
        let s = self.s;
        let buyer = all(self.root, s.buyer).into_iter().next();
        let buyer = self.need(self.root, "BG-7", "the buyer", buyer)?;
        let name = self.need(
            buyer,
            "BT-44",
            "the buyer's name",
            first(buyer, s.party_names),
        );
        let address = self.party_address(buyer);
        let legal = text(buyer, s.legal_id);
        let digits = |t: &str, n: usize| t.len() == n && t.bytes().all(|b| b.is_ascii_digit());
        // ten digits may be a Bulgarian's personal number, which is never kept
        let not_personal = |t: &String| !(address.country == "BG" && digits(t, 10));
        let number = [
            first(buyer, s.party_ids),
            contract.map(str::to_owned),
            text(buyer, s.endpoint).filter(not_personal),
            legal.clone().filter(not_personal),
        ]
        .into_iter()
        .flatten()
        .find_map(|t| account(&t));
        let number = self.need(
            buyer,
            "BT-46",
            "a buyer identifier with letters or digits",
            number,
        );
        Some(Customer {
            number: number?,
            name: one_line(&name?),
            eik: legal.filter(|t| digits(t, 9) || digits(t, 13)),
            vat_number: self.vat_number(buyer),
            phone: None,
            language: Language::default(),
            address,
        })
    }

    fn seller(&mut self, currency: Currency) -> Option<SellerParty> {
        let s = self.s;
        let party = all(self.root, s.seller).into_iter().next();
        let party = self.need(self.root, "BG-4", "the seller", party)?;
        let name = self.need(
            party,
            "BT-27",
            "the seller's name",
            first(party, s.party_names),
        )?;
        let mut ids = Vec::new();
        for path in s.party_ids.iter().chain([&s.legal_id]) {
            ids.extend(all(party, path).into_iter().filter_map(own_text));
        }
        Some(SellerParty {
            name: one_line(&name),
            ids,
            vat_number: self.vat_number(party),
            address: self.party_address(party),
            iban: first(self.root, s.iban),
            currency,
        })
    }

    fn supply_points(&self, lines: &[Line]) -> Vec<SupplyPoint> {
        let s = self.s;
        let address = all(self.root, s.place).first().map(|n| {
            let a = self.address(*n);
            let town = format!("{} {}", a.postcode, a.city).trim().to_owned();
            let parts: Vec<String> = a.lines.into_iter().chain([town]).collect();
            parts
                .iter()
                .map(|part| part.trim_end_matches(','))
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(", ")
        });
        let mut codes: Vec<String> = self.point(self.root, s.reference).into_iter().collect();
        for code in lines.iter().filter_map(|l| l.supply_point.clone()) {
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        if codes.is_empty() {
            codes.extend(first(self.root, s.place_id));
        }
        let address = address.filter(|_| codes.len() == 1).unwrap_or_default();
        codes
            .into_iter()
            .map(|code| SupplyPoint {
                code,
                address: address.clone(),
                network: None,
                meters: Vec::new(),
            })
            .collect()
    }

    fn invoice(mut self, rules: &Rules) -> Option<Invoice> {
        let (s, root) = (self.s, self.root);
        let number = self.need(root, "BT-1", "an invoice number", text(root, s.number));
        let kind = self.must(
            root,
            "BT-3",
            "380, 381, 383 or 384",
            first(root, s.type_code),
            |t| {
                Some(match t {
                    "380" | "384" => BillKind::Invoice,
                    "381" => BillKind::CreditNote,
                    "383" => BillKind::DebitNote,
                    _ => return None,
                })
            },
        );
        let issued = self.must(root, "BT-2", "a date", text(root, s.issued), date);
        let due = self.read(root, "BT-9", "a date", first(root, s.due), date);
        let tax_point = self.read(root, "BT-7", "a date", first(root, s.tax_point), date);
        let currency = self.must(
            root,
            "BT-5",
            "a currency code",
            text(root, s.currency),
            |t| t.parse::<Currency>().ok(),
        );
        let notes: Vec<Text> = all(root, s.note)
            .into_iter()
            .filter_map(own_text)
            .map(|t| Text::same(one_line(&t)))
            .collect();
        let contract = text(root, s.contract);
        let stated = self.period(root, s.period, ["BT-73", "BT-74"]);
        let customer = self.customer(contract.as_deref());
        let vat = self.vat();
        let mut lines = Vec::new();
        for node in s.lines.iter().flat_map(|path| all(root, path)) {
            lines.extend(self.line(node));
        }
        for node in all(root, s.allowance) {
            lines.extend(self.allowance(node));
        }
        let seller = currency.and_then(|c| self.seller(c));
        let totals = match (kind, currency) {
            (Some(kind), Some(currency)) => self.totals(kind, currency),
            _ => None,
        };
        let corrects = match kind {
            Some(BillKind::CreditNote | BillKind::DebitNote) => self.correction(&notes),
            _ => None,
        };
        let issued = issued?;
        let from = lines.iter().filter_map(|l| l.period).map(|p| p.from).min();
        let to = lines.iter().filter_map(|l| l.period).map(|p| p.to).max();
        let period = stated
            .or_else(|| {
                Some(Period {
                    from: from?,
                    to: to?,
                })
            })
            .unwrap_or_else(|| Period::month_of(issued));
        for line in &mut lines {
            line.period = line.period.filter(|p| *p != period);
        }
        let (number, seller, customer) = (number?, seller?, customer?);
        let ids: Vec<&String> = seller.vat_number.iter().chain(&seller.ids).collect();
        let seller_id = ids
            .iter()
            .find(|id| rules.operator_ids.contains(id))
            .or(ids.first())
            .map_or_else(|| seller.name.clone(), |id| (*id).clone());
        let order = BillOrder {
            account: customer.number.clone(),
            period,
            version: 1,
            kind: kind?,
            corrects,
            reference: Some(number.clone()),
            customer: Some(customer),
            tax_event_date: tax_point.unwrap_or(issued),
            due_date: due.unwrap_or(issued),
            contract: contract.map(|number| Contract {
                number: Some(number),
                tariff: None,
                ends: None,
            }),
            supply_points: self.supply_points(&lines),
            lines,
            vat,
            totals: totals?,
            history: None,
            sources: Vec::new(),
            notes,
        };
        Some(Invoice {
            header: Header {
                system: "en16931".to_owned(),
                run: number,
                period,
                seller: seller_id,
                currency: currency?,
                declared: None,
            },
            order,
            seller,
        })
    }
}
