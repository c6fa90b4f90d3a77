//! One customer's bill order of one month.

use jiff::{Span, civil::Date};
use kvit_billing::{
    BillNumber, BillOrder, Cents, Period,
    customer::Text,
    order::{
        BillKind, Contract, Correction, History, Line, Meter, MonthQuantity, Reading,
        ReadingSource, SourceShare, SupplyPoint, Totals, VatCategory, VatLine,
    },
};
use rust_decimal::Decimal;

use crate::{
    chance::Chance,
    consumption::{Register, month_index},
    people::Profile,
    tariff::{self, Per, Price},
};

/// Percent.
const VAT_RATE: Decimal = Decimal::from_parts(20, 0, 0, false, 0);
const DUE_AFTER_DAYS: i64 = 25;
const ESTIMATED_PERCENT: u32 = 6;

/// The registers of one supply point.
struct Point {
    code: String,
    serial: String,
    multiplier: i64,
    registers: Vec<(Register, Price, Option<Text>)>,
}

/// What is constant about a customer's supply.
struct Supply {
    company: bool,
    plain: bool,
    /// A new energy price from the 16th of each month: two lines for each register.
    split: bool,
    points: Vec<Point>,
}

pub(crate) fn order(seed: u64, i: u32, profile: &Profile, month: Date) -> BillOrder {
    let supply = supply(seed, i, profile.customer.eik.is_some());
    let period = Period::month_of(month);
    let index = month_index(month);
    let mut chance = Chance::of(&[seed, 3, u64::from(i), index as u64]);
    let lines: Vec<Line> = supply
        .points
        .iter()
        .flat_map(|point| lines(&supply, point, period, index))
        .collect();
    let carried_over = match chance.below(100) {
        0..7 => Cents::new(500 + i64::from(chance.below(9_000))),
        7..10 => Cents::new(-200 - i64::from(chance.below(12_000))),
        _ => Cents::ZERO,
    };
    let prepaid = Cents::new(if chance.percent(2) { 1_000 } else { 0 });
    let (vat, totals) = sums(&lines, prepaid, carried_over);
    let read_now = source(seed, i, index);
    let mut notes = Vec::new();
    if read_now == ReadingSource::Estimated {
        notes.push(Text::both(
            "Този месец не успяхме да отчетем електромера Ви. Потреблението е изчислено по предходни периоди и ще се изравни при следващия отчет.",
            "We could not read your meter this month. The consumption is estimated from earlier periods and will be evened out at the next reading.",
        ));
    }
    BillOrder {
        account: profile.customer.number.clone(),
        period,
        version: 1,
        kind: BillKind::Invoice,
        corrects: None,
        holder_since: None,
        closed_on: None,
        reference: Some(format!(
            "{}-{:04}{:02}",
            profile.customer.number,
            month.year(),
            month.month()
        )),
        customer: Some(profile.customer.clone()),
        tax_event_date: period.to,
        due_date: days_after(period.to, DUE_AFTER_DAYS),
        contract: Some(contract(seed, i, &supply, month)),
        supply_points: supply
            .points
            .iter()
            .map(|point| {
                supply_point(
                    point,
                    profile,
                    period,
                    index,
                    source(seed, i, index - 1),
                    read_now,
                )
            })
            .collect(),
        lines,
        vat,
        totals,
        history: Some(history(&supply, month)),
        sources: tariff::SOURCES
            .iter()
            .map(|(bg, en, per_mille)| SourceShare {
                name: Text::both(*bg, *en),
                percent: Decimal::new(*per_mille, 1),
            })
            .collect(),
        notes,
    }
}

/// The credit note that takes back the whole of an invoice.
pub(crate) fn credit(mut order: BillOrder, number: BillNumber, issue_date: Date) -> BillOrder {
    order.kind = BillKind::CreditNote;
    order.reference = order.reference.map(|reference| format!("{reference}-K"));
    order.corrects = Some(Correction {
        number,
        issue_date,
        ground: Text::both("Грешно отчетено потребление", "Consumption read wrongly"),
    });
    let (vat, mut totals) = sums(&order.lines, Cents::ZERO, Cents::ZERO);
    totals.to_pay = -totals.gross;
    (order.vat, order.totals) = (vat, totals);
    order.notes.clear();
    order
}

fn supply(seed: u64, i: u32, company: bool) -> Supply {
    let mut chance = Chance::of(&[seed, 2, u64::from(i)]);
    let annual = i64::from(if company {
        8_000 + chance.below(70_000)
    } else {
        1_200 + chance.below(4_800)
    });
    let (point_count, single) = match chance.below(100) {
        0..22 => (1_u32, true),
        22..90 => (1, false),
        _ => (2, false),
    };
    let plain = single && !company && chance.percent(50);
    let split = point_count == 1 && !single && chance.percent(10);
    let multiplier = if company && chance.percent(30) { 40 } else { 1 };
    let points = (0..point_count)
        .map(|p| {
            let register = |r: u32, percent: i64| Register {
                keys: [seed, u64::from(i), u64::from(p * 2 + r)],
                annual: annual * percent / 100 / i64::from(point_count) / multiplier,
                bursts: i % 16 == 3,
            };
            let named = |bg: &str, en: &str| Some(Text::both(bg, en));
            Point {
                code: format!("32Z9{:011}{p}", 1_000_000_000 + u64::from(i)),
                serial: format!("{:08}", 20_000_000 + chance.below(9_999_999)),
                multiplier,
                registers: if single {
                    vec![(register(0, 100), tariff::SINGLE, None)]
                } else {
                    vec![
                        (register(0, 64), tariff::DAY, named("дневна", "day")),
                        (register(1, 36), tariff::NIGHT, named("нощна", "night")),
                    ]
                },
            }
        })
        .collect();
    Supply {
        company,
        plain,
        split,
        points,
    }
}

