//! Proving once more who one is, before what changes how one gets in. The proof is of the number that is looked
//! at, by what opens it: its code, a link to its address, one of its passkeys, its password.
//!
//! A page that leads there is shown for ten minutes after a proof, and its form is taken for five more.

use axum::{
    Extension, Form,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::SignedDuration;
use kvit_billing::CustomerNumber;
use kvit_store::{EnrolmentState, SessionDoor, Widened, WiderSession};
use minijinja::context;
use serde::Deserialize;

use super::{
    bills::{give_session, masked},
    go, passkeys, sign_in,
};
use crate::{
    App,
    failure::Failure,
    front::{BACK_COOKIE, Visitor},
    gate::{self, Gate, Identity},
    passkeys::room::{self, NewForm},
};

/// A proof counts so long for showing a page, in minutes.
pub(crate) const FRESH_MINUTES: i64 = 10;
/// And so much longer for what was filled in there.
pub(crate) const FORM_MINUTES: i64 = 5;
/// As long as the link works.
const BACK_SECONDS: u32 = 30 * 60;

/// What asks for a fresh proof, and is gone back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Code,
    Enrol,
    Passkeys,
    Password,
    Readers,
    Sessions,
}

impl Place {
    const ALL: [Self; 6] = [
        Self::Code,
        Self::Enrol,
        Self::Passkeys,
        Self::Password,
        Self::Readers,
        Self::Sessions,
    ];

    /// Its page; without the slash, the word in addresses and forms.
    const fn path(self) -> &'static str {
        match self {
            Self::Code => "/code",
            Self::Enrol => "/enrol",
            Self::Passkeys => "/passkeys",
            Self::Password => "/password",
            Self::Readers => "/readers",
            Self::Sessions => "/sessions",
        }
    }

    fn word(self) -> &'static str {
        &self.path()[1..]
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.word() == word)
    }
}

/// Whether the proof of the number that is looked at is so young.
fn proven_within(app: &App, visitor: &Visitor, minutes: i64) -> bool {
    let oldest = app.portal.clock.now() - SignedDuration::from_mins(minutes);
    visitor.proven_at.is_some_and(|at| at > oldest)
}

/// Whether a page shows what changes how one gets in, or leads to the proof first.
pub(crate) fn fresh(app: &App, visitor: &Visitor) -> bool {
    proven_within(app, visitor, FRESH_MINUTES)
}

/// Before such a change is made. Who is signed out is led to the door by whoever asks.
pub(crate) fn must_be_fresh(app: &App, visitor: &Visitor, place: Place) -> Result<(), Failure> {
    if visitor.customer.is_none() || proven_within(app, visitor, FRESH_MINUTES + FORM_MINUTES) {
        Ok(())
    } else {
        Err(first(place))
    }
}

/// Leads to the proof, and from there to the place.
pub(crate) fn first(place: Place) -> Failure {
    Failure::See(format!("/again?to={}", place.word()))
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    to: String,
}

pub(crate) async fn form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let place = Place::parse(&asked.to).ok_or(Failure::NotFound)?;
    visitor.signed_in()?;
    if fresh(&app, &visitor) {
        return Ok(go(place.path()));
    }
    page(&app, &visitor, place, &[]).await
}

async fn page(
    app: &App,
    visitor: &Visitor,
    place: Place,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let customer = visitor.signed_in()?;
    let email = match app.portal.store.enrolment_of(customer).await? {
        EnrolmentState::Active(record) => Some(masked(record.email.expose())),
        _ => None,
    };
    let password = app
        .portal
        .store
        .customer_password(customer)
        .await?
        .is_some();
    let page = context! {
        password, number => customer.as_str(), to => place.word(), back => place.path(), email,
        passkeys => app.passkeys.is_some(), errors => gate::faults(wrong),
    };
    let page = app.pages.render(visitor, "again.html", page)?;
    Ok(app.scripted(page.into_response()))
}

