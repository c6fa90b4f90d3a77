//! A customer's own bills.

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::SignedDuration;
use kvit_billing::{BillNumber, CustomerNumber};
use kvit_mail::EmailAddress;
use kvit_store::EnrolmentState;
use minijinja::context;
use serde::Deserialize;

use super::{go, shown};
use crate::{
    App,
    failure::Failure,
    front::Visitor,
    gate::{self, Gate, Identity},
};

const BILLS_PER_PAGE: usize = 12;

#[derive(Deserialize)]
pub(crate) struct CheckForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    next: String,
    #[serde(flatten)]
    identity: Identity,
}

/// Number and code open a session.
pub(crate) async fn check(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<CheckForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let enrols = form.next == "enrol";
    let customer = match gate::knock(&app, &visitor, &form.identity).await? {
        Gate::Open(customer) => customer,
        Gate::Locked(until) => return gate::locked(&app, &visitor, until),
        Gate::Wrong(wrong) => {
            let page = check_page(&app, &visitor, enrols, &form.identity.number, &wrong)?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    let mut response = go(if enrols { "/enrol" } else { "/bills" });
    open_session(&app, &customer, &mut response).await?;
    Ok(response)
}

/// The form for number and code.
pub(crate) fn check_page(
    app: &App,
    visitor: &Visitor,
    enrols: bool,
    number: &str,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let (title, lead, step, button, next) = if enrols {
        let step = Some("enrol-step-1");
        (
            "enrol-title",
            "enrol-lead",
            step,
            "continue-button",
            "enrol",
        )
    } else {
        ("home-check", "home-lead", None, "check-button", "bills")
    };
    let errors = gate::faults(wrong);
    let page = app.pages.render(
        visitor,
        "check.html",
        context! { title, lead, step, button, next, number, errors, action => "/bill/check" },
    )?;
    Ok(page.into_response())
}

async fn open_session(
    app: &App,
    customer: &CustomerNumber,
    response: &mut Response,
) -> Result<(), Failure> {
    let portal = &app.portal;
    let minutes = portal.limits.session_minutes;
    let token = app.random_token();
    let now = portal.clock.now();
    let expires = now
        .saturating_add(SignedDuration::from_mins(minutes.into()))
        .unwrap_or(now);
    portal
        .store
        .open_session(&token.hash(), customer, now, expires)
        .await?;
    app.set_cookie(
        response,
        "session",
        token.expose(),
        Some(minutes.saturating_mul(60)),
    );
    Ok(())
}

#[derive(Deserialize)]
pub(crate) struct FormToken {
    #[serde(default)]
    form_token: String,
}

/// Ends the session.
pub(crate) async fn logout(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<FormToken>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    if let Some(token) = &visitor.session {
        app.portal.store.close_session(&token.hash()).await?;
    }
    let mut response = go("/");
    app.set_cookie(&mut response, "session", "", Some(0));
    Ok(response)
}

#[derive(Deserialize)]
pub(crate) struct Before {
    before: Option<String>,
}

/// The bills, newest first, a page at a time.
pub(crate) async fn list(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Query(query): Query<Before>,
) -> Result<Response, Failure> {
    let Some(customer) = &visitor.customer else {
        return check_page(&app, &visitor, false, "", &[]);
    };
    let store = &app.portal.store;
    let before: Option<BillNumber> = query.before.and_then(|text| text.parse().ok());
    let mut bills = store.bills_of(customer, before, BILLS_PER_PAGE + 1).await?;
    let more = bills.len() > BILLS_PER_PAGE;
    bills.truncate(BILLS_PER_PAGE);
    let older = bills
        .last()
        .filter(|_| more)
        .map(|bill| bill.number.to_string());
    let bills: Vec<_> = bills
        .iter()
        .map(|bill| shown(&app, visitor.language, bill))
        .collect();
    let (enrolment, email) = match store.enrolment_of(customer).await? {
        EnrolmentState::None => ("none", String::new()),
        EnrolmentState::Pending(record) => ("pending", masked(record.email.expose())),
        EnrolmentState::Active(record) => ("active", masked(record.email.expose())),
    };
    let number = customer.as_str();
    let paged = before.is_some();
    let page = app.pages.render(
        &visitor,
        "bills.html",
        context! { number, bills, older, paged, enrolment, email },
    )?;
    Ok(page.into_response())
}

/// An address that its owner recognises and another does not learn.
pub(crate) fn masked(email: &str) -> String {
    EmailAddress::parse(email).map_or_else(|_| "…".to_owned(), |address| address.masked())
}

/// The sealed file of one of the customer's own bills. Another's bill is as unknown as none.
pub(crate) async fn download(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(file): Path<String>,
) -> Result<Response, Failure> {
    let Some(customer) = &visitor.customer else {
        return Ok(go("/bills"));
    };
    let number: BillNumber = file
        .strip_suffix(".pdf")
        .and_then(|number| number.parse().ok())
        .ok_or(Failure::NotFound)?;
    let bill = app.portal.store.bill(number).await?;
    let bill = bill
        .filter(|bill| bill.account == *customer)
        .ok_or(Failure::NotFound)?;
    let pdf = app.portal.documents.bill_pdf(&bill).await?;
    let name = format!("attachment; filename=\"{number}.pdf\"");
    let headers = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, pdf).into_response())
}
