//! Back to paper: one press, at once.

use axum::{
    Extension, Form,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kvit_billing::CustomerNumber;
use kvit_store::EnrolmentState;
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
            if let EnrolmentState::None = app.portal.store.enrolment_of(customer).await? {
                return ended(&app, &visitor, false);
            }
            let texts = app.pages.texts(visitor.language);
            let page = app.pages.render(
                &visitor,
                "ask.html",
                context! {
                    title => texts.say("paper-title", &[]), action => "/paper",
                    text => texts.say("paper-text", &[("number", customer.as_str())]),
                    button => texts.say("paper-button", &[]),
                    bill => (), after => (),
                    instead => context! { href => "/bills", text => texts.say("paper-keep", &[]) },
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
            next => "", number, errors, notice => (), action => "/paper",
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
    let record = portal
        .store
        .end_enrolment(
            customer,
            portal.clock.now(),
            "back to paper",
            visitor.evidence(),
        )
        .await?;
    ended(app, visitor, record.is_some())
}

/// Says that paper it is: from `now` on, or as before.
fn ended(app: &App, visitor: &Visitor, now: bool) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let zone = app.portal.time_zone.clone();
    let today = texts.date(app.portal.clock.now().to_zoned_datetime(zone).date());
    let (title, text) = if now {
        (
            texts.say("paper-done-title", &[]),
            texts.say("paper-done-text", &[("date", &today)]),
        )
    } else {
        (
            texts.say("paper-none-title", &[]),
            texts.say("paper-none-text", &[]),
        )
    };
    let links = [
        context! { href => "/bills", text => texts.say("nav-bills", &[]) },
        context! { href => "/enrol", text => texts.say("paper-enrol", &[]) },
    ];
    let page = app.pages.render(
        visitor,
        "said.html",
        context! { good => true, title, text, links, bill => (), more => () },
    )?;
    Ok(page.into_response())
}