async fn refused(
    app: &App,
    visitor: &Visitor,
    place: Place,
    wrong: (&str, &str),
) -> Result<Response, Failure> {
    let page = page(app, visitor, place, &[wrong]).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

#[derive(Deserialize)]
pub(crate) struct CodeForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    code: String,
}

/// By the door of signing in, with its limits.
pub(crate) async fn code(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<CodeForm>,
) -> Result<Response, Failure> {
    visitor.own_number(&form.form_token)?;
    let customer = visitor.signed_in()?;
    let place = Place::parse(&form.to).ok_or(Failure::NotFound)?;
    let identity = Identity {
        number: customer.to_string(),
        code: form.code,
    };
    match gate::knock(&app, &visitor, &identity).await? {
        Gate::Open(_, door) => proven(&app, &visitor, customer, door, place).await,
        Gate::Locked(until) => gate::locked(&app, &visitor, until),
        Gate::Wrong(_) => refused(&app, &visitor, place, ("code", "error-again-code")).await,
    }
}

#[derive(Deserialize)]
pub(crate) struct LinkForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    to: String,
}

/// Mails a link; in this browser it leads on to the place.
pub(crate) async fn link(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<LinkForm>,
) -> Result<Response, Failure> {
    visitor.own_number(&form.form_token)?;
    let customer = visitor.signed_in()?;
    let place = Place::parse(&form.to).ok_or(Failure::NotFound)?;
    let mut response = sign_in::ask(&app, &visitor, customer).await?;
    if response.status().is_success() {
        let age = Some(BACK_SECONDS);
        app.set_cookie(&mut response, BACK_COOKIE, place.word(), age);
    }
    Ok(response)
}

/// With one of the number's own passkeys.
pub(crate) async fn passkey(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<NewForm>,
) -> Result<Response, Failure> {
    let answer = room::answer(&visitor, &form)?;
    let customer = visitor.signed_in()?;
    let place = Place::parse(&form.next).ok_or(Failure::NotFound)?;
    match passkeys::opens(&app, &visitor, answer).await? {
        Some((number, door)) if number == *customer => {
            proven(&app, &visitor, customer, door, place).await
        }
        _ => {
            let wrong = ("passkey", "passkey-error-sign-in");
            refused(&app, &visitor, place, wrong).await
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct PasswordForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    password: String,
}

/// By the door of signing in with it, with its limits.
pub(crate) async fn password(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<PasswordForm>,
) -> Result<Response, Failure> {
    visitor.own_number(&form.form_token)?;
    let customer = visitor.signed_in()?;
    let place = Place::parse(&form.to).ok_or(Failure::NotFound)?;
    let who = customer.as_str();
    match gate::knock_with_password(&app, &visitor, who, form.password).await? {
        Gate::Open(_, door) => proven(&app, &visitor, customer, door, place).await,
        Gate::Locked(until) => gate::locked(&app, &visitor, until),
        Gate::Wrong(_) => {
            let wrong = ("password", "error-again-password");
            refused(&app, &visitor, place, wrong).await
        }
    }
}

/// The number was proven: the session goes on under a new token, no longer than before.
pub(super) async fn proven(
    app: &App,
    visitor: &Visitor,
    customer: &CustomerNumber,
    door: SessionDoor,
    place: Place,
) -> Result<Response, Failure> {
    let session = visitor.session.as_ref().ok_or(Failure::NotFound)?;
    let token = app.random_token();
    let new = WiderSession {
        token: token.hash(),
        account: customer.clone(),
        door,
        keep_with: None,
        device: visitor.device.clone(),
        at: app.portal.clock.now(),
    };
    let to = [(header::LOCATION, place.path())];
    let mut response = (StatusCode::SEE_OTHER, to).into_response();
    let (store, session) = (&app.portal.store, session.hash());
    // A browser that pressed twice goes on with the first press; whose session has ended is led to the door there.
    if let Widened::Until(until) = store.widen_session(&session, &new).await? {
        let who = app.portal.key.pseudonym("number", customer.as_str());
        let address = &visitor.address;
        tracing::info!(who, address, "a customer proved again who they are");
        give_session(app, &token, until, &mut response);
    }
    Ok(response)
}
