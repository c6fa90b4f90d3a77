//! What a clerk notes where billing has not said so yet: an account is closed, another party holds it, or it is open
//! after all. Nobody has to be recognised for it: whoever held the account may be gone.

use axum::{
    Extension, Form,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::civil::Date;
use kvit_store::{AccountEnd, CustomerRecord};
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{
    customers::{the_customer, viewed},
    desk::{done, subject},
    door::Officer,
    event, plain, render,
};
use crate::{App, failure::Failure, front::Visitor, gate};

/// The longest reason, in characters.
const WHY_CHARS_MAX: usize = 300;

#[derive(Default, Deserialize)]
pub(crate) struct AccountForm {
    #[serde(default)]
    form_token: String,
    /// `closed`, `moved` or `reopened`.
    #[serde(default)]
    what: String,
    #[serde(default)]
    day: String,
    #[serde(default)]
    why: String,
    /// The generation of the code that the page was about, so that a form sent twice changes nothing twice.
    #[serde(default)]
    generation: u32,
}

pub(crate) async fn form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let record = the_customer(&app, &number).await?;
    let typed = AccountForm {
        day: app.today().to_string(),
        ..AccountForm::default()
    };
    page(&app, &visitor, &officer, (&record, &typed), &[]).await
}

async fn page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    (record, typed): (&CustomerRecord, &AccountForm),
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let customer = &record.customer;
    viewed(app, officer.login.to_string(), &customer.number, json!({})).await?;
    let page = context! {
        number => customer.number.as_str(), name => customer.name.clone(), account => shown(app, visitor, record),
        generation => record.code_generation, today => app.today().to_string(), what => typed.what.clone(),
        day => typed.day.clone(), why => typed.why.clone(), errors => gate::faults(wrong),
    };
    render(app, visitor, Some(officer), "staff/account.html", page)
}

/// Ends what the holder had with the account, or opens it again.
pub(crate) async fn change(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Form(form): Form<AccountForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let record = the_customer(&app, &number).await?;
    let number = &record.customer.number;
    let day = form.day.trim().parse::<Date>().ok();
    let day = day.filter(|day| *day <= app.today());
    let why: String = plain(&form.why);
    let reopens = form.what == "reopened";
    let mut wrong = Vec::new();
    if !reopens && !matches!(form.what.as_str(), "closed" | "moved") {
        wrong.push(("what", "staff-error-account-what"));
    }
    if !reopens && day.is_none() {
        wrong.push(("day", "staff-error-account-day"));
    }
    if !(1..=WHY_CHARS_MAX).contains(&why.chars().count()) {
        wrong.push(("why", "staff-error-account-why"));
    }
    if !wrong.is_empty() {
        let page = page(&app, &visitor, &officer, (&record, &form), &wrong).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let store = &app.portal.store;
    let day = day.filter(|_| !reopens);
    let what = format!("account.{}", form.what);
    let told = event(
        &app,
        &officer,
        &what,
        subject(number),
        json!({ "day": day, "why": why }),
    );
    let changed = match day {
        None => store.reopen_account(number, &told).await?,
        Some(day) => {
            let end = if form.what == "moved" {
                AccountEnd::Moved { since: day }
            } else {
                AccountEnd::Closed { on: day }
            };
            let seen = Some(form.generation);
            store.end_account(number, end, seen, &told).await?
        }
    };
    let what = if changed { "account" } else { "outdated" };
    Ok(done(number, "", what))
}

/// What is to be said of an account: that it is closed, that its holder is not the first.
pub(super) fn shown(app: &App, visitor: &Visitor, record: &CustomerRecord) -> Value {
    let texts = app.pages.texts(visitor.language);
    let day = |day: Option<Date>| day.map(|day| texts.date(day));
    context! { closed => day(record.closed_on), since => day(record.holder_since) }
}
