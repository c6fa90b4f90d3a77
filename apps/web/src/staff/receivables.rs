//! What customers owe by age: sheets that workers make, the customers behind each class, and files.

use axum::{
    Extension, Form,
    body::Body,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};
use kvit_billing::{Cents, CustomerNumber, RunId};
use kvit_pay::aging::{Age, Total};
use kvit_store::{OwingAsked, OwingSheet, Store, StoreError};
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{
    door::{Officer, come_again},
    event, render,
};
use crate::{
    App,
    csv::{owing_head, owing_line},
    failure::Failure,
    front::Visitor,
    gate::faults,
    saved::{CSV, saved_as},
    texts::Texts,
};

/// Customers on a page of a class.
const LINES_SHOWN: usize = 50;
/// While a sheet is in the making its page comes again after so long.
const FOLLOW_SECONDS: u16 = 3;

/// The text of each age.
const fn name_of(age: Age) -> &'static str {
    match age {
        Age::NotDue => "staff-owing-not-due",
        Age::Days30 => "staff-owing-1-30",
        Age::Days60 => "staff-owing-31-60",
        Age::Days90 => "staff-owing-61-90",
        Age::Older => "staff-owing-over-90",
    }
}

#[derive(Deserialize)]
pub(crate) struct SheetQuery {
    /// Its number; the latest where it is none.
    #[serde(default)]
    sheet: String,
}

pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Query(query): Query<SheetQuery>,
) -> Result<Response, Failure> {
    sheet_page(&app, &visitor, &officer, &query.sheet, None).await
}

/// Why there is no sheet.
struct Wrong<'a> {
    text: &'a str,
    /// As it was typed.
    day: &'a str,
    /// The run that has to be issued first.
    run: Option<RunId>,
}

async fn sheet_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    wanted: &str,
    wrong: Option<Wrong<'_>>,
) -> Result<Response, Failure> {
    let store = &app.portal.store;
    let sheets = store.owing_sheets().await?;
    let wanted = wanted.parse::<u64>().ok();
    let shown = sheets
        .iter()
        .find(|sheet| wanted.is_none_or(|number| sheet.number == number));
    let texts = app.pages.texts(visitor.language);
    // One in the making shows nothing yet, and its page comes again by itself.
    if let Some(sheet) = shown.filter(|sheet| sheet.finished_at.is_some()) {
        let subject = format!("staff/{}", officer.login);
        let detail = json!({ "day": sheet.day });
        let listed = event(app, officer, "pay.listed", subject, detail);
        store.record_event(&listed).await?;
    }
    let others: Vec<_> = sheets
        .iter()
        .filter(|sheet| shown.is_none_or(|shown| shown.number != sheet.number))
        .map(|sheet| head(app, texts, sheet))
        .collect();
    let errors: Vec<_> = wrong.iter().map(|wrong| ("day", wrong.text)).collect();
    let unissued = wrong.as_ref().and_then(|wrong| wrong.run.as_ref());
    let today = app.today();
    let page = context! {
        sheet => shown.map(|sheet| whole(app, texts, sheet)), others,
        errors => faults(&errors), unissued => unissued.map(RunId::as_str),
        day => wrong.as_ref().map_or_else(|| today.saturating_sub(1.day()).to_string(), |wrong| wrong.day.to_owned()),
        today => today.to_string(),
    };
    let mut response = render(app, visitor, Some(officer), "staff/receivables.html", page)?;
    // What is wrong stays to be read.
    if wrong.is_none() && shown.is_some_and(|sheet| sheet.finished_at.is_none()) {
        come_again(visitor, FOLLOW_SECONDS, &mut response);
    }
    Ok(response)
}

/// Which sheet it is.
fn head(app: &App, texts: &Texts, sheet: &OwingSheet) -> Value {
    context! {
        number => sheet.number.to_string(), day => texts.date(sheet.day),
        at => texts.moment(sheet.at, &app.portal.time_zone), by => sheet.asked_by.clone(),
        making => sheet.finished_at.is_none(),
        open => texts.money(sheet.totals.all.cents, &app.portal.operator.currency),
    }
}

