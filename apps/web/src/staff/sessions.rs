//! Where a member of staff is signed in: seen and ended by themselves, and ended by an administrator.

use axum::{
    Extension, Form,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use kvit_billing::code::TokenHash;
use kvit_store::StaffSessionView;
use minijinja::context;
use serde::Deserialize;
use serde_json::json;

use super::{
    door::{self, Officer},
    event, render,
};
use crate::{
    App,
    failure::Failure,
    front::{Done, Visitor},
};

const HERE: &str = "/staff/sessions";

/// A session's name in forms: what is stored of its token is nobody's to see.
fn name(app: &App, token: &TokenHash) -> String {
    app.portal
        .key
        .pseudonym("staff-session", &hex::encode(token.0))
}

async fn mine(app: &App, officer: &Officer) -> Result<Vec<StaffSessionView>, Failure> {
    let (store, now) = (&app.portal.store, app.portal.clock.now());
    let found = store.staff_sessions_of(&officer.login, now, door::idle());
    Ok(found.await?)
}

pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Query(query): Query<Done>,
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let zone = &app.portal.time_zone;
    let own = officer.session.hash();
    let found = mine(&app, &officer).await?;
    let sessions: Vec<_> = found
        .iter()
        .map(|one| {
            let device = match one.device.as_str() {
                "" => texts.say("sessions-unknown", &[]),
                device => device.to_owned(),
            };
            let by = match one.opened_by.as_str() {
                "passkey" => "staff-sessions-by-passkey",
                "oidc" => "staff-sessions-by-oidc",
                _ => "staff-sessions-by-password",
            };
            let opened = texts.say(by, &[("when", &texts.moment(one.opened_at, zone))]);
            let seen = texts.moment(one.seen_at, zone);
            context! { name => name(&app, &one.token), device, opened, seen, here => one.token == own }
        })
        .collect();
    let notice = (query.done == "ended").then_some("staff-sessions-ended");
    let several = sessions.len() > 1;
    let page = context! {
        sessions, several, notice, fresh => door::fresh(&app, &officer), first => door::first(HERE),
    };
    render(&app, &visitor, Some(&officer), "staff/sessions.html", page)
}

#[derive(Deserialize)]
pub(crate) struct EndForm {
    #[serde(default)]
    form_token: String,
    /// A session's name, or `others`.
    #[serde(default)]
    which: String,
}

/// Ends one of one's own sessions, or all but this one. Which has ended meanwhile needs no end.
pub(crate) async fn end(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<EndForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    door::must_be_fresh(&app, &officer, HERE)?;
    let own = officer.session.hash();
    let found = mine(&app, &officer).await?;
    let meant: Vec<_> = found
        .iter()
        .map(|one| one.token)
        .filter(|token| *token != own)
        .filter(|token| form.which == "others" || name(&app, token) == form.which)
        .collect();
    if !meant.is_empty() {
        let subject = format!("staff/{}", officer.login);
        let detail = json!({ "sessions": meant.len() });
        let ended = event(&app, &officer, "staff.sessions-ended", subject, detail);
        let store = &app.portal.store;
        store
            .end_some_staff_sessions(&officer.login, &meant, &ended)
            .await?;
    }
    let to = [(header::LOCATION, format!("{HERE}?done=ended"))];
    Ok((StatusCode::SEE_OTHER, to).into_response())
}
