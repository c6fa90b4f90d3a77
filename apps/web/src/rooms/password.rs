//! A password beside the code, for customers who want one: set, changed and removed in the account, and signing in
//! with it. A forgotten one is replaced after signing in by a link.

use axum::{
    Extension, Form,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kvit_billing::{CustomerNumber, Language, Secret};
use kvit_store::EnrolmentState;
use minijinja::context;
use serde::Deserialize;

use super::{
    act,
    again::{self, Place},
    bills::open_session,
    go,
};
use crate::{
    App,
    credentials::{self, Unfit},
    failure::Failure,
    front::{Done, Visitor},
    gate::{self, Gate},
};

/// The shortest password that a customer may choose, in characters (ASVS 6.2.1).
const CHARS_MIN: usize = 8;
/// What is before the `@` of an address is no secret, but two letters are in many a password.
const OWN_CHARS_MIN: usize = 4;

#[derive(Deserialize)]
pub(crate) struct SignInForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    who: String,
    #[serde(default)]
    password: String,
}

pub(crate) async fn sign_in_form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    if visitor.customer.is_some() {
        return Ok(go("/bills"));
    }
    sign_in_page(&app, &visitor, "", &[])
}

fn sign_in_page(
    app: &App,
    visitor: &Visitor,
    who: &str,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let page = context! { who, errors => gate::faults(wrong) };
    let page = app.pages.render(visitor, "sign-in-password.html", page)?;
    Ok(page.into_response())
}

/// Number or address, and password, open a session. All that can be wrong with them looks alike.
pub(crate) async fn sign_in(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<SignInForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let knocked = gate::knock_with_password(&app, &visitor, &form.who, form.password);
    let (customer, door) = match knocked.await? {
        Gate::Open(customer, door) => (customer, door),
        Gate::Locked(until) => return gate::locked(&app, &visitor, until),
        Gate::Wrong(wrong) => {
            let page = sign_in_page(&app, &visitor, &form.who, &wrong)?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    let mut response = go("/bills");
    open_session(&app, &visitor, &customer, door, &mut response).await?;
    Ok(response)
}

pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Query(query): Query<Done>,
) -> Result<Response, Failure> {
    let notice = match query.done.as_str() {
        "set" => Some("password-done-set"),
        "removed" => Some("password-done-removed"),
        _ => None,
    };
    let customer = visitor.signed_in()?;
    own_page(&app, &visitor, customer, notice, &[]).await
}

async fn own_page(
    app: &App,
    visitor: &Visitor,
    customer: &CustomerNumber,
    notice: Option<&str>,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let known = app.portal.store.customer_password(customer).await?;
    let since = known.map(|known| texts.moment(known.set_at, &app.portal.time_zone));
    let page = context! {
        number => customer.as_str(), since, notice, errors => gate::faults(wrong),
        fresh => again::fresh(app, visitor), chars_min => CHARS_MIN,
    };
    let page = app.pages.render(visitor, "password.html", page)?;
    Ok(page.into_response())
}

#[derive(Deserialize)]
pub(crate) struct SetForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    new: String,
    #[serde(default)]
    repeated: String,
}

/// Sets a password, or another one: that it is the owner was asked just now. All other sessions end.
pub(crate) async fn set(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<SetForm>,
) -> Result<Response, Failure> {
    visitor.own_number(&form.form_token)?;
    let (Some(customer), Some(session)) = (&visitor.customer, &visitor.session) else {
        return Ok(go("/bills?ended"));
    };
    again::must_be_fresh(&app, &visitor, Place::Password)?;
    let wrong = match fit(&app, customer, &form.new).await? {
        Err(Unfit::Length) => Some(("new", "password-error-length")),
        Err(Unfit::Own) => Some(("new", "password-error-own")),
        Err(Unfit::Easy) => Some(("new", "password-error-easy")),
        Ok(()) if form.new != form.repeated => Some(("repeated", "password-error-repeated")),
        Ok(()) => None,
    };
    if let Some(wrong) = wrong {
        let page = own_page(&app, &visitor, customer, None, &[wrong]).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    if let Some(until) = gate::another_way_in(&app, customer).await? {
        return gate::locked(&app, &visitor, until);
    }
    let (new, rng) = (
        Secret::new(form.new),
        std::sync::Arc::clone(&app.portal.rng),
    );
    let hash = app
        .hashing
        .run(move || credentials::hash_password(new.expose(), rng.as_ref()))
        .await?;
    let set = act(&app, &visitor, customer, "password.set");
    let (store, session) = (&app.portal.store, session.hash());
    let set = store.set_customer_password(customer, &session, &hash, &set);
    if !set.await? {
        return Ok(go("/bills?ended"));
    }
    let mut response = go("/password?done=set");
    // Other browsers that were known are not any more.
    let mark = gate::new_mark(&app, &visitor, customer).await?;
    gate::remember(&app, mark.as_deref(), &mut response);
    Ok(response)
}

/// Whether the customer may choose this password.
async fn fit(
    app: &App,
    customer: &CustomerNumber,
    password: &str,
) -> Result<Result<(), Unfit>, Failure> {
    let mut own = vec![customer.to_string()];
    if let EnrolmentState::Active(record) = app.portal.store.enrolment_of(customer).await? {
        let name = record.email.expose().split('@').next().unwrap_or_default();
        if name.chars().count() >= OWN_CHARS_MIN {
            own.push(name.to_owned());
        }
    }
    let own: Vec<_> = own.iter().map(String::as_str).collect();
    let name = &app.portal.operator.short_name;
    let names = Language::ALL.map(|language| name.get(language));
    Ok(credentials::judge_password(
        password, CHARS_MIN, &own, &names,
    ))
}

#[derive(Deserialize)]
pub(crate) struct RemoveForm {
    #[serde(default)]
    form_token: String,
}

/// Without a password: number and code, a link, a passkey.
pub(crate) async fn remove(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<RemoveForm>,
) -> Result<Response, Failure> {
    visitor.own_number(&form.form_token)?;
    let (Some(customer), Some(session)) = (&visitor.customer, &visitor.session) else {
        return Ok(go("/bills?ended"));
    };
    again::must_be_fresh(&app, &visitor, Place::Password)?;
    let removed = act(&app, &visitor, customer, "password.removed");
    let (store, session) = (&app.portal.store, session.hash());
    let removed = store.remove_customer_password(customer, &session, &removed);
    if !removed.await? {
        return Ok(go("/password"));
    }
    let mut response = go("/password?done=removed");
    let mark = gate::new_mark(&app, &visitor, customer).await?;
    gate::remember(&app, mark.as_deref(), &mut response);
    Ok(response)
}
