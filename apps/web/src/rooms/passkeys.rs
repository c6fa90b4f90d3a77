//! Passkeys of customers: the keys of the one who is signed in, and signing in with one.

use axum::{
    Extension, Form,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kvit_billing::CustomerNumber;
use kvit_store::{PasskeyOwner, SessionDoor};
use minijinja::context;

use super::{
    act,
    again::{self, Place},
    bills::{FormToken, check_page, open_session},
    go,
};
use crate::{
    App,
    failure::Failure,
    front::Visitor,
    gate,
    passkeys::{
        self, Side,
        room::{self, ChangeForm, NewForm, Seen},
    },
};

const LIST: &str = "/passkeys";

/// Whose keys; who is not signed in is led to the sign-in.
fn me(visitor: &Visitor) -> Result<PasskeyOwner, Failure> {
    Ok(PasskeyOwner::Customer(visitor.signed_in()?.clone()))
}

async fn list_page(
    app: &App,
    visitor: &Visitor,
    owner: &PasskeyOwner,
    said: (&[(&str, &str)], Option<&Seen>),
) -> Result<Response, Failure> {
    let page = room::list(app, visitor, owner, said).await?;
    let page =
        context! { fresh => again::fresh(app, visitor), first => "/again?to=passkeys", ..page };
    let page = app.pages.render(visitor, "passkeys.html", page)?;
    Ok(app.scripted(page.into_response()))
}

pub(crate) async fn list(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Query(seen): Query<Seen>,
) -> Result<Response, Failure> {
    list_page(&app, &visitor, &me(&visitor)?, (&[], Some(&seen))).await
}

/// What the script needs to make a key.
pub(crate) async fn ask(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<FormToken>,
) -> Result<Response, Failure> {
    visitor.own_number(&form.form_token)?;
    again::must_be_fresh(&app, &visitor, Place::Passkeys)?;
    let owner = me(&visitor)?;
    let number = visitor.customer.as_ref().map(CustomerNumber::as_str);
    passkeys::ask_new(&app, &visitor, &owner, number.unwrap_or_default()).await
}

pub(crate) async fn add(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<NewForm>,
) -> Result<Response, Failure> {
    let owner = me(&visitor)?;
    again::must_be_fresh(&app, &visitor, Place::Passkeys)?;
    if let Some(number) = &visitor.customer
        && let Some(until) = gate::another_way_in(&app, number).await?
    {
        return gate::locked(&app, &visitor, until);
    }
    let session = visitor.session.as_ref().ok_or(Failure::NotFound)?;
    match room::added(&app, &visitor, (&owner, session), &form).await? {
        None => Ok(room::back(LIST, "added")),
        Some(wrong) => wrong_page(&app, &visitor, &owner, wrong).await,
    }
}

pub(crate) async fn change(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<ChangeForm>,
) -> Result<Response, Failure> {
    let owner = me(&visitor)?;
    if form.removes() {
        again::must_be_fresh(&app, &visitor, Place::Passkeys)?;
    }
    match room::changed(&app, &visitor, &owner, &form).await? {
        Ok(done) => Ok(room::back(LIST, done)),
        Err(wrong) => wrong_page(&app, &visitor, &owner, wrong).await,
    }
}

async fn wrong_page(
    app: &App,
    visitor: &Visitor,
    owner: &PasskeyOwner,
    wrong: (&str, &str),
) -> Result<Response, Failure> {
    let page = list_page(app, visitor, owner, (&[wrong], None)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// What the script needs to sign in.
pub(crate) async fn ask_sign_in(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<FormToken>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    passkeys::ask_sign_in(&app, &visitor, Side::Customers).await
}

/// A key of this device opens a session, as number and code do.
pub(crate) async fn sign_in(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<NewForm>,
) -> Result<Response, Failure> {
    let answer = room::answer(&visitor, &form)?;
    let Some((number, door)) = opens(&app, &visitor, answer).await? else {
        let wrong = [("passkey", "passkey-error-sign-in")];
        let page = check_page(&app, &visitor, false, "", &wrong, None)?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    let mut response = go("/bills");
    open_session(&app, &visitor, &number, door, &mut response).await?;
    Ok(response)
}

/// The customer whose passkey gave this answer, and the door that it is; it is in the trail.
pub(super) async fn opens(
    app: &App,
    visitor: &Visitor,
    answer: &str,
) -> Result<Option<(CustomerNumber, SessionDoor)>, Failure> {
    let key = passkeys::sign_in(app, visitor, Side::Customers, answer).await?;
    let Some((PasskeyOwner::Customer(number), id)) = key.map(|key| (key.owner, key.id)) else {
        return Ok(None);
    };
    let mut opened = act(app, visitor, &number, "customer.signed-in");
    opened.detail["way"] = "passkey".into();
    app.portal.store.record_event(&opened).await?;
    Ok(Some((number, SessionDoor::Passkey(id))))
}
