//! Back to paper: one press, at once.

use axum::{
    Extension, Form,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kvit_billing::CustomerNumber;
use minijinja::context;
use serde::Deserialize;

use crate::{
    App,
    failure::Failure,
    front::Visitor,
    gate::{self, Gate, Identity},
};

/// A button for who is signed in; number, code and the button for anyone else.
pub(crate) async fn form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    match &visitor.customer {
        Some(customer) => {
            let texts = app.pages.texts(visitor.language);
            let page = app.pages.render(
                &visitor,
                "ask.html",
                context! {
                    title => texts.say("paper-title", &[]), action => "/paper",
                    text => texts.say("paper-text", &[("number", customer.as_str())]),
                    button => texts.say("paper-button", &[]),
                    bill => (), after => (),
                },
            )?;
            Ok(page.into_response())
        }
        None => ask(&app, &visitor, "", &[]),
    }
}

fn ask(
    app: &App,
    visitor: &Visitor,
    number: &str,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let errors = gate::faults(wrong);
    let page = app.pages.render(
        visitor,
        "check.html",
        context! {
            title => "paper-title", lead => "paper-ask", step => (), button => "paper-button",
            next => "", number, errors, action => "/paper",
        },
    )?;
    Ok(page.into_response())
}

#[derive(Deserialize)]
pub(crate) struct PaperForm {
    #[serde(default)]
    form_token: String,
    #[serde(flatten)]
    identity: Identity,
}

pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<PaperForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let customer = match &visitor.customer {
        Some(customer) => customer.clone(),
        None => match gate::knock(&app, &visitor, &form.identity).await? {
            Gate::Open(customer) => customer,
            Gate::Locked(until) => return gate::locked(&app, &visitor, until),
            Gate::Wrong(wrong) => {
                let page = ask(&app, &visitor, &form.identity.number, &wrong)?;
                return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
            }
        },
    };
    end(&app, &visitor, &customer).await
}

async fn end(app: &App, visitor: &Visitor, customer: &CustomerNumber) -> Result<Response, Failure> {
    let portal = &app.portal;
    let texts = app.pages.texts(visitor.language);
    let now = portal.clock.now();
    let ended = portal
        .store
        .end_enrolment(customer, now, "back to paper", visitor.evidence())
        .await?;
    let today = texts.date(now.to_zoned_datetime(portal.time_zone.clone()).date());
    let (title, text) = match ended {
        Some(_) => ("paper-done-title", "paper-done-text"),
        None => ("paper-none-title", "paper-none-text"),
    };
    let text = match ended {
        Some(_) => texts.say(text, &[("date", &today)]),
        None => texts.say(text, &[]),
    };
    let links = [
        context! { href => "/bills", text => texts.say("nav-bills", &[]) },
        context! { href => "/enrol", text => texts.say("paper-enrol", &[]) },
    ];
    let page = app.pages.render(
        visitor,
        "said.html",
        context! { good => true, title => texts.say(title, &[]), text, links, bill => (), more => () },
    )?;
    Ok(page.into_response())
}
