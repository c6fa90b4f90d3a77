//! What came, as payment systems, the bank and the books say it, side by side, by day.

use std::collections::BTreeMap;

use axum::{
    Extension,
    extract::{Query, State},
    response::Response,
};
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};
use kvit_billing::{Cents, Period};
use kvit_pay::{ProviderName, statement::BANK};
use kvit_store::{NoticeOutcome, ReconciledDay, Tally};
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{door::Officer, event, render};
use crate::{
    App, csv_line,
    failure::Failure,
    front::Visitor,
    saved::{CSV, saved_as},
    texts::Texts,
};

/// Notices of a day that are listed.
const NOTICES_SHOWN: usize = 500;
/// Payments without an answer that are listed.
const UNANSWERED_SHOWN: usize = 100;
/// Months that can be chosen.
const MONTHS: u8 = 24;
/// A payment whose time was over so long ago, and of which nothing is known, is shown.
const UNANSWERED_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// The first line of the file.
const HEAD: [&str; 10] = [
    "day",
    "system",
    "notices",
    "notices_sum",
    "statements",
    "statements_sum",
    "journal",
    "journal_sum",
    "differing",
    "difference",
];

#[derive(Deserialize)]
pub(crate) struct MonthQuery {
    /// `2026-11`; the present one where it is none.
    #[serde(default)]
    month: String,
}

type Day = (Date, Timestamp, Timestamp);

/// The first day of the month that is asked for, and today.
fn month(app: &App, typed: &str) -> (Date, Date) {
    let now = app.portal.clock.now();
    let today = app.portal.time_zone.to_datetime(now).date();
    let asked = format!("{typed}-01").parse::<Date>().ok();
    (asked.unwrap_or(today).first_of_month(), today)
}

/// A day with the moments between which it lies where the operator sits.
fn bounds(app: &App, day: Date) -> Option<Day> {
    let start = |day: Date| app.portal.time_zone.to_timestamp(day.at(0, 0, 0, 0)).ok();
    let next = day.checked_add(1.day()).ok()?;
    Some((day, start(day)?, start(next)?))
}

async fn days(app: &App, first: Date) -> Result<Vec<ReconciledDay>, Failure> {
    let days: Vec<_> = (0..first.days_in_month())
        .filter_map(|no| bounds(app, first.checked_add(i64::from(no).days()).ok()?))
        .collect();
    if days.is_empty() {
        return Ok(Vec::new());
    }
    Ok(app.portal.store.reconciled(&days).await?)
}

pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Query(query): Query<MonthQuery>,
) -> Result<Response, Failure> {
    let (first, today) = month(&app, &query.month);
    let found = days(&app, first).await?;
    let texts = app.pages.texts(visitor.language);
    let money = |cents| texts.money(cents, &app.portal.operator.currency);
    let mut sums: BTreeMap<&ProviderName, [Cents; 3]> = BTreeMap::new();
    for day in &found {
        let sum = sums.entry(&day.provider).or_insert([Cents::ZERO; 3]);
        for (sum, tally) in sum
            .iter_mut()
            .zip([day.notices, day.statements, day.journal])
        {
            *sum += tally.cents;
        }
    }
    let sums: Vec<_> = sums
        .iter()
        .map(|(provider, [notices, statements, journal])| {
            let bank = provider.as_str() == BANK;
            context! {
                name => name(texts, provider), notices => (!bank).then(|| money(*notices)),
                statements => money(*statements), journal => money(*journal),
                rest => (!bank).then(|| money(*journal - *statements)),
            }
        })
        .collect();
    let rows: Vec<_> = found.iter().map(|day| row(&app, texts, day)).collect();
    let now = app.portal.clock.now();
    let unanswered = app
        .portal
        .store
        .unanswered_payments(now - UNANSWERED_AFTER, UNANSWERED_SHOWN)
        .await?;
    let unanswered: Vec<_> = unanswered
        .iter()
        .map(|payment| {
            context! {
                id => format!("{}/{}", payment.provider, payment.number), amount => texts.money(payment.amount, &payment.currency),
                begun => texts.moment(payment.started_at, &app.portal.time_zone), asked => texts.count(payment.polls.into()),
                bill => payment.bill.to_string(),
            }
        })
        .collect();
    let subject = format!("staff/{}", officer.login);
    let detail =
        json!({ "month": first.strftime("%Y-%m").to_string(), "unanswered": unanswered.len() });
    let seen = event(&app, &officer, "pay.listed", subject, detail);
    app.portal.store.record_event(&seen).await?;
    let months: Vec<_> = (0..MONTHS)
        .filter_map(|back| {
            today
                .first_of_month()
                .checked_sub(i64::from(back).months())
                .ok()
        })
        .map(|month| {
            let value = month.strftime("%Y-%m").to_string();
            let text = texts.period(Period::month_of(month));
            context! { value, text, chosen => month == first }
        })
        .collect();
    let page = context! {
        rows, sums, unanswered, months, month => first.strftime("%Y-%m").to_string(),
        title => texts.period(Period::month_of(first)),
    };
    render(
        &app,
        &visitor,
        Some(&officer),
        "staff/reconciliation.html",
        page,
    )
}