fn contract(seed: u64, i: u32, supply: &Supply, month: Date) -> Contract {
    let tariff = match (supply.company, supply.plain) {
        (true, _) => Text::both("Бизнес", "Business"),
        (false, true) => Text::both("Дом – една цена", "Home, one price"),
        (false, false) => Text::both("Дом", "Home"),
    };
    let end_month = 1 + Chance::of(&[seed, 5, u64::from(i)]).below(12) as i8;
    Contract {
        number: Some(format!("Д-{:07}", 1_000_000 + i)),
        tariff: Some(tariff),
        ends: supply
            .company
            .then(|| Date::new(month.year() + 1, end_month, 1).map_or(month, Date::last_of_month)),
    }
}

fn supply_point(
    point: &Point,
    profile: &Profile,
    period: Period,
    index: i64,
    read_before: ReadingSource,
    read_now: ReadingSource,
) -> SupplyPoint {
    let reading = |date, value: i64, source| Reading {
        date,
        value: Decimal::from(value),
        source,
    };
    SupplyPoint {
        code: point.code.clone(),
        address: profile.place.clone(),
        network: Some(Text::both("„Светулка Мрежи“ АД", "Svetulka Networks AD")),
        meters: point
            .registers
            .iter()
            .map(|(register, _, name)| Meter {
                serial: point.serial.clone(),
                register: name.clone(),
                old: reading(
                    days_after(period.from, -1),
                    register.reading(index - 1),
                    read_before,
                ),
                new: reading(period.to, register.reading(index), read_now),
                multiplier: Decimal::from(point.multiplier),
                consumption: Decimal::from(register.consumed(index) * point.multiplier),
                unit: "KWH".to_owned(),
            })
            .collect(),
    }
}

/// Whether a month's readings are estimated: the same answer for this month's bill and the next.
fn source(seed: u64, i: u32, index: i64) -> ReadingSource {
    let mut chance = Chance::of(&[seed, 4, u64::from(i), index as u64]);
    match chance.below(100) {
        n if n < ESTIMATED_PERCENT => ReadingSource::Estimated,
        99 => ReadingSource::Customer,
        _ => ReadingSource::Measured,
    }
}

fn lines(supply: &Supply, point: &Point, period: Period, index: i64) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut energy = 0;
    let days = i64::from(period.to.day());
    for (register, price, _) in &point.registers {
        let consumed = register.consumed(index) * point.multiplier;
        energy += consumed;
        if supply.split {
            let first = consumed * 15 / days;
            let middle = days_after(period.from, 15);
            let halves = [
                (
                    first,
                    Period {
                        from: period.from,
                        to: days_after(middle, -1),
                    },
                ),
                (
                    consumed - first,
                    Period {
                        from: middle,
                        to: period.to,
                    },
                ),
            ];
            for (quantity, part) in halves {
                lines.push(line(price, quantity, &point.code, Some(part)));
            }
        } else {
            lines.push(line(price, consumed, &point.code, None));
        }
    }
    let charges: &[Price] = match (supply.company, supply.plain) {
        (true, _) => &tariff::COMPANY,
        (false, true) => &tariff::PLAIN,
        (false, false) => &tariff::HOUSEHOLD,
    };
    lines.extend(charges.iter().map(|price| {
        let quantity = match price.per {
            Per::Energy => energy,
            Per::Day => days,
        };
        line(price, quantity, &point.code, None)
    }));
    lines
}

fn line(price: &Price, quantity: i64, point: &str, period: Option<Period>) -> Line {
    let quantity = Decimal::from(quantity);
    Line {
        name: price.name(),
        section: price.section,
        supply_point: Some(point.to_owned()),
        period,
        quantity,
        unit: match price.per {
            Per::Energy => "KWH",
            Per::Day => "DAY",
        }
        .to_owned(),
        unit_price: price.unit_price(),
        price_base: price.base(),
        net: cents(quantity * price.unit_price() / price.base()),
        vat_category: VatCategory::S,
        vat_rate: VAT_RATE,
    }
}

fn sums(lines: &[Line], prepaid: Cents, carried_over: Cents) -> (Vec<VatLine>, Totals) {
    let net: Cents = lines.iter().map(|line| line.net).sum();
    let vat = cents(net.to_decimal() * VAT_RATE / Decimal::ONE_HUNDRED);
    let gross = net + vat;
    let totals = Totals {
        net,
        vat,
        gross,
        prepaid,
        rounding: Cents::ZERO,
        carried_over,
        to_pay: gross - prepaid + carried_over,
    };
    let vat = VatLine {
        category: VatCategory::S,
        rate: VAT_RATE,
        base: net,
        amount: vat,
        exemption: None,
    };
    (vec![vat], totals)
}

fn history(supply: &Supply, month: Date) -> History {
    let first = month.first_of_month();
    let months = (0..13)
        .rev()
        .map(|back: i64| {
            let month = first.saturating_sub(Span::new().months(back));
            let index = month_index(month);
            let quantity: i64 = supply
                .points
                .iter()
                .flat_map(|point| point.registers.iter().map(move |r| (point, &r.0)))
                .map(|(point, register)| register.consumed(index) * point.multiplier)
                .sum();
            MonthQuantity {
                month,
                quantity: Decimal::from(quantity),
            }
        })
        .collect();
    History {
        unit: "KWH".to_owned(),
        months,
    }
}

fn days_after(day: Date, days: i64) -> Date {
    day.saturating_add(Span::new().days(days))
}

/// Amounts here are far within 64 bits.
fn cents(amount: Decimal) -> Cents {
    Cents::round(amount).unwrap_or_default()
}