/// A sheet with its classes, and how it ties to the books.
fn whole(app: &App, texts: &Texts, sheet: &OwingSheet) -> Value {
    let totals = &sheet.totals;
    let money = |cents| texts.money(cents, &app.portal.operator.currency);
    let some = |cents: Cents| (cents != Cents::ZERO).then(|| money(cents));
    let class = |name: &str, total: Total| {
        let share = match totals.all.cents.get() {
            0 => None,
            // Sums of cents are far below what a thousand times would overflow.
            all => Some(texts.percent((total.cents.get() * 1000 / all).unsigned_abs())),
        };
        context! { name => texts.say(name, &[]), customers => texts.count(total.customers), sum => money(total.cents), share }
    };
    let classes: Vec<_> = Age::ALL
        .into_iter()
        .zip(totals.ages)
        .map(|(age, total)| {
            let link = (total.customers > 0).then(|| {
                format!(
                    "/staff/receivables/list?sheet={}&age={}",
                    sheet.number,
                    age.as_str()
                )
            });
            context! { link, ..class(name_of(age), total) }
        })
        .collect();
    let difference = sheet
        .booked
        .map(|booked| totals.balance() - (totals.asked + booked));
    context! {
        classes, all => class("staff-owing-all", totals.all), looked_at => texts.count(totals.looked_at),
        credit => some(-totals.credit), overdrawn => some(totals.overdrawn), balance => money(totals.balance()),
        asked => money(totals.asked), booked => sheet.booked.map(|booked| money(-booked)),
        difference => difference.and_then(some),
        ..head(app, texts, sheet)
    }
}

#[derive(Deserialize)]
pub(crate) struct AskForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    day: String,
}

/// Has a worker make a sheet of a day: as it stood at its end, or now where it is today.
pub(crate) async fn ask(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<AskForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let day = form.day.trim().parse::<Date>().ok();
    let at = day.and_then(|day| end_of(&app, day).map(|at| (day, at)));
    let refused = async |status, text, run| {
        let day = day.map_or_else(String::new, |day| day.to_string());
        let wrong = Wrong {
            text,
            day: &day,
            run,
        };
        let page = sheet_page(&app, &visitor, &officer, "", Some(wrong)).await?;
        Ok((status, page).into_response())
    };
    let Some((day, at)) = at else {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return refused(status, "staff-error-owing-day", None).await;
    };
    let store = &app.portal.store;
    let subject = format!("staff/{}", officer.login);
    let asked = event(
        &app,
        &officer,
        "pay.owing-asked",
        subject,
        json!({ "day": day }),
    );
    store.record_event(&asked).await?;
    let who = officer.login.as_str();
    let status = StatusCode::CONFLICT;
    match store.ask_for_owing_sheet(day, at, who).await? {
        OwingAsked::Sheet(number) => {
            Err(Failure::See(format!("/staff/receivables?sheet={number}")))
        }
        OwingAsked::Busy(_) => refused(status, "staff-error-owing-busy", None).await,
        OwingAsked::Unissued(run) => refused(status, "staff-error-owing-unissued", Some(run)).await,
    }
}

/// The end of a day that is over; now, where it is today; `None` for a day that is yet to come.
fn end_of(app: &App, day: Date) -> Option<Timestamp> {
    let today = app.today();
    if day >= today {
        return (day == today).then(|| app.portal.clock.now());
    }
    let next = day.checked_add(1.day()).ok()?;
    let next = app
        .portal
        .time_zone
        .to_timestamp(next.at(0, 0, 0, 0))
        .ok()?;
    next.checked_sub(SignedDuration::from_micros(1)).ok()
}

/// A sheet that is done.
async fn done(app: &App, wanted: &str) -> Result<OwingSheet, Failure> {
    let wanted: u64 = wanted.parse().map_err(|_| Failure::NotFound)?;
    let sheets = app.portal.store.owing_sheets().await?;
    sheets
        .into_iter()
        .find(|sheet| sheet.number == wanted && sheet.finished_at.is_some())
        .ok_or(Failure::NotFound)
}

