//! Passkeys of members of staff: their own keys, and signing in with one.

use axum::{
    Extension, Form,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kvit_store::PasskeyOwner;
use minijinja::context;
use serde::Deserialize;

use super::{
    door::{Officer, first, fresh, must_be_fresh},
    render,
    sign_in::{self, OwnForm, Way},
};
use crate::{
    App,
    failure::Failure,
    front::Visitor,
    passkeys::{
        self, Side,
        room::{self, ChangeForm, NewForm, Seen},
    },
};

const LIST: &str = "/staff/passkeys";

fn me(officer: &Officer) -> PasskeyOwner {
    PasskeyOwner::Staff(officer.login.clone())
}

async fn list_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    said: (&[(&str, &str)], Option<&Seen>),
) -> Result<Response, Failure> {
    let page = room::list(app, visitor, &me(officer), said).await?;
    let page = context! { fresh => fresh(app, officer), first => first(LIST), ..page };
    let page = render(app, visitor, Some(officer), "staff/passkeys.html", page)?;
    Ok(app.scripted(page))
}

pub(crate) async fn list(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Query(seen): Query<Seen>,
) -> Result<Response, Failure> {
    list_page(&app, &visitor, &officer, (&[], Some(&seen))).await
}

/// What the script needs to make a key.
pub(crate) async fn ask(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<OwnForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    must_be_fresh(&app, &officer, LIST)?;
    let name = officer.login.as_str();
    passkeys::ask_new(&app, &visitor, &me(&officer), name).await
}

pub(crate) async fn add(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<NewForm>,
) -> Result<Response, Failure> {
    must_be_fresh(&app, &officer, LIST)?;
    match room::added(&app, &visitor, (&me(&officer), &officer.session), &form).await? {
        None => Ok(room::back(LIST, "added")),
        Some(wrong) => wrong_page(&app, &visitor, &officer, wrong).await,
    }
}

pub(crate) async fn change(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<ChangeForm>,
) -> Result<Response, Failure> {
    if form.removes() {
        must_be_fresh(&app, &officer, LIST)?;
    }
    match room::changed(&app, &visitor, &me(&officer), &form).await? {
        Ok(done) => Ok(room::back(LIST, done)),
        Err(wrong) => wrong_page(&app, &visitor, &officer, wrong).await,
    }
}

async fn wrong_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    wrong: (&str, &str),
) -> Result<Response, Failure> {
    let page = list_page(app, visitor, officer, (&[wrong], None)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// What the script needs to sign in.
pub(crate) async fn ask_sign_in(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<OwnForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    passkeys::ask_sign_in(&app, &visitor, Side::Staff).await
}

#[derive(Deserialize)]
pub(crate) struct SignInForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    answer: String,
    #[serde(default)]
    next: String,
}

/// The device verified its owner, so this is both factors at once.
pub(crate) async fn sign_in(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    officer: Option<Extension<Officer>>,
    Form(form): Form<SignInForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let key = passkeys::sign_in(&app, &visitor, Side::Staff, &form.answer).await?;
    let account = match key.map(|key| key.owner) {
        Some(PasskeyOwner::Staff(login)) => app.portal.store.staff_member(&login).await?,
        _ => None,
    };
    let Some(account) = account else {
        return sign_in::refused(
            &app,
            &visitor,
            &form.next,
            ("passkey", "passkey-error-sign-in"),
        );
    };
    let earlier = officer.as_deref();
    let way = (Way::Passkey, app.portal.clock.now());
    sign_in::opened(&app, &visitor, earlier, &account, &form.next, way).await
}
