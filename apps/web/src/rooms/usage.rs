//! What was consumed, month by month beside the same months a year before: as a chart and as a table.
//!
//! Each bill tells thirteen months (`history` of its order); two bills a year apart tell two years. Where bills tell of no
//! months, each tells of its own what its meters counted.

use std::{cmp::Reverse, collections::BTreeMap, ops::RangeInclusive};

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use jiff::{ToSpan, civil::Date};
use kvit_billing::{BillKind, CustomerNumber, Period, order::History};
use kvit_store::BillRecord;
use minijinja::{Value, context};
use rust_decimal::{Decimal, RoundingStrategy::MidpointAwayFromZero};

use crate::{App, failure::Failure, front::Visitor, texts::Texts};

/// Bills that are looked through: two years of monthly ones, with corrections.
const BILLS_READ: usize = 40;
/// Bills whose orders are read, of which the first may have no history.
const ORDERS_READ: usize = 4;
const MONTHS_SHOWN: i64 = 12;
/// From one reading of a meter to the next.
const MONTH_DAYS: RangeInclusive<i32> = 26..=35;
/// The chart, in its own units: height of the highest bar, and where bars stand.
const BAR_MAX: u32 = 150;
const BASE: u32 = 170;
const MONTH_WIDTH: u32 = 30;
const BAR_WIDTH: u32 = 12;

pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    let customer = visitor.signed_in()?;
    let texts = app.pages.texts(visitor.language);
    let known = months(&app, customer).await?;
    let known = known.map(|known| shown(&known, texts));
    let number = customer.as_str();
    let page = context! { number, known, base => BASE, bar_width => BAR_WIDTH };
    Ok(app
        .pages
        .render(&visitor, "usage.html", page)?
        .into_response())
}

/// The unit, and what is known of each month.
struct Known {
    unit: String,
    months: BTreeMap<Date, Decimal>,
}

async fn months(app: &App, customer: &CustomerNumber) -> Result<Option<Known>, Failure> {
    let mut invoices = app
        .portal
        .store
        .bills_of_holder(customer, BILLS_READ)
        .await?;
    invoices.retain(|bill| bill.kind == BillKind::Invoice);
    let mut bills = invoices.iter();
    let mut newest = None;
    for bill in bills.by_ref().take(ORDERS_READ) {
        newest = history(app, bill).await?;
        if newest.is_some() {
            break;
        }
    }
    let Some(newest) = newest else {
        return Ok(by_bill(&invoices));
    };
    let Some(first) = newest.months.first().map(|month| month.month) else {
        return Ok(None);
    };
    // The bill of the month with which that one begins, or the next before it.
    let before = bills.find(|bill| bill.period.from <= first);
    let before = match before {
        Some(bill) => history(app, bill).await?,
        None => None,
    };
    let before = before.filter(|before| before.unit == newest.unit);
    // What the newer bill says counts.
    let all = before.into_iter().flat_map(|before| before.months);
    let all = all.chain(newest.months);
    Ok(Some(Known {
        unit: newest.unit,
        months: all.map(|month| (month.month, month.quantity)).collect(),
    }))
}

/// The months of bills that tell of no others, newest first.
fn by_bill(invoices: &[BillRecord]) -> Option<Known> {
    let told =
        |bill: &BillRecord| Some((month_of(bill.period)?, bill.period, bill.consumed.clone()?));
    let told: Vec<_> = invoices.iter().filter_map(told).collect();
    let (.., newest) = told.first()?;
    let same = told.iter().filter(|(.., of)| of.unit == newest.unit);
    Some(Known {
        unit: newest.unit.clone(),
        months: in_months(same.map(|(month, period, of)| (*month, *period, of.quantity))),
    })
}

/// What is told of each month, newest bills first. Of two for one time the later counts; of two that follow each other and
/// have their middle in one month, as those from a 16th on, the earlier is the month before.
fn in_months(bills: impl Iterator<Item = (Date, Period, Decimal)>) -> BTreeMap<Date, Decimal> {
    let mut kept: Vec<(Date, Period, Decimal)> = Vec::new();
    for (month, period, quantity) in bills {
        // A day may belong to both: the meter was read on it.
        let anew = |(taken, other, _): &(Date, Period, Decimal)| {
            *taken == month && other.from < period.to && period.from < other.to
        };
        if !kept.iter().any(anew) {
            kept.push((month, period, quantity));
        }
    }
    kept.sort_by_key(|(_, period, _)| Reverse(period.from));
    let mut months = BTreeMap::new();
    for (month, _, quantity) in kept {
        let before = month.saturating_sub(1.month());
        let free = [month, before]
            .into_iter()
            .find(|one| !months.contains_key(one));
        if let Some(free) = free {
            months.insert(free, quantity);
        }
    }
    months
}

/// The month in which the middle of a period lies, where it is about as long as one.
fn month_of(period: Period) -> Option<Date> {
    let days = (period.to - period.from).get_days() + 1;
    let middle = period.from.saturating_add(((days - 1) / 2).days());
    MONTH_DAYS.contains(&days).then(|| middle.first_of_month())
}

