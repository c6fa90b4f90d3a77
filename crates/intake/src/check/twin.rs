//! What EN 16931 asks beyond form and sums, so that each bill can carry its machine-readable twin. The
//! rules are named as the standard names them.

use std::fmt;

use kvit_billing::{BillOrder, order::VatCategory};

use super::fields::{At, Checker};

/// The longest code of UN/ECE Recommendations 20 and 21.
const UNIT_CODE_MAX: usize = 3;

impl Checker<'_> {
    pub(super) fn twin(&mut self, order: &BillOrder) {
        if let Some(customer) = &order.customer {
            let country = &customer.address.country;
            // BR-CL-14
            if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
                self.error(
                    "/customer/address/country",
                    "country",
                    country,
                    "an ISO 3166 code of two capital letters, such as BG",
                    "correct the code",
                );
            }
            if let Some(number) = &customer.vat_number {
                // BR-CO-09
                let letters = number
                    .bytes()
                    .take(2)
                    .filter(u8::is_ascii_uppercase)
                    .count();
                if letters != 2 {
                    self.error(
                        "/customer/vat_number",
                        "vat-number",
                        format!("{} characters", number.chars().count()),
                        "two capital letters for the country, then the number",
                        "send the VAT number with its country, such as BG",
                    );
                }
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
                self.error(
                    At("vat", i, "exemption"),
                    "exemption",
                    "nothing",
                    "the ground",
                    "send why no VAT is charged",
                );
            }
            if vat.category == VatCategory::O && order.vat.len() > 1 {
                self.error(
                    At("vat", i, "category"),
                    "vat-out-of-scope",
                    "O beside other categories",
                    "O alone",
                    "send it as exempt (E) with its ground, or in an order of its own",
                );
            }
            let customer = order.customer.as_ref();
            let identified =
                customer.is_some_and(|one| one.vat_number.is_some() || one.eik.is_some());
            if vat.category == VatCategory::AE && !identified {
                self.error(
                    At("vat", i, "category"),
                    "reverse-charge",
                    "no identifier of the customer",
                    "the customer with VAT number or ЕИК",
                    "send the customer too, or another category",
                );
            }
        }
    }

    /// BR-CL-23, as far as form goes.
    fn unit(&mut self, field: impl fmt::Display, unit: &str) {
        let coded = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if unit.is_empty() || unit.len() > UNIT_CODE_MAX || !unit.bytes().all(coded) {
            self.error(
                field,
                "unit",
                unit.chars().take(40).collect::<String>(),
                "a code of UN/ECE Recommendation 20, such as KWH, MTQ, DAY or C62",
                "send the code, not the unit's name",
            );
        }
    }
}
