//! The rules of EN 16931 that data can break; what the writer itself assures is not asked again.

use std::collections::BTreeMap;

use kvit_billing::{Bill, Cents, Operator, lists, order::VatCategory};
use rust_decimal::Decimal;

use super::{code, ground};

/// A bill has no valid twin. The import should have said so; see the named rule of EN 16931.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TwinError {
    /// No line at all (BR-16).
    #[error("the bill has no line (EN 16931, BR-16)")]
    NoLines,
    /// A price below zero (BR-27).
    #[error("line {line} has a negative price; make its quantity negative instead (BR-27)")]
    NegativePrice {
        /// Counted from 1.
        line: usize,
    },
    /// A sum that is not the sum of its parts.
    #[error("{term} is {found} where its parts make {expected} (EN 16931, BR-CO-10 to BR-CO-16)")]
    Sum {
        /// The business term.
        term: &'static str,
        /// As the order has it.
        found: Cents,
        /// As it follows from the parts.
        expected: Cents,
    },
    /// VAT of a category and rate that does not agree with the lines.
    #[error(
        "VAT at {rate} % in category {category} does not agree with the lines (BR-{category}-08)"
    )]
    Vat {
        /// UNCL 5305.
        category: &'static str,
        /// Percent.
        rate: Decimal,
    },
    /// No VAT, and no reason why (BR-E-10, BR-AE-10, BR-O-10).
    #[error("VAT category {0} needs the ground why no VAT is charged")]
    NoGround(&'static str),
    /// Something outside of VAT beside something inside (BR-O-11 to BR-O-14).
    #[error(
        "lines outside of VAT (category O) cannot stand beside others; bill them apart, or as exempt (E)"
    )]
    MixedOutOfScope,
    /// Reverse charge to somebody without an identifier (BR-AE-02).
    #[error("reverse charge needs the customer's VAT number or ЕИК")]
    ReverseChargeToNobody,
    /// A VAT number without its country (BR-CO-09).
    #[error("the VAT number {0} must begin with its country's two letters (BR-CO-09)")]
    VatNumber(String),
    /// A country code that is none (BR-CL-14).
    #[error("`{0}` is not a country of ISO 3166-1, such as BG (BR-CL-14)")]
    Country(String),
    /// A unit that is none (BR-CL-23).
    #[error(
        "line {line} has the unit `{unit}`, which UN/ECE Recommendation 20 does not know (BR-CL-23)"
    )]
    Unit {
        /// Counted from 1.
        line: usize,
        /// As the order has it.
        unit: String,
    },
    /// A party without a name (BR-06, BR-07).
    #[error("the {0} has no name")]
    NoName(&'static str),
}

pub(super) fn bill(bill: &Bill) -> Result<(), TwinError> {
    let order = &bill.order;
    if order.lines.is_empty() {
        return Err(TwinError::NoLines);
    }
    let mut bases: BTreeMap<(VatCategory, Decimal), Cents> = BTreeMap::new();
    for (index, line) in order.lines.iter().enumerate() {
        if line.unit_price < Decimal::ZERO {
            return Err(TwinError::NegativePrice { line: index + 1 });
        }
        if !lists::is_unit(&line.unit) {
            let (line, unit) = (index + 1, line.unit.clone());
            return Err(TwinError::Unit { line, unit });
        }
        *bases
            .entry((line.vat_category, line.vat_rate.normalize()))
            .or_default() += line.net;
    }
    for vat in &order.vat {
        let code = code(vat.category);
        let rated = vat.rate > Decimal::ZERO;
        let base = bases.remove(&(vat.category, vat.rate.normalize()));
        if base != Some(vat.base) || rated != (vat.category == VatCategory::S) {
            return Err(TwinError::Vat {
                category: code,
                rate: vat.rate,
            });
        }
        let grounded = matches!(vat.category, VatCategory::S | VatCategory::Z);
        if !grounded && ground(vat, bill.customer.language).is_empty() {
            return Err(TwinError::NoGround(code));
        }
        if vat.category == VatCategory::O && order.vat.len() > 1 {
            return Err(TwinError::MixedOutOfScope);
        }
        let identified = bill.customer.vat_number.is_some() || bill.customer.eik.is_some();
        if vat.category == VatCategory::AE && !identified {
            return Err(TwinError::ReverseChargeToNobody);
        }
    }
    if let Some(((category, rate), _)) = bases.into_iter().next() {
        return Err(TwinError::Vat {
            category: code(category),
            rate,
        });
    }
    let totals = &order.totals;
    let sums = [
        (
            "BT-109",
            totals.net,
            order.lines.iter().map(|line| line.net).sum(),
        ),
        (
            "BT-110",
            totals.vat,
            order.vat.iter().map(|vat| vat.amount).sum(),
        ),
        ("BT-112", totals.gross, totals.net + totals.vat),
        (
            "BT-115",
            totals.to_pay,
            order.signed_gross() - totals.prepaid + totals.rounding + totals.carried_over,
        ),
    ];
    match sums
        .into_iter()
        .find(|(_, found, expected)| found != expected)
    {
        Some((term, found, expected)) => Err(TwinError::Sum {
            term,
            found,
            expected,
        }),
        None => Ok(()),
    }
}

pub(super) fn parties(bill: &Bill, operator: &Operator) -> Result<(), TwinError> {
    let customer = &bill.customer;
    if operator.name.get(customer.language).trim().is_empty() {
        return Err(TwinError::NoName("operator"));
    }
    if customer.name.trim().is_empty() {
        return Err(TwinError::NoName("customer"));
    }
    for address in [&operator.address, &operator.address_en, &customer.address] {
        if !lists::is_country(&address.country) {
            return Err(TwinError::Country(address.country.clone()));
        }
    }
    for number in [Some(&operator.vat_number), customer.vat_number.as_ref()]
        .into_iter()
        .flatten()
    {
        if !lists::has_vat_prefix(number) {
            return Err(TwinError::VatNumber(number.clone()));
        }
    }
    Ok(())
}