/// What a bill tells of the months up to its own.
async fn history(app: &App, bill: &BillRecord) -> Result<Option<History>, Failure> {
    if bill.consumed.is_some() {
        return Ok(None);
    }
    let order = app.portal.store.staged_order(&bill.run, bill.seq).await?;
    let order = order.filter(|order| order.account == bill.account);
    let history = order.and_then(|order| order.history);
    Ok(history.filter(|history| !history.months.is_empty()))
}

fn shown(known: &Known, texts: &Texts) -> Value {
    let last = known.months.keys().next_back().copied().unwrap_or_default();
    let month = |back: i64| last.saturating_sub(back.months());
    let of = |month: Date| known.months.get(&month).copied();
    let year_before = |month: Date| of(month.saturating_sub(1.year()));
    let shown: Vec<_> = (0..MONTHS_SHOWN).rev().map(month).collect();
    let all = shown
        .iter()
        .flat_map(|month| [of(*month), year_before(*month)]);
    let peak = all.flatten().max().unwrap_or_default();
    let height = |quantity: Option<Decimal>| {
        let part = quantity.and_then(|q| (q * Decimal::from(BAR_MAX)).checked_div(peak));
        let part = part.unwrap_or_default().max(Decimal::ZERO);
        part.round_dp_with_strategy(1, MidpointAwayFromZero)
    };
    let bar = |quantity| {
        let height = height(quantity);
        context! { height => height.to_string(), top => (Decimal::from(BASE) - height).to_string() }
    };
    let months = (0_u32..).zip(&shown).map(|(at, month)| {
        let (now, then) = (of(*month), year_before(*month));
        let change = now.zip(then).and_then(|(now, then)| per_mille(now, then));
        let name = texts.month(*month);
        let left = at * MONTH_WIDTH + 2;
        context! {
            name => format!("{name} {}", month.year()), short => name.chars().take(3).collect::<String>(),
            now => now.map(|q| texts.quantity(q)), then => then.map(|q| texts.quantity(q)),
            change => change.map(|change| texts.change(change)), now_bar => bar(now), then_bar => bar(then),
            left, right => left + BAR_WIDTH + 1, middle => left + BAR_WIDTH,
        }
    });
    let unit = known.unit.to_lowercase();
    let unit = texts.get(&["unit-", &unit].concat(), &[]);
    let sum = |of: &dyn Fn(Date) -> Option<Decimal>| {
        let all: Option<Vec<_>> = shown.iter().map(|month| of(*month)).collect();
        all.map(|all| texts.quantity(all.into_iter().sum()))
    };
    context! {
        months => months.collect::<Vec<_>>(), unit => unit.unwrap_or_else(|| known.unit.clone()),
        sum_now => sum(&of), sum_then => sum(&year_before),
    }
}

/// By how much it changed; nothing where there was nothing before, or it is out of all proportion.
fn per_mille(now: Decimal, then: Decimal) -> Option<i64> {
    let change = ((now - then) * Decimal::ONE_THOUSAND).checked_div(then)?;
    let change = change.round_dp_with_strategy(0, MidpointAwayFromZero);
    i64::try_from(change.mantissa())
        .ok()
        .filter(|change| *change < 100_000)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_period_is_the_month_in_which_its_middle_lies() {
        for (from, to, month) in [
            ((2026, 2, 1), (2026, 2, 28), Some((2026, 2, 1))),
            ((2026, 10, 16), (2026, 11, 15), Some((2026, 10, 1))),
            ((2026, 10, 20), (2026, 11, 21), Some((2026, 11, 1))),
            ((2026, 11, 16), (2026, 12, 15), Some((2026, 11, 1))),
            ((2026, 1, 1), (2026, 3, 31), None),
            ((2026, 1, 1), (2026, 1, 10), None),
        ] {
            let date = |(year, month, day)| date(year, month, day);
            let period = Period {
                from: date(from),
                to: date(to),
            };
            assert_eq!(month_of(period), month.map(date), "{period:?}");
        }
    }

    #[test]
    fn no_month_is_lost_where_two_middles_lie_in_one() {
        let period = |from: Date| Period {
            from,
            to: from.saturating_add(1.month()).saturating_sub(1.day()),
        };
        let bill = |month: i8, day: i8, quantity: i64| {
            let period = period(date(2026, month, day));
            let of = month_of(period).expect("about a month");
            (of, period, Decimal::from(quantity))
        };
        let of = |bills: Vec<(Date, Period, Decimal)>| {
            let months = in_months(bills.into_iter());
            let told = months.into_iter();
            let told = told.map(|(month, quantity)| (month.month(), quantity.to_string()));
            told.collect::<Vec<_>>()
        };
        for day in [15, 16] {
            let year = (1..=11).rev().map(|month| bill(month, day, month.into()));
            let months = of(year.collect());
            let quantities: Vec<_> = months
                .iter()
                .map(|(_, quantity)| quantity.clone())
                .collect();
            let all: Vec<_> = (1..=11).map(|month| month.to_string()).collect();
            assert_eq!(quantities, all, "from {day}: {months:?}");
            assert!(
                months.windows(2).all(|two| two[0].0 + 1 == two[1].0),
                "{months:?}"
            );
        }
        // Billed anew after the month behind it was billed: the later counts, in its place.
        let anew = vec![bill(4, 16, 9), bill(5, 16, 5), bill(4, 16, 4)];
        assert_eq!(of(anew), [(4, "9".to_owned()), (5, "5".to_owned())]);
    }
}
