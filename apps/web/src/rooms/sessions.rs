//! Where a customer's number is open, and how to close it everywhere.

use axum::{
    Extension, Form,
    extract::State,
    response::{IntoResponse, Response},
};
use minijinja::context;

use super::{
    again::{self, Place},
    bills::{FormToken, masked},
    go,
    points::kept_event,
};
use crate::{App, failure::Failure, front::Visitor};

/// Sessions that a page shows; closing closes all.
const SESSIONS_SHOWN: u32 = 20;

/// The sessions in which the number is open that is looked at.
pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    let (Some(customer), Some(session)) = (&visitor.customer, &visitor.session) else {
        return Ok(go("/bills?ended"));
    };
    let (now, own) = (app.portal.clock.now(), session.hash());
    let found = app.portal.store.sessions_of(customer, now, SESSIONS_SHOWN);
    let found = found.await?;
    let texts = app.pages.texts(visitor.language);
    let zone = &app.portal.time_zone;
    let sessions: Vec<_> = found
        .iter()
        .map(|one| {
            let device = match one.device.as_str() {
                "" => texts.say("sessions-unknown", &[]),
                device => device.to_owned(),
            };
            let since = texts.moment(one.opened_at, zone);
            let by = match one.opened_by.as_str() {
                "link" => "sessions-by-link",
                "passkey" => "sessions-by-passkey",
                "password" => "sessions-by-password",
                _ => "sessions-by-code",
            };
            let opened = texts.say(by, &[("when", &since)]);
            context! { device, opened, here => one.token == own }
        })
        .collect();
    let minutes = app.portal.limits.session_minutes;
    let passkeys = app.passkeys.is_some();
    let kept = app.portal.store.kept_elsewhere(customer).await?;
    let kept: Vec<_> = kept
        .iter()
        .map(|one| context! { email => masked(one.email.expose()), since => texts.moment(one.kept_at, zone) })
        .collect();
    let fresh = again::fresh(&app, &visitor);
    let page = context! { number => customer.as_str(), sessions, kept, minutes, passkeys, fresh };
    Ok(app
        .pages
        .render(&visitor, "sessions.html", page)?
        .into_response())
}

/// Closes them all, this one too.
pub(crate) async fn end(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<FormToken>,
) -> Result<Response, Failure> {
    visitor.own_number(&form.form_token)?;
    let customer = visitor.signed_in()?;
    again::must_be_fresh(&app, &visitor, Place::Sessions)?;
    app.portal.store.close_sessions_of(customer).await?;
    tracing::info!(
        who = app.portal.key.pseudonym("number", customer.as_str()),
        "a customer signed out everywhere"
    );
    let mut response = go("/?left");
    app.end_cookie(&mut response, "session");
    Ok(response)
}

/// Keeps the number with no other address any more.
pub(crate) async fn forget(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<FormToken>,
) -> Result<Response, Failure> {
    visitor.own_number(&form.form_token)?;
    let customer = visitor.signed_in()?;
    again::must_be_fresh(&app, &visitor, Place::Sessions)?;
    let forgotten = kept_event(&app, &visitor, customer);
    let store = &app.portal.store;
    store.forget_elsewhere(customer, &forgotten).await?;
    Ok(go("/sessions"))
}
