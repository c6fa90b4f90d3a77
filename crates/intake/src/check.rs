//! The checks of an order's form and arithmetic. All faults of an order are reported, not the first.

mod fields;
mod twin;

use std::{collections::BTreeMap, fmt};

use kvit_billing::{BillKind, BillOrder, Cents, order::VatCategory};
use rust_decimal::Decimal;

use crate::{Check, Findings, Rules, Severity};
use fields::{At, Checker};

/// The longest text, in characters.
const MAX_TEXT: usize = 10_000;
/// The longest name, in characters.
const MAX_NAME: usize = 200;
/// The most lines of an order: some fifty pages.
pub(crate) const LINES_MAX: usize = 2_000;
/// Months of history.
const MAX_MONTHS: usize = 13;

/// Stands for a number that is too large to be counted.
const UNCOUNTABLE: &str = "∞";

/// Checks one order of the own format.
pub fn check_order(
    file: &str,
    line: u64,
    order: &BillOrder,
    rules: &Rules,
    findings: &mut Findings,
) {
    check(file, line, order, rules, findings, Severity::Error);
}

/// As [`check_order`]; `line_net` is how much a line that does not multiply out weighs.
pub(crate) fn check(
    file: &str,
    line: u64,
    order: &BillOrder,
    rules: &Rules,
    findings: &mut Findings,
    line_net: Severity,
) {
    let mut c = Checker {
        file,
        line,
        shown: &rules.shown,
        findings,
    };
    c.head(order, rules);
    c.lines(order, line_net);
    c.sums(order);
    c.meters(order);
    c.extras(order);
    c.twin(order);
}

