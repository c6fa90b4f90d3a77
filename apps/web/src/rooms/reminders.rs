//! Which mails a customer wants: of reminders one press on the link in one ends them, and beside the bills is a switch for
//! them and for mails about payments.

use axum::{
    Extension, Form,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kvit_billing::code::Token;
use kvit_store::{EnrolmentState, MailTopic, ReminderLink};
use minijinja::context;
use serde::Deserialize;

use super::go;
use crate::{App, failure::Failure, front::Visitor};

/// What to say.
#[derive(Clone, Copy)]
enum Said {
    Done,
    Already,
    /// The mail's address gets no bills any more: an old one must not speak for the new one.
    Elsewhere,
    Unknown,
}

/// From the link in a reminder: the button. Opening it changes nothing.
pub(crate) async fn link_form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let Some(link) = found(&app, &token).await? else {
        return say(&app, &visitor, Said::Unknown);
    };
    let visitor = visitor.speaking(link.language);
    if !still_goes_there(&app, &link).await? {
        return say(&app, &visitor, Said::Elsewhere);
    }
    if !app
        .portal
        .store
        .wants_mails(&link.account, MailTopic::Reminders)
        .await?
    {
        return say(&app, &visitor, Said::Already);
    }
    let texts = app.pages.texts(visitor.language);
    let number = link.account.as_str();
    let page = app.pages.render(
        &visitor,
        "ask.html",
        context! {
            title => texts.say("reminders-stop-title", &[]), action => visitor.path.clone(),
            text => texts.say("reminders-stop-text", &[("number", number)]),
            button => texts.say("reminders-stop-button", &[]), bill => (), after => (),
        },
    )?;
    Ok(page.into_response())
}

/// The button was pressed.
pub(crate) async fn link(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let Some(link) = found(&app, &token).await? else {
        return say(&app, &visitor, Said::Unknown);
    };
    let visitor = visitor.speaking(link.language);
    if !still_goes_there(&app, &link).await? {
        return say(&app, &visitor, Said::Elsewhere);
    }
    let mut evidence = visitor.evidence();
    evidence["delivery"] = link.id.as_str().into();
    let (portal, account) = (&app.portal, &link.account);
    let now = portal.clock.now();
    let chosen = portal
        .store
        .choose_mails(account, (MailTopic::Reminders, false), now, &evidence, None)
        .await?;
    let said = if chosen { Said::Done } else { Said::Already };
    say(&app, &visitor, said)
}

#[derive(Deserialize)]
pub(crate) struct Switch {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    wanted: String,
    /// `reminders` or `payments`.
    #[serde(default)]
    about: String,
}

/// The switch beside the bills, for who is signed in.
pub(crate) async fn switch(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<Switch>,
) -> Result<Response, Failure> {
    visitor.own_number(&form.form_token)?;
    let customer = visitor.signed_in()?;
    let wanted = match form.wanted.as_str() {
        "on" => true,
        "off" => false,
        _ => return Ok(go("/bills")),
    };
    let Some(about) = MailTopic::parse(&form.about) else {
        return Ok(go("/bills"));
    };
    let (portal, evidence) = (&app.portal, visitor.evidence());
    let now = portal.clock.now();
    portal
        .store
        .choose_mails(customer, (about, wanted), now, &evidence, None)
        .await?;
    Ok(go("/bills"))
}

async fn found(app: &App, token: &str) -> Result<Option<ReminderLink>, Failure> {
    match Token::parse(token) {
        Some(token) => Ok(app.portal.store.reminder_link(&token.hash()).await?),
        None => Ok(None),
    }
}

async fn still_goes_there(app: &App, link: &ReminderLink) -> Result<bool, Failure> {
    let state = app.portal.store.enrolment_of(&link.account).await?;
    Ok(matches!(state, EnrolmentState::Active(record) if record.email == link.email))
}

fn say(app: &App, visitor: &Visitor, said: Said) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let (status, title, text) = match said {
        Said::Done => (
            StatusCode::OK,
            "reminders-done-title",
            "reminders-done-text",
        ),
        Said::Already => (
            StatusCode::OK,
            "reminders-already-title",
            "reminders-already-text",
        ),
        Said::Elsewhere => (
            StatusCode::OK,
            "reminders-elsewhere-title",
            "reminders-elsewhere-text",
        ),
        Said::Unknown => (
            StatusCode::NOT_FOUND,
            "reminders-unknown-title",
            "reminders-unknown-text",
        ),
    };
    let links = [context! { href => "/bills", text => texts.say("nav-bills", &[]) }];
    let page = app.pages.render(
        visitor,
        "said.html",
        context! {
            good => status.is_success(), title => texts.say(title, &[]),
            text => texts.say(text, &[]), links, bill => (), more => (),
        },
    )?;
    Ok((status, page).into_response())
}
