//! Consent to e-bills: number and code, then an address, then a link sent to it.

use axum::{
    Extension, Form,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::SignedDuration;
use kvit_billing::{CustomerNumber, EnrolmentId, Secret, code::TokenPurpose};
use kvit_mail::{EmailAddress, typo_hint};
use kvit_store::{EnrolmentChannel, EnrolmentState, NewEnrolment, NewProof};
use minijinja::context;
use serde::Deserialize;

use super::{
    bills::{check_page, masked},
    go,
};
use crate::{App, failure::Failure, front::Visitor, gate, pages::sha256_hex};

#[derive(Deserialize)]
pub(crate) struct Prefill {
    #[serde(default)]
    n: String,
}

/// The first step for a stranger (the number filled in from the code on the bill), the second for
/// who is signed in.
pub(crate) async fn form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Query(query): Query<Prefill>,
) -> Result<Response, Failure> {
    match &visitor.customer {
        Some(customer) => email_page(&app, &visitor, customer, "", None, &[]),
        None => {
            let number = query.n.parse::<CustomerNumber>();
            let number = number.as_ref().map_or("", CustomerNumber::as_str);
            check_page(&app, &visitor, true, number, &[])
        }
    }
}

fn email_page(
    app: &App,
    visitor: &Visitor,
    customer: &CustomerNumber,
    typed: &str,
    suggestion: Option<String>,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let errors = gate::faults(wrong);
    let page = app.pages.render(
        visitor,
        "enrol.html",
        context! {
            number => customer.as_str(), typed, suggestion, errors,
            declaration_version => app.portal.declaration_version.clone(),
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
}

/// Keeps the consent and queues the mail that proves the address.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<EnrolForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let Some(customer) = visitor.customer.clone() else {
        return Ok(go("/enrol"));
    };
    let typed = form.email.trim();
    let Ok(email) = EmailAddress::parse(typed) else {
        let wrong = [("email", "error-email")];
        let page = email_page(&app, &visitor, &customer, typed, None, &wrong)?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    if let Some(suggestion) = typo_hint(typed).filter(|_| form.sure != typed) {
        return email_page(&app, &visitor, &customer, typed, Some(suggestion), &[]);
    }
    let portal = &app.portal;
    let now = portal.clock.now();
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
    enrol(&app, &visitor, customer, &email).await?;
    Ok(go("/enrol/sent"))
}

async fn enrol(
    app: &App,
    visitor: &Visitor,
    account: CustomerNumber,
    email: &EmailAddress,
) -> Result<(), Failure> {
    let portal = &app.portal;
    let now = portal.clock.now();
    let operator = portal.operator.name.get(visitor.language);
    let consent = app
        .pages
        .texts(visitor.language)
        .say("consent-text", &[("operator", operator)]);
    let mut evidence = visitor.evidence();
    evidence["text_sha256"] = sha256_hex(consent.as_bytes()).into();
    // A random token has the very form of an enrolment id.
    let id: EnrolmentId = app
        .random_token()
        .expose()
        .parse()
        .map_err(|_| Failure::NotFound)?;
    // Derived, not random: the worker that writes the mail derives it again.
    let proof = portal.key.token(TokenPurpose::ProveAddress, id.as_str());
    let hours = SignedDuration::from_hours(portal.limits.proof_hours.into());
    portal
        .store
        .enrol(&NewEnrolment {
            id,
            account,
            channel: EnrolmentChannel::Web,
            email: Secret::new(email.as_str().to_owned()),
            language: visitor.language,
            text_version: portal.declaration_version.clone(),
            evidence,
            at: now,
            proof: Some(NewProof {
                hash: proof.hash(),
                expires: now.saturating_add(hours).unwrap_or(now),
            }),
        })
        .await?;
    tracing::info!("an e-bill was asked for");
    Ok(())
}

/// Says where the link went and what comes next.
pub(crate) async fn sent(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    let Some(customer) = &visitor.customer else {
        return Ok(go("/enrol"));
    };
    let EnrolmentState::Pending(record) = app.portal.store.enrolment_of(customer).await? else {
        return Ok(go("/bills"));
    };
    let email = masked(record.email.expose());
    let hours = app.portal.limits.proof_hours;
    let page = app
        .pages
        .render(&visitor, "sent.html", context! { email, hours })?;
    Ok(page.into_response())
}
