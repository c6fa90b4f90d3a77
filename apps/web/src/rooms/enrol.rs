//! Consent to e-bills: number and code, then an address, then a link sent to it.

use axum::{
    Extension, Form,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::SignedDuration;
use kvit_billing::{CustomerNumber, EnrolmentId, PaperUntil, code::TokenPurpose};
use kvit_mail::EmailAddress;
use kvit_store::{EnrolmentChannel, EnrolmentRecord, EnrolmentState};
use minijinja::context;
use serde::Deserialize;

use super::{
    again::{self, Place},
    bills::{check_page, masked},
    go,
};
use crate::{
    App,
    consent::{Consent, new_id},
    failure::Failure,
    front::Visitor,
    gate,
};

/// Within this, the same address given again is the same press of the button.
const SAME_PRESS: SignedDuration = SignedDuration::from_mins(2);

#[derive(Deserialize)]
pub(crate) struct Prefill {
    #[serde(default)]
    n: String,
    /// Whether the visitor's session ended while the form was filled in.
    ended: Option<String>,
}

/// The first step for a stranger (the number filled in from the code on the bill), the second for
/// who is signed in.
pub(crate) async fn form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Query(query): Query<Prefill>,
) -> Result<Response, Failure> {
    match &visitor.customer {
        Some(_) if !again::fresh(&app, &visitor) => Err(again::first(Place::Enrol)),
        Some(customer) => email_page(&app, &visitor, customer, "", None, &[]).await,
        None => {
            let number = gate::typed_number(&query.n);
            let number = number.as_ref().map_or("", CustomerNumber::as_str);
            let notice = query.ended.map(|_| "session-ended");
            check_page(&app, &visitor, true, number, &[], notice)
        }
    }
}

async fn email_page(
    app: &App,
    visitor: &Visitor,
    customer: &CustomerNumber,
    typed: &str,
    suggestion: Option<String>,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let errors = gate::faults(wrong);
    let now_at = match app.portal.store.enrolment_of(customer).await? {
        EnrolmentState::Active(record) => Some(masked(record.email.expose())),
        _ => None,
    };
    let page = app.pages.render(
        visitor,
        "enrol.html",
        context! {
            number => customer.as_str(), typed, suggestion, errors, now_at,
            declaration_version => app.portal.declaration_version.clone(),
            paper_too => app.portal.paper_until == PaperUntil::FirstConfirmed,
        },
    )?;
    Ok(page.into_response())
}

#[derive(Deserialize)]
pub(crate) struct EnrolForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    email: String,
    /// The address of which a misspelling was suggested already.
    #[serde(default)]
    sure: String,
    /// The suggested address, where its own button was pressed.
    #[serde(default)]
    instead: String,
}

/// Keeps the consent and queues the mail that proves the address.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(mut form): Form<EnrolForm>,
) -> Result<Response, Failure> {
    visitor.own_number(&form.form_token)?;
    let Some(customer) = visitor.customer.clone() else {
        return Ok(go("/enrol?ended"));
    };
    again::must_be_fresh(&app, &visitor, Place::Enrol)?;
    gate::take_address(&mut form.email, &form.sure, &form.instead);
    let typed = form.email.as_str();
    let suggestion = gate::meant(typed);
    let email = match EmailAddress::parse(typed) {
        Ok(email) => email,
        Err(fault) => {
            let wrong = [gate::email_fault(fault)];
            let page = email_page(&app, &visitor, &customer, typed, suggestion, &wrong).await?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    if suggestion.is_some() && form.sure != typed {
        return email_page(&app, &visitor, &customer, typed, suggestion, &[]).await;
    }
    let portal = &app.portal;
    let now = portal.clock.now();
    let _one_at_a_time = app.locks.of(&customer).lock().await;
    let same = |record: &EnrolmentRecord| record.email.expose() == email.as_str();
    if let EnrolmentState::Active(record) = portal.store.enrolment_of(&customer).await?
        && same(&record)
    {
        let wrong = [("email", "error-email-same")];
        let page = email_page(&app, &visitor, &customer, typed, None, &wrong).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    // Pressed twice, or sent again by the back button: one mail is enough.
    if let Some(record) = portal.store.waiting_enrolment(&customer).await?
        && same(&record)
        && now.duration_since(record.created_at) < SAME_PRESS
    {
        return Ok(go_sent(&record.id));
    }
    // Nobody's mailbox may be flooded through us.
    let pseudonym = portal.key.pseudonym("number", customer.as_str());
    let guard = format!("enrol-{pseudonym}");
    if let Some(until) = portal.store.guard(&guard, now).await?.blocked_until {
        return gate::locked(&app, &visitor, until);
    }
    portal
        .store
        .guard_fail(&guard, now, &portal.limits.per_number)
        .await?;
    let id = enrol(&app, &visitor, customer, &email).await?;
    Ok(go_sent(&id))
}

/// To the page that says where the link went. The id opens nothing: the link's token is derived
/// from it with the instance key.
fn go_sent(id: &EnrolmentId) -> Response {
    let to = [(header::LOCATION, format!("/enrol/sent?id={id}"))];
    (StatusCode::SEE_OTHER, to).into_response()
}

async fn enrol(
    app: &App,
    visitor: &Visitor,
    account: CustomerNumber,
    email: &EmailAddress,
) -> Result<EnrolmentId, Failure> {
    let id = new_id(app)?;
    let consent = Consent {
        id: id.clone(),
        account: &account,
        channel: EnrolmentChannel::Web,
        email,
        language: visitor.language,
        text: Some(visitor.language),
        text_version: None,
        evidence: visitor.evidence(),
    };
    let new = consent.awaiting_proof(app);
    let over = || Failure::See("/enrol?ended".to_owned());
    let session = visitor.session.as_ref().ok_or_else(over)?;
    if !app.portal.store.enrol_in(&session.hash(), &new).await? {
        return Err(over());
    }
    tracing::info!("an e-bill was asked for");
    Ok(id)
}

#[derive(Deserialize)]
pub(crate) struct Sent {
    #[serde(default)]
    id: String,
}

/// Says where the link went and what comes next.
pub(crate) async fn sent(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Query(sent): Query<Sent>,
) -> Result<Response, Failure> {
    let Some(customer) = &visitor.customer else {
        return Ok(go("/enrol?ended"));
    };
    let portal = &app.portal;
    let record = match sent.id.parse::<EnrolmentId>() {
        Ok(id) => {
            let proof = portal.key.token(TokenPurpose::ProveAddress, id.as_str());
            portal.store.enrolment_by_proof(&proof.hash()).await?
        }
        Err(_) => None,
    };
    let waiting = |record: &EnrolmentRecord| {
        record.account == *customer && record.proven_at.is_none() && record.ended_at.is_none()
    };
    let Some(record) = record.filter(waiting) else {
        return Ok(go("/bills"));
    };
    let email = masked(record.email.expose());
    let hours = app.portal.limits.proof_hours;
    let page = app
        .pages
        .render(&visitor, "sent.html", context! { email, hours })?;
    Ok(page.into_response())
}
