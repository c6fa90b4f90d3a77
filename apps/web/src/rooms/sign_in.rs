//! Signing in by a link to the address that gets the bills, for who has no code at hand.

use axum::{
    Extension, Form,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kvit_billing::{
    CustomerNumber, DeliveryId,
    code::{Token, TokenPurpose},
};
use kvit_store::{NewSignIn, SIGN_IN_MINUTES, SessionDoor, SignIn};
use minijinja::context;
use serde::Deserialize;

use super::{again, bills::open_session, go};
use crate::{
    App,
    failure::Failure,
    front::{BACK_COOKIE, Visitor},
    gate::{self, typed_number},
};

/// So many times the links for a number from one network go to its mailbox from all: 20 in a quarter of an hour.
const NETWORKS: u32 = 4;

pub(crate) async fn form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    if visitor.customer.is_some() {
        return Ok(go("/bills"));
    }
    number_page(&app, &visitor, "", &[])
}

fn number_page(
    app: &App,
    visitor: &Visitor,
    number: &str,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let errors = gate::faults(wrong);
    let page = context! { number, errors, passkeys => app.passkeys.is_some() };
    let page = app.pages.render(visitor, "sign-in.html", page)?;
    Ok(app.scripted(page.into_response()))
}

#[derive(Deserialize)]
pub(crate) struct SignInForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    number: String,
}

/// The answer is the same for every number, and given before anything is looked up: neither its words
/// nor its time tell who gets bills by mail.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<SignInForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let Some(number) = typed_number(&form.number) else {
        let wrong = [("number", "error-number")];
        let page = number_page(&app, &visitor, &form.number, &wrong)?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    ask(&app, &visitor, &number).await
}

/// Has a link mailed, unless too many were asked for.
pub(super) async fn ask(
    app: &App,
    visitor: &Visitor,
    number: &CustomerNumber,
) -> Result<Response, Failure> {
    // Nobody's mailbox may be flooded through us.
    let (portal, limits) = (&app.portal, &app.portal.limits);
    let pseudonym = portal.key.pseudonym("number", number.as_str());
    let network = &visitor.address;
    let guards = [
        (
            format!("signin-number-{pseudonym}-{network}"),
            limits.per_number,
        ),
        (
            format!("signin-number-{pseudonym}"),
            gate::wider(limits.per_number, NETWORKS),
        ),
        (format!("signin-address-{network}"), limits.per_address),
    ];
    let now = portal.clock.now();
    // All are asked before any is counted: an address that is locked out must not use up a number's.
    for (guard, _) in &guards {
        if let Some(until) = portal.store.guard(guard, now).await?.blocked_until {
            return gate::locked(app, visitor, until);
        }
    }
    for (guard, policy) in &guards {
        portal.store.guard_fail(guard, now, policy).await?;
    }
    let page = sent_page(app, visitor, number)?;
    tokio::spawn(queue(App::clone(app), number.clone()));
    Ok(page)
}

/// Queues the mail. A death before leaves somebody without a link, who asks again.
async fn queue(app: App, account: CustomerNumber) {
    let portal = &app.portal;
    // A random token has the very form of an entry id.
    let Ok(entry) = app.random_token().expose().parse() else {
        return;
    };
    let id = DeliveryId::sign_in_of(&entry);
    // Derived, not random: the worker that writes the mail derives it again.
    let token = portal.key.token(TokenPurpose::SignIn, id.as_str()).hash();
    let at = portal.clock.now();
    let new = NewSignIn {
        id,
        account,
        token,
        at,
    };
    if let Err(error) = portal.store.ask_sign_in(&new).await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a link was not queued"
        );
    }
}

fn sent_page(app: &App, visitor: &Visitor, number: &CustomerNumber) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let minutes = SIGN_IN_MINUTES.to_string();
    let values = [("number", number.as_str()), ("minutes", &minutes)];
    let links = [context! { href => "/bills", text => texts.say("signin-with-code", &[]) }];
    let page = app.pages.render(
        visitor,
        "said.html",
        context! {
            good => true, title => texts.say("signin-sent-title", &[]), links, bill => (),
            text => texts.say("signin-sent-text", &values), more => texts.say("signin-sent-more", &[]),
        },
    )?;
    Ok(page.into_response())
}

/// From the mail: a button, because mail scanners open every link.
pub(crate) async fn link_form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let found = match Token::parse(&token) {
        Some(token) => {
            let now = app.portal.clock.now();
            app.portal.store.sign_in_link(&token.hash(), now).await?
        }
        None => SignIn::Over,
    };
    let SignIn::Open(number, language, enrolment) = found else {
        return over(&app, &visitor);
    };
    let visitor = visitor.speaking(language);
    let texts = app.pages.texts(visitor.language);
    let text = if app.portal.store.enrolments_at(&enrolment).await? > 1 {
        "signin-open-text-all"
    } else {
        "signin-open-text"
    };
    let page = app.pages.render(
        &visitor,
        "ask.html",
        context! {
            title => texts.say("signin-open-title", &[]), action => visitor.path.clone(), bill => (),
            text => texts.say(text, &[("number", number.as_str())]),
            button => texts.say("signin-open-button", &[]), after => texts.say("signin-open-after", &[]),
        },
    )?;
    Ok(page.into_response())
}

#[derive(Deserialize)]
pub(crate) struct LinkForm {
    #[serde(default)]
    form_token: String,
}

/// The button was pressed. The form has to be this browser's: else a stranger could sign somebody in to
/// the stranger's own bills.
pub(crate) async fn link(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
    Form(form): Form<LinkForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let now = app.portal.clock.now();
    let used = match Token::parse(&token) {
        Some(token) => {
            let evidence = visitor.evidence();
            let store = &app.portal.store;
            store.use_sign_in(&token.hash(), now, &evidence).await?
        }
        None => SignIn::Over,
    };
    let SignIn::Open(number, _, enrolment) = used else {
        return over(&app, &visitor);
    };
    // Asked for in a session that opens this number: that one goes on, where it had stopped.
    if let Some(place) = visitor.back_to
        && visitor.points.contains(&number)
    {
        let door = SessionDoor::Link(enrolment);
        let mut response = again::proven(&app, &visitor, &number, door, place).await?;
        app.set_cookie(&mut response, BACK_COOKIE, "", Some(0));
        return Ok(response);
    }
    // The address is proven: with more than one number at it, the page of them all comes first.
    let several = app.portal.store.enrolments_at(&enrolment).await? > 1;
    let mut response = go(if several { "/points" } else { "/bills" });
    let door = SessionDoor::Link(enrolment);
    open_session(&app, &visitor, &number, door, &mut response).await?;
    Ok(response)
}

fn over(app: &App, visitor: &Visitor) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let minutes = SIGN_IN_MINUTES.to_string();
    let links = [context! { href => "/sign-in", text => texts.say("signin-again", &[]) }];
    let page = app.pages.render(
        visitor,
        "said.html",
        context! {
            good => false, title => texts.say("signin-over-title", &[]), links, bill => (), more => (),
            text => texts.say("signin-over-text", &[("minutes", &minutes)]),
        },
    )?;
    Ok((StatusCode::NOT_FOUND, page).into_response())
}