fn name(texts: &Texts, provider: &ProviderName) -> String {
    match provider.as_str() {
        BANK => texts.say("staff-money-bank", &[]),
        other => other.to_owned(),
    }
}

/// What the books have more, or less, than what was said.
fn difference(day: &ReconciledDay) -> Cents {
    let said = match day.provider.as_str() {
        BANK => day.statements,
        _ => day.notices,
    };
    day.journal.cents - said.cents
}

fn row(app: &App, texts: &Texts, day: &ReconciledDay) -> Value {
    let tally = |tally: Tally| {
        (tally.count > 0).then(|| {
            let sum = texts.money(tally.cents, &app.portal.operator.currency);
            context! { count => texts.count(tally.count), sum }
        })
    };
    context! {
        day => texts.date(day.day), name => name(texts, &day.provider),
        notices => tally(day.notices), statements => tally(day.statements), journal => tally(day.journal),
        differing => (day.differing > 0).then(|| texts.count(day.differing)),
        difference => texts.money(difference(day), &app.portal.operator.currency),
        link => format!("/staff/reconciliation/day?system={}&day={}", day.provider, day.day),
    }
}

/// The same as a file, in the order of the days.
pub(crate) async fn csv(
    State(app): State<App>,
    Extension(officer): Extension<Officer>,
    Query(query): Query<MonthQuery>,
) -> Result<Response, Failure> {
    let (first, _) = month(&app, &query.month);
    let mut found = days(&app, first).await?;
    found.sort_by(|one, other| (one.day, &one.provider).cmp(&(other.day, &other.provider)));
    let subject = format!("staff/{}", officer.login);
    let detail = json!({ "month": first.strftime("%Y-%m").to_string(), "rows": found.len() });
    let seen = event(&app, &officer, "pay.listed", subject, detail);
    app.portal.store.record_event(&seen).await?;
    let mut text = csv_line(&HEAD.map(str::to_owned));
    text.push_str("\r\n");
    for day in &found {
        let (said, handed, booked) = (day.notices, day.statements, day.journal);
        let fields = [
            day.day.to_string(),
            day.provider.to_string(),
            said.count.to_string(),
            said.cents.to_string(),
            handed.count.to_string(),
            handed.cents.to_string(),
            booked.count.to_string(),
            booked.cents.to_string(),
            day.differing.to_string(),
            difference(day).to_string(),
        ];
        text.push_str(&csv_line(&fields));
        text.push_str("\r\n");
    }
    let name = format!("reconciliation-{}.csv", first.strftime("%Y-%m"));
    Ok(saved_as(&name, CSV, text))
}

#[derive(Deserialize)]
pub(crate) struct DayQuery {
    #[serde(default)]
    system: String,
    #[serde(default)]
    day: String,
}

/// What came of one payment system on one day, differences first.
pub(crate) async fn day(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Query(query): Query<DayQuery>,
) -> Result<Response, Failure> {
    let provider: ProviderName = query.system.parse().map_err(|_| Failure::NotFound)?;
    let day: Date = query.day.parse().map_err(|_| Failure::NotFound)?;
    let bounds = bounds(&app, day).ok_or(Failure::NotFound)?;
    let store = &app.portal.store;
    let found = store
        .reconciled_notices(&provider, bounds, NOTICES_SHOWN)
        .await?;
    let subject = format!("staff/{}", officer.login);
    let detail = json!({ "system": provider, "day": day, "shown": found.len() });
    let seen = event(&app, &officer, "pay.listed", subject, detail);
    store.record_event(&seen).await?;
    let texts = app.pages.texts(visitor.language);
    let money = |cents| texts.money(cents, &app.portal.operator.currency);
    let rows: Vec<_> = found
        .iter()
        .map(|notice| {
            context! {
                id => notice.id.clone(), link => super::money::address_of(&notice.id),
                came => texts.moment(notice.received_at, &app.portal.time_zone),
                said => money(notice.said), booked => money(notice.booked), differs => notice.said != notice.booked,
                outcome => became(texts, notice.outcome),
            }
        })
        .collect();
    let page = context! {
        rows, name => name(texts, &provider), day => texts.date(day), month => day.strftime("%Y-%m").to_string(),
        more => found.len() == NOTICES_SHOWN,
    };
    render(
        &app,
        &visitor,
        Some(&officer),
        "staff/reconciliation-day.html",
        page,
    )
}

/// What became of a notice, in words.
fn became(texts: &Texts, outcome: Option<NoticeOutcome>) -> String {
    let Some(outcome) = outcome else {
        return texts.say("staff-reconciled-waits", &[]);
    };
    let key = match outcome {
        NoticeOutcome::Posted => "staff-reconciled-posted",
        NoticeOutcome::Allocated => "staff-money-allocated",
        NoticeOutcome::Settled => "staff-money-settled",
        NoticeOutcome::Reversed | NoticeOutcome::NothingToReverse => "staff-reconciled-reversed",
        NoticeOutcome::Noted => "staff-money-over",
        why => return texts.say(&["staff-money-why-", why.as_str()].concat(), &[]),
    };
    texts.say(key, &[])
}