impl Checker<'_> {
    fn head(&mut self, order: &BillOrder, rules: &Rules) {
        if order.version == 0 {
            self.error("/version", Check::Version, 0, "");
        }
        if !order.period.is_ordered() {
            self.error("/period", Check::PeriodOrder, order.period, "");
        }
        if order.due_date < order.tax_event_date {
            self.error(
                "/due_date",
                Check::DueDate,
                order.due_date,
                order.tax_event_date,
            );
        }
        if let Some(day) = order.holder_since.filter(|day| *day > order.period.to) {
            self.error("/holder_since", Check::HolderSince, day, order.period.to);
        }
        if let Some(day) = order.closed_on.filter(|day| *day < order.period.from) {
            self.error("/closed_on", Check::ClosedOn, day, order.period.from);
        }
        let years = i32::from(order.tax_event_date.year()) - i32::from(rules.today.year());
        if !(-5..=1).contains(&years) {
            self.add(
                Severity::Warning,
                "/tax_event_date",
                Check::TaxEventDate,
                order.tax_event_date,
                "",
            );
        }
        match (&order.corrects, order.kind) {
            (Some(_), BillKind::Invoice) => self.error("/corrects", Check::CorrectsNothing, "", ""),
            (None, BillKind::CreditNote | BillKind::DebitNote) => {
                self.error("/corrects", Check::CorrectsMissing, "", "")
            }
            (Some(correction), _) => self.both("/corrects/ground", &correction.ground, MAX_TEXT),
            (None, BillKind::Invoice) => {}
        }
        let Some(customer) = &order.customer else {
            return;
        };
        if customer.number != order.account {
            self.error(
                "/customer/number",
                Check::CustomerNumber,
                &customer.number,
                &order.account,
            );
        }
        self.text("/customer/name", &customer.name, MAX_NAME);
        self.text("/customer/address/city", &customer.address.city, MAX_NAME);
        if let Some(eik) = &customer.eik {
            let digits: Option<Vec<u32>> = eik.chars().map(|c| c.to_digit(10)).collect();
            match digits {
                Some(d) if d.len() == 9 || d.len() == 13 => {
                    if !eik_is_valid(&d) {
                        self.add(
                            Severity::Warning,
                            "/customer/eik",
                            Check::EikChecksum,
                            eik,
                            "",
                        );
                    }
                }
                // the number itself may be a personal one, so it is not repeated in a report
                _ => self.error("/customer/eik", Check::Eik, eik.chars().count(), ""),
            }
        }
    }

    fn lines(&mut self, order: &BillOrder, line_net: Severity) {
        if order.lines.is_empty() {
            self.error("/lines", Check::NoLines, "", "");
        }
        if order.lines.len() > LINES_MAX {
            self.error("/lines", Check::TooManyLines, order.lines.len(), LINES_MAX);
        }
        for (i, l) in order.lines.iter().enumerate() {
            let at = |field: &'static str| At("lines", i, field);
            self.both(at("name"), &l.name, MAX_NAME);
            self.scale(at("quantity"), l.quantity);
            self.scale(at("unit_price"), l.unit_price);
            self.amount(at("net"), l.net);
            if l.unit_price.is_sign_negative() && !l.unit_price.is_zero() {
                self.error(at("unit_price"), Check::NegativePrice, l.unit_price, "");
            }
            if let Some(period) = l.period.filter(|p| !p.is_ordered()) {
                self.error(at("period"), Check::PeriodOrder, period, "");
            }
            self.rate(at("vat_rate"), l.vat_category, l.vat_rate);
            if l.price_base <= Decimal::ZERO {
                self.error(at("price_base"), Check::PriceBase, l.price_base, "");
                continue;
            }
            let expected = l
                .quantity
                .checked_mul(l.unit_price)
                .and_then(|n| n.checked_div(l.price_base))
                .and_then(Cents::round);
            if expected != Some(l.net) {
                self.add(
                    line_net,
                    at("net"),
                    Check::LineNet,
                    l.net.get(),
                    countable(expected),
                );
            }
            if let Some(code) = &l.supply_point
                && !order.supply_points.iter().any(|point| &point.code == code)
            {
                self.error(at("supply_point"), Check::SupplyPoint, code, "");
            }
        }
    }

    fn rate(&mut self, field: impl fmt::Display, category: VatCategory, rate: Decimal) {
        let good = match category {
            VatCategory::S => rate > Decimal::ZERO && rate <= Decimal::ONE_HUNDRED,
            _ => rate.is_zero(),
        };
        if !good {
            self.error(field, Check::VatRate, rate, format!("{category:?}"));
        }
    }

    fn sums(&mut self, order: &BillOrder) {
        let wide = |c: Cents| i128::from(c.get());
        let mut bases: BTreeMap<(VatCategory, Decimal), i128> = BTreeMap::new();
        for l in &order.lines {
            *bases.entry((l.vat_category, l.vat_rate)).or_default() += wide(l.net);
        }
        for (i, v) in order.vat.iter().enumerate() {
            let at = |field: &'static str| At("vat", i, field);
            self.amount(at("base"), v.base);
            self.amount(at("amount"), v.amount);
            self.rate(at("rate"), v.category, v.rate);
            match bases.remove(&(v.category, v.rate)) {
                Some(sum) if sum == wide(v.base) => {}
                Some(sum) => self.error(at("base"), Check::VatBase, v.base.get(), sum),
                None => self.error(
                    at("rate"),
                    Check::VatUnused,
                    format!("{:?} {}", v.category, v.rate),
                    "",
                ),
            }
            let amount = v
                .base
                .to_decimal()
                .checked_mul(v.rate)
                .and_then(|n| Cents::round(n / Decimal::ONE_HUNDRED));
            if amount.is_none_or(|a| (wide(a) - wide(v.amount)).abs() > 1) {
                self.error(
                    at("amount"),
                    Check::VatAmount,
                    v.amount.get(),
                    countable(amount),
                );
            }
        }
        for ((category, rate), sum) in bases {
            self.error(
                "/vat",
                Check::VatMissing,
                "",
                format!("{category:?} {rate}, {sum}"),
            );
        }
        let t = &order.totals;
        for (field, a) in [
            ("net", t.net),
            ("vat", t.vat),
            ("gross", t.gross),
            ("prepaid", t.prepaid),
            ("rounding", t.rounding),
            ("carried_over", t.carried_over),
            ("to_pay", t.to_pay),
        ] {
            self.amount(format_args!("/totals/{field}"), a);
        }
        let gross = if order.kind == BillKind::CreditNote {
            -wide(t.gross)
        } else {
            wide(t.gross)
        };
        for (field, code, found, expected) in [
            (
                "/totals/net",
                Check::TotalNet,
                t.net,
                order.lines.iter().map(|l| wide(l.net)).sum::<i128>(),
            ),
            (
                "/totals/vat",
                Check::TotalVat,
                t.vat,
                order.vat.iter().map(|v| wide(v.amount)).sum(),
            ),
            (
                "/totals/gross",
                Check::TotalGross,
                t.gross,
                wide(t.net) + wide(t.vat),
            ),
            (
                "/totals/to_pay",
                Check::ToPay,
                t.to_pay,
                gross - wide(t.prepaid) + wide(t.rounding) + wide(t.carried_over),
            ),
        ] {
            if wide(found) != expected {
                self.error(field, code, found.get(), expected);
            }
        }
    }

    fn meters(&mut self, order: &BillOrder) {
        for (i, p) in order.supply_points.iter().enumerate() {
            self.text(At("supply_points", i, "code"), &p.code, MAX_NAME);
            for (j, m) in p.meters.iter().enumerate() {
                let at = |field: &str| format!("/supply_points/{i}/meters/{j}/{field}");
                if m.old.date > m.new.date {
                    self.error(at("new/date"), Check::ReadingDates, m.new.date, m.old.date);
                }
                if m.new.value < m.old.value {
                    self.add(
                        Severity::Warning,
                        at("new/value"),
                        Check::RegisterRollover,
                        m.new.value,
                        m.old.value,
                    );
                    continue;
                }
                let expected = m
                    .new
                    .value
                    .checked_sub(m.old.value)
                    .and_then(|d| d.checked_mul(m.multiplier));
                if expected != Some(m.consumption) {
                    self.error(
                        at("consumption"),
                        Check::Consumption,
                        m.consumption,
                        expected.map_or_else(|| UNCOUNTABLE.to_owned(), |e| e.to_string()),
                    );
                }
            }
        }
    }

    fn extras(&mut self, order: &BillOrder) {
        for (i, note) in order.notes.iter().enumerate() {
            self.both(format_args!("/notes/{i}"), note, MAX_TEXT);
        }
        if let Some(h) = &order.history {
            if h.months.len() > MAX_MONTHS {
                self.error(
                    "/history/months",
                    Check::History,
                    h.months.len(),
                    MAX_MONTHS,
                );
            }
            for (i, month) in h.months.iter().enumerate() {
                let at = |field: &'static str| At("history/months", i, field);
                if month.month.day() != 1 {
                    self.error(at("month"), Check::HistoryMonth, month.month, "");
                }
                if i > 0 && month.month <= h.months[i - 1].month {
                    self.error(
                        at("month"),
                        Check::HistoryOrder,
                        month.month,
                        h.months[i - 1].month,
                    );
                }
                if month.quantity < Decimal::ZERO {
                    self.error(at("quantity"), Check::HistoryNegative, month.quantity, "");
                }
            }
        }
        if !order.sources.is_empty() {
            let sum = order
                .sources
                .iter()
                .try_fold(Decimal::ZERO, |s, x| s.checked_add(x.percent));
            if sum != Some(Decimal::ONE_HUNDRED) {
                self.error(
                    "/sources",
                    Check::Sources,
                    sum.map_or_else(|| UNCOUNTABLE.to_owned(), |s| s.to_string()),
                    "",
                );
            }
        }
    }
}

/// An amount in cents that was worked out.
fn countable(amount: Option<Cents>) -> String {
    amount.map_or_else(|| UNCOUNTABLE.to_owned(), |cents| cents.get().to_string())
}

/// The check digits of a Bulgarian company identifier.
fn eik_is_valid(d: &[u32]) -> bool {
    let sum = |digits: &[u32], weights: &[u32]| {
        digits.iter().zip(weights).map(|(a, b)| a * b).sum::<u32>() % 11
    };
    let digit = |digits: &[u32], first: &[u32], second: &[u32]| match sum(digits, first) {
        10 => sum(digits, second) % 10,
        n => n,
    };
    digit(
        &d[..8],
        &[1, 2, 3, 4, 5, 6, 7, 8],
        &[3, 4, 5, 6, 7, 8, 9, 10],
    ) == d[8]
        && (d.len() == 9 || digit(&d[8..12], &[2, 7, 3, 5], &[4, 9, 5, 7]) == d[12])
}
