//! The checks of an order's form and arithmetic. All faults of an order are reported, not the first.

mod fields;
mod twin;

use std::{collections::BTreeMap, fmt};

use kvit_billing::{BillKind, BillOrder, Cents, order::VatCategory};
use rust_decimal::Decimal;

use crate::{Findings, Rules, Severity};
use fields::{At, Checker, cents};

/// The longest text, in characters.
const MAX_TEXT: usize = 10_000;
/// The longest name, in characters.
const MAX_NAME: usize = 200;
/// The most lines of an order: some fifty pages.
pub(crate) const LINES_MAX: usize = 2_000;
/// Months of history.
const MAX_MONTHS: usize = 13;

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
            self.error("/version", "version", 0, "from 1", "count versions from 1");
        }
        if !order.period.is_ordered() {
            self.error(
                "/period",
                "period-order",
                order.period,
                "`from` not after `to`",
                "correct the two days",
            );
        }
        if order.due_date < order.tax_event_date {
            self.error(
                "/due_date",
                "due-date",
                order.due_date,
                format!("not before {}", order.tax_event_date),
                "correct one of the dates",
            );
        }
        let years = i32::from(order.tax_event_date.year()) - i32::from(rules.today.year());
        if !(-5..=1).contains(&years) {
            self.add(
                Severity::Warning,
                "/tax_event_date",
                "tax-event-date",
                order.tax_event_date,
                "within five years back and one ahead",
                "check the date",
            );
        }
        match (&order.corrects, order.kind) {
            (Some(_), BillKind::Invoice) => self.error(
                "/corrects",
                "corrects",
                "a corrected document",
                "none for an invoice",
                "remove it, or make the order a note",
            ),
            (None, BillKind::CreditNote | BillKind::DebitNote) => self.error(
                "/corrects",
                "corrects",
                "nothing",
                "the corrected document",
                "name the original",
            ),
            (Some(correction), _) => self.both("/corrects/ground", &correction.ground, MAX_TEXT),
            (None, BillKind::Invoice) => {}
        }
        let Some(customer) = &order.customer else {
            return;
        };
        if customer.number != order.account {
            self.error(
                "/customer/number",
                "customer-number",
                &customer.number,
                &order.account,
                "send the account's own customer",
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
                            "eik-checksum",
                            eik,
                            "a valid check digit",
                            "check the number",
                        );
                    }
                }
                // the number itself may be a personal one, so it is not repeated in a report
                _ => self.error(
                    "/customer/eik",
                    "eik",
                    format!("{} characters", eik.chars().count()),
                    "9 or 13 digits",
                    "send a company's ЕИК, never a person's ЕГН",
                ),
            }
        }
    }

    fn lines(&mut self, order: &BillOrder, line_net: Severity) {
        if order.lines.is_empty() {
            self.error(
                "/lines",
                "no-lines",
                0,
                "at least one",
                "send what is charged",
            );
        }
        if order.lines.len() > LINES_MAX {
            self.error(
                "/lines",
                "too-many-lines",
                order.lines.len(),
                format!("at most {LINES_MAX}"),
                "split the order, or sum up lines",
            );
        }
        for (i, l) in order.lines.iter().enumerate() {
            let at = |field: &'static str| At("lines", i, field);
            self.both(at("name"), &l.name, MAX_NAME);
            self.scale(at("quantity"), l.quantity);
            self.scale(at("unit_price"), l.unit_price);
            self.amount(at("net"), l.net);
            if l.unit_price.is_sign_negative() && !l.unit_price.is_zero() {
                self.error(
                    at("unit_price"),
                    "negative-price",
                    l.unit_price,
                    "not negative",
                    "make the quantity negative instead",
                );
            }
            if let Some(period) = l.period.filter(|p| !p.is_ordered()) {
                self.error(
                    at("period"),
                    "period-order",
                    period,
                    "`from` not after `to`",
                    "correct the two days",
                );
            }
            self.rate(at("vat_rate"), l.vat_category, l.vat_rate);
            if l.price_base <= Decimal::ZERO {
                self.error(
                    at("price_base"),
                    "price-base",
                    l.price_base,
                    "above 0",
                    "send how many units the price is for",
                );
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
                    "line-net",
                    cents(l.net),
                    expected.map_or("a countable amount".to_owned(), cents),
                    "net is quantity × price ÷ base, rounded to the cent",
                );
            }
            if let Some(code) = &l.supply_point
                && !order.supply_points.iter().any(|point| &point.code == code)
            {
                self.error(
                    at("supply_point"),
                    "supply-point",
                    code,
                    "a code of /supply_points",
                    "send the supply point too",
                );
            }
        }
    }

    fn rate(&mut self, field: impl fmt::Display, category: VatCategory, rate: Decimal) {
        let good = match category {
            VatCategory::S => rate > Decimal::ZERO && rate <= Decimal::ONE_HUNDRED,
            _ => rate.is_zero(),
        };
        if !good {
            self.error(
                field,
                "vat-rate",
                rate,
                format!("a rate that fits category {category:?}"),
                "S has a rate above 0, the others have 0",
            );
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
                Some(sum) => self.error(
                    at("base"),
                    "vat-base",
                    cents(v.base),
                    format!("{sum} cents"),
                    "the base is the sum of the lines with this category and rate",
                ),
                None => self.error(
                    at("rate"),
                    "vat-unused",
                    format!("{:?} {}", v.category, v.rate),
                    "a category and rate of a line, once",
                    "send one entry for each category and rate that lines have",
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
                    "vat-amount",
                    cents(v.amount),
                    amount.map_or("a countable amount".to_owned(), cents),
                    "the amount is base × rate, rounded to the cent",
                );
            }
        }
        for ((category, rate), sum) in bases {
            self.error(
                "/vat",
                "vat-missing",
                "no entry",
                format!("{category:?} {rate} with {sum} cents"),
                "send an entry for each category and rate",
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
        for (field, code, found, expected, remedy) in [
            (
                "/totals/net",
                "total-net",
                t.net,
                order.lines.iter().map(|l| wide(l.net)).sum::<i128>(),
                "correct it or the lines: it is their sum",
            ),
            (
                "/totals/vat",
                "total-vat",
                t.vat,
                order.vat.iter().map(|v| wide(v.amount)).sum(),
                "correct it or the VAT entries: it is the sum of their amounts",
            ),
            (
                "/totals/gross",
                "total-gross",
                t.gross,
                wide(t.net) + wide(t.vat),
                "correct one of the three: gross is net + VAT",
            ),
            (
                "/totals/to_pay",
                "to-pay",
                t.to_pay,
                gross - wide(t.prepaid) + wide(t.rounding) + wide(t.carried_over),
                "it is gross − prepaid + rounding + carried over; a credit note's gross counts negative",
            ),
        ] {
            if wide(found) != expected {
                self.error(
                    field,
                    code,
                    cents(found),
                    format!("{expected} cents"),
                    remedy,
                );
            }
        }
    }

    fn meters(&mut self, order: &BillOrder) {
        for (i, p) in order.supply_points.iter().enumerate() {
            self.text(At("supply_points", i, "code"), &p.code, MAX_NAME);
            for (j, m) in p.meters.iter().enumerate() {
                let at = |field: &str| format!("/supply_points/{i}/meters/{j}/{field}");
                if m.old.date > m.new.date {
                    self.error(
                        at("new/date"),
                        "reading-dates",
                        m.new.date,
                        format!("not before {}", m.old.date),
                        "swap or correct the readings",
                    );
                }
                if m.new.value < m.old.value {
                    self.add(
                        Severity::Warning,
                        at("new/value"),
                        "register-rollover",
                        m.new.value,
                        format!("at least {}", m.old.value),
                        "check that the register rolled over",
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
                        "consumption",
                        m.consumption,
                        expected.map_or(String::new(), |e| e.to_string()),
                        "consumption is (new − old) × multiplier",
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
                    "history",
                    format!("{} months", h.months.len()),
                    format!("at most {MAX_MONTHS}"),
                    "send this month and the twelve before it",
                );
            }
            for (i, month) in h.months.iter().enumerate() {
                let at = |field: &'static str| At("history/months", i, field);
                if month.month.day() != 1 {
                    self.error(
                        at("month"),
                        "history-month",
                        month.month,
                        "the first day of a month",
                        "send the month's first day",
                    );
                }
                if i > 0 && month.month <= h.months[i - 1].month {
                    self.error(
                        at("month"),
                        "history-order",
                        month.month,
                        format!("a month after {}", h.months[i - 1].month),
                        "sort the months, oldest first, each once",
                    );
                }
                if month.quantity < Decimal::ZERO {
                    self.error(
                        at("quantity"),
                        "history-negative",
                        month.quantity,
                        "0 or more",
                        "correct the quantity",
                    );
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
                    "sources",
                    sum.map_or("no countable sum".to_owned(), |s| format!("a sum of {s} %")),
                    "a sum of 100 %",
                    "correct the percentages",
                );
            }
        }
    }
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
