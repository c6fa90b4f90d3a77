//! A customer's own bills.

use std::collections::HashMap;

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use kvit_billing::{BillNumber, Cents, CustomerNumber, code::Token};
use kvit_mail::EmailAddress;
use kvit_pay::standing::Standing;
use kvit_store::{BillRecord, EnrolmentRecord, EnrolmentState, MailTopic, NewSession, SessionDoor};
use minijinja::{Value, context};
use serde::Deserialize;

use super::{autopay, go, pay, shown, year};
use crate::{
    App,
    failure::Failure,
    front::Visitor,
    gate::{self, Gate, Identity},
    saved::saved_as,
};

/// The latest and a year before it.
const BILLS_SHOWN: usize = 13;

#[derive(Deserialize)]
pub(crate) struct CheckForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    next: String,
    /// Whether number and code were not typed, but come from a square code.
    scanned: Option<String>,
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
    let (customer, door) = match gate::knock(&app, &visitor, &form.identity).await? {
        Gate::Open(customer, door) => (customer, door),
        Gate::Locked(until) => return gate::locked(&app, &visitor, until),
        Gate::Wrong(mut wrong) => {
            // To look at them once more helps nobody: the bill is older than the code.
            if form.scanned.is_some() && wrong.iter().any(|(_, text)| *text == "error-mismatch") {
                wrong = vec![("code", "error-scanned")];
            }
            let page = check_page(&app, &visitor, enrols, &form.identity.number, &wrong, None)?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    let mut response = go(if enrols { "/enrol" } else { "/bills" });
    open_session(&app, &visitor, &customer, door, &mut response).await?;
    Ok(response)
}

/// The form for number and code.
pub(crate) fn check_page(
    app: &App,
    visitor: &Visitor,
    enrols: bool,
    number: &str,
    wrong: &[(&str, &str)],
    notice: Option<&str>,
) -> Result<Response, Failure> {
    let (title, lead, step, button, next, path) = if enrols {
        let step = Some("enrol-step-1");
        (
            "enrol-title",
            "enrol-lead",
            step,
            "continue-button",
            "enrol",
            "/enrol",
        )
    } else {
        (
            "home-check",
            "home-lead",
            None,
            "check-button",
            "bills",
            "/bills",
        )
    };
    let errors = gate::faults(wrong);
    let passkeys = app.passkeys.is_some() && !enrols;
    let page = app.pages.render(
        visitor,
        "check.html",
        context! {
            title, lead, step, button, next, number, errors, notice, path, passkeys, action => "/bill/check",
        },
    )?;
    Ok(app.scripted(page.into_response()))
}

/// A session of its own for each time the code was shown, or a link used; one that was open before ends. Where what was
/// shown has been replaced meanwhile, the visitor is asked again.
pub(super) async fn open_session(
    app: &App,
    visitor: &Visitor,
    customer: &CustomerNumber,
    door: SessionDoor,
    response: &mut Response,
) -> Result<(), Failure> {
    let portal = &app.portal;
    let by = door.as_str();
    let token = app.random_token();
    let now = portal.clock.now();
    let lasts = SignedDuration::from_mins(portal.limits.session_minutes.into());
    let new = NewSession {
        token: token.hash(),
        account: customer.clone(),
        door,
        device: visitor.device.clone(),
        at: now,
        expires: now.saturating_add(lasts).unwrap_or(now),
    };
    if let Some(earlier) = &visitor.session {
        portal.store.close_session(&earlier.hash()).await?;
    }
    // Before: one of a code or password that is replaced meanwhile is void.
    let mark = gate::new_mark(app, visitor, customer).await?;
    if !portal.store.open_session(&new).await? {
        return Err(Failure::See("/bills?ended".to_owned()));
    }
    let who = portal.key.pseudonym("number", customer.as_str());
    let address = &visitor.address;
    tracing::info!(who, address, by, "a customer signed in");
    give_session(app, &token, new.expires, response);
    gate::remember(app, mark.as_deref(), response);
    Ok(())
}

/// The browser's part of a session that ends `until` then.
pub(super) fn give_session(app: &App, token: &Token, until: Timestamp, response: &mut Response) {
    let left = until.duration_since(app.portal.clock.now()).as_secs();
    let age = u32::try_from(left.max(0)).unwrap_or(u32::MAX);
    app.set_cookie(response, "session", token.expose(), Some(age));
}

#[derive(Deserialize)]
pub(crate) struct FormToken {
    #[serde(default)]
    pub(super) form_token: String,
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
    let mut response = go("/?left");
    app.end_cookie(&mut response, "session");
    Ok(response)
}

#[derive(Deserialize)]
pub(crate) struct Came {
    /// Whether the visitor's session ended while a form was filled in.
    ended: Option<String>,
}

/// The latest bill, those before it, and how they travel; or those that are asked for.
pub(crate) async fn list(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Query(came): Query<Came>,
    Query(wanted): Query<year::Wanted>,
) -> Result<Response, Failure> {
    let Some(customer) = &visitor.customer else {
        let notice = came.ended.map(|_| "session-ended");
        return check_page(&app, &visitor, false, "", &[], notice);
    };
    if wanted.is_asked() {
        return year::page(&app, &visitor, customer, &wanted).await;
    }
    let store = &app.portal.store;
    let bills = store.bills_of_holder(customer, BILLS_SHOWN + 1).await?;
    let older_year = bills
        .get(BILLS_SHOWN)
        .map(|bill| bill.issue_date.year().to_string());
    let now = app.portal.clock.now();
    let standing = store.standing(customer, now).await?;
    let bills = &bills[..bills.len().min(BILLS_SHOWN)];
    let mut bills = with_standing(&app, &visitor, bills, &standing).await?;
    let earlier = bills.split_off(bills.len().min(1));
    let state = store.enrolment_of(customer).await?;
    let paper_too = state.also_on_paper(app.portal.paper_until);
    let (enrolment, email) = match state {
        EnrolmentState::None => ("none", String::new()),
        EnrolmentState::Pending(record) => ("pending", masked(record.email.expose())),
        EnrolmentState::Active(record) => ("active", masked(record.email.expose())),
    };
    let waits = |record: &EnrolmentRecord| record.proof_expires.is_some_and(|end| end > now);
    let changes_to = match enrolment {
        "active" => store.waiting_enrolment(customer).await?.filter(waits),
        _ => None,
    };
    let changes_to = changes_to.map(|record| masked(record.email.expose()));
    let reminders = match app.portal.reminders && enrolment == "active" {
        true if store.wants_mails(customer, MailTopic::Reminders).await? => Some("on"),
        true => Some("off"),
        false => None,
    };
    let receipts = match enrolment {
        "active" if store.wants_mails(customer, MailTopic::Payments).await? => Some("on"),
        "active" => Some("off"),
        _ => None,
    };
    let readers = match enrolment {
        "active" => store.active_readers(std::slice::from_ref(customer)).await?,
        _ => HashMap::new(),
    };
    let readers = readers.get(customer).map_or(0, Vec::len);
    let autopay = match enrolment {
        "pending" => Value::from(()),
        _ => autopay::switch(&app, customer).await?,
    };
    let known = store.customer(customer).await?.ok_or(Failure::NotFound)?;
    let language = known.customer.language.tag();
    let number = customer.as_str();
    let texts = app.pages.texts(visitor.language);
    let credit = (standing.credit > Cents::ZERO)
        .then(|| texts.money(standing.credit, &app.portal.operator.currency));
    let latest = bills.pop();
    let closed = known.closed_on.map(|day| texts.date(day));
    let offer = pay::offer(&app, &visitor, &[(customer, &standing)]).await?;
    let page = app.pages.render(
        &visitor,
        "bills.html",
        context! {
            number, credit, latest, offer, earlier, older_year, enrolment, email, paper_too, changes_to, reminders, receipts, readers, autopay, language, closed,
            passkeys => app.passkeys.is_some(),
        },
    )?;
    Ok(page.into_response())
}

/// A customer's bills, each with what is open of it, what is on its way, and where it can be paid.
pub(super) async fn with_standing(
    app: &App,
    visitor: &Visitor,
    bills: &[BillRecord],
    standing: &Standing,
) -> Result<Vec<Value>, Failure> {
    let texts = app.pages.texts(visitor.language);
    let owed = |bill: &BillRecord| {
        let found = standing.bill(bill.number);
        found.map_or((Cents::ZERO, Cents::ZERO), |found| (found.open, found.due))
    };
    let open: Vec<_> = bills
        .iter()
        .filter(|bill| owed(bill).0 > Cents::ZERO)
        .map(|bill| (bill.number, &bill.account, bill.due_date))
        .take(pay::OPEN_MAX)
        .collect();
    let coming = pay::coming(app, visitor, &open).await?;
    let one = |bill: &BillRecord| {
        let (open, due) = owed(bill);
        let payable = open > Cents::ZERO;
        context! {
            paid => bill.to_pay > Cents::ZERO && !payable,
            rest => (payable && open < due).then(|| texts.money(open, &bill.currency)),
            coming => coming.get(&bill.number).filter(|_| payable),
            pay => payable.then(|| pay::path(app, bill.number)),
            ..shown(app, visitor.language, bill)
        }
    };
    Ok(bills.iter().map(one).collect())
}

/// An address that its owner recognises and another does not learn.
pub(crate) fn masked(email: &str) -> String {
    EmailAddress::parse(email).map_or_else(|_| "…".to_owned(), |address| address.masked())
}

/// The sealed file of one of the visitor's own bills (`<number>.pdf`), or those of a year
/// (`<year>.zip`) or of all (`all.zip`), by kind and payment. Another's bill is as unknown as none.
pub(crate) async fn download(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(file): Path<String>,
    Query(wanted): Query<year::Wanted>,
) -> Result<Response, Failure> {
    let customer = visitor.signed_in()?;
    if let Some(name) = file.strip_suffix(".zip") {
        return year::download(&app, customer, name, wanted).await;
    }
    let number: BillNumber = file
        .strip_suffix(".pdf")
        .and_then(|number| number.parse().ok())
        .ok_or(Failure::NotFound)?;
    let store = &app.portal.store;
    let mut bill = store.bill(number).await?;
    bill = bill.filter(|bill| visitor.points.contains(&bill.account));
    if let Some(found) = &bill {
        let holder = store.customer(&found.account).await?;
        if holder.is_some_and(|holder| holder.is_for_earlier_holder(found.period)) {
            bill = None;
        }
    }
    let Some(bill) = bill else {
        let who = app.portal.key.pseudonym("number", customer.as_str());
        let address = &visitor.address;
        tracing::info!(
            who,
            address,
            "a customer asked for a bill that is not theirs"
        );
        return Err(Failure::NotFound);
    };
    let pdf = app.portal.documents.bill_pdf(&bill).await?;
    Ok(saved_as(&format!("{number}.pdf"), "application/pdf", pdf))
}
