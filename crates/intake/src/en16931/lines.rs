//! What is charged, its VAT, and the sums.

use kvit_billing::{
    BillKind, Cents, Currency,
    customer::Text,
    order::{Line, Section, Totals, VatLine},
};
use roxmltree::Node;
use rust_decimal::Decimal;

use super::reader::{Reader, all, first, one_line, text};
use crate::Check;

impl Reader<'_, '_, '_> {
    pub(super) fn line(&mut self, node: Node<'_, '_>) -> Option<Line> {
        let s = self.s;
        let decimal = |t: &str| Decimal::from_str_exact(t).ok();
        let name = self.need(node, "BT-153", "item", text(node, s.line_name));
        let quantity = self.must(node, "BT-129", "quantity", first(node, s.quantity), decimal);
        let unit = s
            .quantity
            .iter()
            .find_map(|path| {
                all(node, path)
                    .first()
                    .and_then(|n| n.attribute("unitCode"))
            })
            .map(str::to_owned);
        let unit = self.need(node, "BT-130", "unit", unit);
        let price = self.must(node, "BT-146", "price", text(node, s.price), decimal);
        let base = self
            .read(node, "BT-149", "quantity", text(node, s.base), decimal)
            .unwrap_or(Decimal::ONE);
        let net = self.amount(node, "BT-131", s.line_net);
        let tax = self.tax(node, s.line_tax, ["BT-151", "BT-152"]);
        let period = self.period(node, s.line_period, ["BT-134", "BT-135"]);
        let (mut quantity, mut price, net, tax) = (quantity?, price?, net?, tax?);
        if price.is_sign_negative() {
            price = -price;
            quantity = -quantity;
        }
        let price_base = if base == price && base != Decimal::ONE {
            true_base(quantity, price, net).unwrap_or(base)
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
    pub(super) fn allowance(&mut self, node: Node<'_, '_>) -> Option<Line> {
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

    pub(super) fn vat(&mut self) -> Vec<VatLine> {
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
            self.error(self.root, "BG-23", Check::Missing, "", "breakdown");
        }
        vat
    }

    pub(super) fn totals(&mut self, kind: BillKind, currency: Currency) -> Option<Totals> {
        let s = self.s;
        let sums = all(self.root, s.sums).into_iter().next();
        let sums = self.need(self.root, "BG-22", "totals", sums)?;
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
}

/// Some writers repeat the price where its base quantity should be. The true one, such as the 12
/// months of a yearly price, follows from the net amount, where it is a whole number.
fn true_base(quantity: Decimal, price: Decimal, net: Cents) -> Option<Decimal> {
    let base = quantity.checked_mul(price)?.checked_div(net.to_decimal())?;
    (base > Decimal::ZERO && base.fract().is_zero()).then(|| base.normalize())
}
