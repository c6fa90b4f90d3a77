//! Back to paper: one press, at once.

use axum::{
    Extension, Form,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kvit_billing::{CustomerNumber, code::Token};
use kvit_store::{Confirm, DeliveryView, EnrolmentState};
use minijinja::context;
use serde::Deserialize;

use super::links;
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
    let Some(customer) = &visitor.customer else {
        return ask(&app, &visitor, "", &[]);
    };
    match app.portal.store.enrolment_of(customer).await? {
        EnrolmentState::None => ended(&app, &visitor, false),
        _ => press(&app, &visitor, customer, Some("/bills")),
    }
}

/// The button alone. `keep` is where who thinks better of it goes.
fn press(
    app: &App,
    visitor: &Visitor,
    customer: &CustomerNumber,
    keep: Option<&str>,
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let instead = keep.map(|href| context! { href, text => texts.say("paper-keep", &[]) });
    let page = app.pages.render(
        visitor,
        "ask.html",
        context! {
            title => texts.say("paper-title", &[]), action => visitor.path.clone(),
            text => texts.say("paper-text", &[("number", customer.as_str())]),
            button => texts.say("paper-button", &[]), bill => (), after => (), instead,
        },
    )?;
    Ok(page.into_response())
}

/// From the link in a mail with a bill: the button, without number and code, for the address that
/// gets the bills.
pub(crate) async fn mailed_form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let view = mailed_bill(&app, &token).await?;
    let Some(view) = view else {
        return links::receipt_said(&app, visitor, Confirm::Unknown);
    };
    let visitor = visitor.speaking(view.language);
    if still_goes_there(&app, &view).await? {
        press(&app, &visitor, &view.bill.account, None)
    } else {
        elsewhere(&app, &visitor)
    }
}

/// The button was pressed.
pub(crate) async fn mailed(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let view = mailed_bill(&app, &token).await?;
    let Some(view) = view else {
        return links::receipt_said(&app, visitor, Confirm::Unknown);
    };
    let visitor = visitor.speaking(view.language);
    if still_goes_there(&app, &view).await? {
        let mut evidence = visitor.evidence();
        evidence["delivery"] = view.id.as_str().into();
        end(&app, &visitor, &view.bill.account, evidence).await
    } else {
        elsewhere(&app, &visitor)
    }
}

async fn mailed_bill(app: &App, token: &str) -> Result<Option<DeliveryView>, Failure> {
    match Token::parse(token) {
        Some(token) => Ok(app.portal.store.delivery_by_token(&token.hash()).await?),
        None => Ok(None),
    }
}

/// Whether the mail's address is the one that gets the bills now: an old address must not stop
/// those of the new one.
async fn still_goes_there(app: &App, view: &DeliveryView) -> Result<bool, Failure> {
    let state = app.portal.store.enrolment_of(&view.bill.account).await?;
    Ok(match state {
        EnrolmentState::Active(record) => view.email.as_ref() == Some(&record.email),
        EnrolmentState::Pending(_) | EnrolmentState::None => false,
    })
}

fn elsewhere(app: &App, visitor: &Visitor) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let links = [context! { href => "/bills", text => texts.say("nav-bills", &[]) }];
    let page = app.pages.render(
        visitor,
        "said.html",
        context! {
            good => true, title => texts.say("paper-elsewhere-title", &[]), links, bill => (),
            text => texts.say("paper-elsewhere-text", &[]), more => (),
        },
    )?;
    Ok(page.into_response())
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
    visitor.own_number(&form.form_token)?;
    let customer = match &visitor.customer {
        Some(customer) => customer.clone(),
        None => match gate::knock(&app, &visitor, &form.identity).await? {
            Gate::Open(customer, _) => customer,
            Gate::Locked(until) => return gate::locked(&app, &visitor, until),
            Gate::Wrong(wrong) => {
                let page = ask(&app, &visitor, &form.identity.number, &wrong)?;
                return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
            }
        },
    };
    let evidence = visitor.evidence();
    end(&app, &visitor, &customer, evidence).await
}

async fn end(
    app: &App,
    visitor: &Visitor,
    customer: &CustomerNumber,
    evidence: serde_json::Value,
) -> Result<Response, Failure> {
    let portal = &app.portal;
    let record = portal
        .store
        .end_enrolment(customer, portal.clock.now(), "back to paper", evidence)
        .await?;
    ended(app, visitor, record.is_some())
}

/// Says that paper it is: from `now` on, or as before.
fn ended(app: &App, visitor: &Visitor, now: bool) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let today = texts.date(app.today());
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