#[derive(Deserialize)]
pub(crate) struct ListQuery {
    #[serde(default)]
    sheet: String,
    /// As [`Age::as_str`] names it.
    #[serde(default)]
    age: String,
    /// Cents and number of the last customer of the page before.
    #[serde(default)]
    after_cents: String,
    #[serde(default)]
    after: String,
}

/// The customers of a class, who owe most first.
pub(crate) async fn list(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Failure> {
    let sheet = done(&app, &query.sheet).await?;
    let age = Age::parse(&query.age).ok_or(Failure::NotFound)?;
    let after: Option<(Cents, CustomerNumber)> = match query.after.as_str() {
        "" => None,
        number => {
            let cents: i64 = query.after_cents.parse().map_err(|_| Failure::NotFound)?;
            let number = number.parse().map_err(|_| Failure::NotFound)?;
            Some((Cents::new(cents), number))
        }
    };
    let store = &app.portal.store;
    let from = after.as_ref().map(|(cents, number)| (*cents, number));
    // One more than is shown says whether there are later ones.
    let mut found = store
        .owing_of_age(sheet.number, age, from, LINES_SHOWN + 1)
        .await?;
    let more = found.len() > LINES_SHOWN;
    found.truncate(LINES_SHOWN);
    let subject = format!("staff/{}", officer.login);
    let detail = json!({ "day": sheet.day, "age": age.as_str(), "shown": found.len() });
    let listed = event(&app, &officer, "pay.listed", subject, detail);
    store.record_event(&listed).await?;
    let texts = app.pages.texts(visitor.language);
    let money = |cents| texts.money(cents, &app.portal.operator.currency);
    let address = format!(
        "/staff/receivables/list?sheet={}&age={}",
        sheet.number,
        age.as_str()
    );
    let next = found.last().filter(|_| more).map(|last| {
        format!(
            "{address}&after_cents={}&after={}",
            last.cents.get(),
            last.account
        )
    });
    let rows: Vec<_> = found
        .iter()
        .map(|line| {
            context! {
                number => line.account.as_str(), name => line.name.clone(), sum => money(line.cents), all => money(line.all),
                oldest => texts.date(line.oldest),
            }
        })
        .collect();
    let total = sheet.totals.ages[age as usize];
    let page = context! {
        rows, next, first => after.is_some().then_some(address), title => texts.say(name_of(age), &[]),
        age => age.as_str(), customers => texts.count(total.customers), sum => money(total.cents),
        sheet => head(&app, texts, &sheet),
    };
    render(
        &app,
        &visitor,
        Some(&officer),
        "staff/receivables-list.html",
        page,
    )
}

/// All customers who owe, by number, as a file that is read from the store as it goes out.
pub(crate) async fn csv(
    State(app): State<App>,
    Extension(officer): Extension<Officer>,
    Query(query): Query<SheetQuery>,
) -> Result<Response, Failure> {
    let sheet = done(&app, &query.sheet).await?;
    let subject = format!("staff/{}", officer.login);
    let detail = json!({ "day": sheet.day, "rows": sheet.totals.all.customers });
    let fetched = event(&app, &officer, "pay.listed", subject, detail);
    app.portal.store.record_event(&fetched).await?;
    let head = format!("{}\r\n", owing_head());
    let start = (app.portal.store.clone(), sheet.number, None, Some(head));
    let parts = futures::stream::try_unfold(start, part);
    let name = format!("receivables-{}.csv", sheet.day);
    Ok(saved_as(&name, CSV, Body::from_stream(parts)))
}

/// Where a file is: the store, the sheet, its last customer, and what comes before the first.
type Place = (Store, u64, Option<CustomerNumber>, Option<String>);

async fn part((store, sheet, last, head): Place) -> Result<Option<(String, Place)>, StoreError> {
    let found = store.owing_of_sheet(sheet, last.as_ref()).await?;
    let mut text = head.unwrap_or_default();
    for one in &found {
        text.push_str(&owing_line(one));
        text.push_str("\r\n");
    }
    if text.is_empty() {
        return Ok(None);
    }
    let last = found.last().map(|one| one.account.clone()).or(last);
    Ok(Some((text, (store, sheet, last, None))))
}
