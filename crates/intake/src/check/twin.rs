//! What EN 16931 asks beyond form and sums, so that each bill can carry its machine-readable twin. The
//! rules are named as the standard names them.

use std::fmt;

use kvit_billing::{BillOrder, lists, order::VatCategory};

use super::fields::{At, Checker};
use crate::Check;

/// How many characters of what is no code are told.
const SHOWN_MAX: usize = 40;

impl Checker<'_> {
    pub(super) fn twin(&mut self, order: &BillOrder) {
        if let Some(customer) = &order.customer {
            let country = &customer.address.country;
            if !lists::is_country(country) {
                let field = "/customer/address/country";
                self.error(field, Check::Country, shown(country), "");
            }
            if let Some(number) = &customer.vat_number
                && !lists::has_vat_prefix(number)
            {
                // The number itself may be a person's, so it is not repeated in a report.
                let letters: String = number.chars().take(2).filter(|c| !c.is_numeric()).collect();
                let found = format!("{letters}… ({})", number.chars().count());
                self.error("/customer/vat_number", Check::VatNumber, found, "");
            }
        }
        for (i, line) in order.lines.iter().enumerate() {
            self.unit(At("lines", i, "unit"), &line.unit);
        }
        for (i, point) in order.supply_points.iter().enumerate() {
            for (j, meter) in point.meters.iter().enumerate() {
                let field = format_args!("/supply_points/{i}/meters/{j}/unit");
                self.unit(field, &meter.unit);
            }
        }
        self.grounds(order);
    }

    /// BR-E-10, BR-AE-10, BR-O-10; BR-O-11; BR-AE-02.
    fn grounds(&mut self, order: &BillOrder) {
        for (i, vat) in order.vat.iter().enumerate() {
            let without = matches!(
                vat.category,
                VatCategory::E | VatCategory::AE | VatCategory::O
            );
            let ground = vat.exemption.as_ref();
            let said = ground.is_some_and(|text| {
                let en = text.en.as_deref().unwrap_or(&text.bg);
                !text.bg.trim().is_empty() && !en.trim().is_empty()
            });
            if without && !said {
                self.error(At("vat", i, "exemption"), Check::Exemption, "", "");
            }
            if vat.category == VatCategory::O && order.vat.len() > 1 {
                self.error(At("vat", i, "category"), Check::VatOutOfScope, "", "");
            }
            let customer = order.customer.as_ref();
            let identified =
                customer.is_some_and(|one| one.vat_number.is_some() || one.eik.is_some());
            if vat.category == VatCategory::AE && !identified {
                self.error(At("vat", i, "category"), Check::ReverseCharge, "", "");
            }
        }
    }

    /// BR-CL-23. What meters count in stands in a text of the twin, and is held to the same list.
    fn unit(&mut self, field: impl fmt::Display, unit: &str) {
        if !lists::is_unit(unit) {
            self.error(field, Check::Unit, shown(unit), "");
        }
    }
}

/// Enough of a text to recognise it.
fn shown(text: &str) -> String {
    match text {
        "" => "–".to_owned(),
        text => text.chars().take(SHOWN_MAX).collect(),
    }
}
