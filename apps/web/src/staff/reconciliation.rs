//! What came, as payment systems, the bank and the books say it, side by side, by day.

use axum::{
    Extension,
    extract::{Query, State},
    response::Response,
};
use jiff::{SignedDuration, ToSpan, civil::Date};
use kvit_billing::{Cents, Period};
use kvit_pay::{ProviderName, statement::BANK, ways::PAYS_WITHIN_DAYS};
use kvit_store::{ClearingSum, NoticeOutcome, ReconciledDay, Tally, days_of};
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
const HEAD: [&str; 12] = [
    "day",
    "system",
    "notices",
    "notices_sum",
    "statements",
    "statements_sum",
    "journal",
    "journal_sum",
    "returned",
    "returned_sum",
    "differing",
    "difference",
];

#[derive(Deserialize)]
pub(crate) struct MonthQuery {
    /// `2026-11`; the present one where it is none.
    #[serde(default)]
    month: String,
}

/// The first day of the month that is asked for, and today.
fn month(app: &App, typed: &str) -> (Date, Date) {
    let now = app.portal.clock.now();
    let today = app.portal.time_zone.to_datetime(now).date();
    let asked = format!("{typed}-01").parse::<Date>().ok();
    (asked.unwrap_or(today).first_of_month(), today)
}

/// What came on each day of a month, and what each payment system holds.
async fn days(app: &App, first: Date) -> Result<(Vec<ReconciledDay>, Vec<ClearingSum>), Failure> {
    let days = days_of(first, &app.portal.time_zone);
    let (Some((_, from, _)), Some((.., until))) = (days.first(), days.last()) else {
        return Ok((Vec::new(), Vec::new()));
    };
    let (store, now) = (&app.portal.store, app.portal.clock.now());
    let own: Vec<_> = app
        .portal
        .pay
        .ways
        .all()
        .iter()
        .map(|one| (one.name.clone(), one.pays_within_days))
        .collect();
    let sums = store
        .clearing((*from, *until), (PAYS_WITHIN_DAYS, &own), now)
        .await?;
    Ok((store.reconciled(&days).await?, sums))
}

pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Query(query): Query<MonthQuery>,
) -> Result<Response, Failure> {
    let (first, today) = month(&app, &query.month);
    let (found, sums) = days(&app, first).await?;
    let texts = app.pages.texts(visitor.language);
    let money = |cents| texts.money(cents, &app.portal.operator.currency);
    let sums: Vec<_> = sums
        .iter()
        .map(|sum| {
            let late = |is: bool| is.then(|| money(sum.late.abs()));
            context! {
                name => name(texts, &sum.provider), carried => money(sum.carried), came => money(sum.came),
                back => money(sum.back), handed => money(sum.handed), left => money(sum.left),
                late => late(sum.late > Cents::ZERO), over => late(sum.late < Cents::ZERO), days => sum.within_days,
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

fn row(app: &App, texts: &Texts, day: &ReconciledDay) -> Value {
    let tally = |tally: Tally| {
        (tally.count > 0).then(|| {
            let sum = texts.money(tally.cents, &app.portal.operator.currency);
            context! { count => texts.count(tally.count), sum }
        })
    };
    context! {
        day => texts.date(day.day), name => name(texts, &day.provider),
        notices => tally(day.notices), statements => tally(day.statements), journal => tally(day.journal), back => tally(day.back),
        differing => (day.differing > 0).then(|| texts.count(day.differing)),
        difference => texts.money(day.difference(), &app.portal.operator.currency),
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
    let (mut found, _) = days(&app, first).await?;
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
            day.back.count.to_string(),
            day.back.cents.to_string(),
            day.differing.to_string(),
            day.difference().to_string(),
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
    let days = days_of(day.first_of_month(), &app.portal.time_zone);
    let bounds = days.into_iter().find(|(of, ..)| *of == day);
    let bounds = bounds.ok_or(Failure::NotFound)?;
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
