//! Links that were sent by mail: proving an address, confirming a receipt. Opening one changes
//! nothing, because mail scanners open every link; only the button does.

use axum::{
    Extension,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kvit_billing::{Language, code::Token};
use kvit_store::{Confirm, DeliveryView, EnrolmentRecord, Prove};
use minijinja::{Value, context};

use super::{bills::masked, shown};
use crate::{App, failure::Failure, front::Visitor};

/// A page that says how it went.
struct Said {
    status: StatusCode,
    title: &'static str,
    text: String,
    bill: Option<Value>,
    more: Option<&'static str>,
    links: &'static [(&'static str, &'static str)],
}

fn say(app: &App, visitor: &Visitor, said: Said) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let links: Vec<_> = said
        .links
        .iter()
        .map(|&(href, text)| context! { href, text => texts.say(text, &[]) })
        .collect();
    let page = app.pages.render(
        visitor,
        "said.html",
        context! {
            good => said.status.is_success(), title => texts.say(said.title, &[]), text => said.text,
            bill => said.bill, more => said.more.map(|more| texts.say(more, &[])), links,
        },
    )?;
    Ok((said.status, page).into_response())
}

pub(crate) async fn prove_form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let Some(token) = Token::parse(&token) else {
        return proof_said(&app, visitor, Prove::Unknown);
    };
    let now = app.portal.clock.now();
    let record = match app.portal.store.enrolment_by_proof(&token.hash()).await? {
        None => return proof_said(&app, visitor, Prove::Unknown),
        Some(record) if record.ended_at.is_some() => {
            return proof_said(&app, visitor, Prove::Expired(record));
        }
        Some(record) if record.proven_at.is_some() => {
            return proof_said(&app, visitor, Prove::Already(record));
        }
        Some(record) if record.proof_expires.is_some_and(|end| end < now) => {
            return proof_said(&app, visitor, Prove::Expired(record));
        }
        Some(record) => record,
    };
    let visitor = visitor.speaking(record.language);
    let texts = app.pages.texts(visitor.language);
    let email = masked(record.email.expose());
    let page = app.pages.render(
        &visitor,
        "ask.html",
        context! {
            title => texts.say("prove-title", &[]), action => visitor.path.clone(), bill => (),
            text => texts.say("prove-text", &[("number", record.account.as_str()), ("email", &email)]),
            button => texts.say("prove-button", &[]), after => texts.say("prove-not-you", &[]),
        },
    )?;
    Ok(page.into_response())
}

pub(crate) async fn prove(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let proved = match Token::parse(&token) {
        Some(token) => {
            let now = app.portal.clock.now();
            let evidence = visitor.evidence();
            let store = &app.portal.store;
            store.prove_enrolment(&token.hash(), now, evidence).await?
        }
        None => Prove::Unknown,
    };
    proof_said(&app, visitor, proved)
}

fn proof_said(app: &App, visitor: Visitor, proved: Prove) -> Result<Response, Failure> {
    let speak = |record: &EnrolmentRecord| visitor.clone().speaking(record.language);
    let home = &[("/", "nav-home")];
    let again = &[("/enrol", "prove-again")];
    match proved {
        Prove::Proved(record) => {
            let visitor = speak(&record);
            let texts = app.pages.texts(visitor.language);
            let today = texts.date(app.today());
            let email = masked(record.email.expose());
            let mut text = texts.say("proved-text", &[("date", &today), ("email", &email)]);
            if record.also_on_paper(app.portal.paper_until) {
                text = format!("{text} {}", texts.say("bills-paper-too", &[]));
            }
            let said = Said {
                status: StatusCode::OK,
                title: "proved-title",
                text,
                bill: None,
                more: Some("proved-paper"),
                links: &[("/bills", "nav-bills"), ("/", "nav-home")],
            };
            say(app, &visitor, said)
        }
        Prove::Already(record) => {
            let visitor = speak(&record);
            let email = masked(record.email.expose());
            let texts = app.pages.texts(visitor.language);
            let said = Said {
                status: StatusCode::OK,
                title: "prove-already-title",
                text: texts.say("prove-already-text", &[("email", &email)]),
                bill: None,
                more: None,
                links: home,
            };
            say(app, &visitor, said)
        }
        Prove::Expired(record) => {
            let visitor = speak(&record);
            let texts = app.pages.texts(visitor.language);
            let (title, text) = if record.taken_back {
                let hotline = [("hotline", app.portal.operator.hotline.as_str())];
                (
                    "prove-taken-back-title",
                    texts.say("prove-taken-back-text", &hotline),
                )
            } else {
                ("prove-expired-title", texts.say("prove-expired-text", &[]))
            };
            lost(app, &visitor, StatusCode::GONE, title, text, again)
        }
        Prove::Unknown => {
            let text = app
                .pages
                .texts(visitor.language)
                .say("prove-unknown-text", &[]);
            let title = "prove-unknown-title";
            lost(app, &visitor, StatusCode::NOT_FOUND, title, text, again)
        }
    }
}

fn lost(
    app: &App,
    visitor: &Visitor,
    status: StatusCode,
    title: &'static str,
    text: String,
    links: &'static [(&'static str, &'static str)],
) -> Result<Response, Failure> {
    let said = Said {
        status,
        title,
        text,
        bill: None,
        more: None,
        links,
    };
    say(app, visitor, said)
}

pub(crate) async fn receipt_form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let view = match Token::parse(&token) {
        Some(token) => app.portal.store.delivery_by_token(&token.hash()).await?,
        None => None,
    };
    let Some(view) = view else {
        return receipt_said(&app, visitor, Confirm::Unknown);
    };
    if view.confirmed_at.is_some() {
        return receipt_said(&app, visitor, Confirm::Already(view));
    }
    let visitor = visitor.speaking(view.language);
    let texts = app.pages.texts(visitor.language);
    let page = app.pages.render(
        &visitor,
        "ask.html",
        context! {
            title => texts.say("receipt-title", &[]), text => texts.say("receipt-text", &[]),
            action => visitor.path.clone(), bill => shown(&app, visitor.language, &view.bill),
            button => texts.say("receipt-button", &[]), after => (),
        },
    )?;
    Ok(page.into_response())
}

pub(crate) async fn receipt(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let confirmed = match Token::parse(&token) {
        Some(token) => {
            let now = app.portal.clock.now();
            let evidence = visitor.evidence();
            let store = &app.portal.store;
            store.confirm_receipt(&token.hash(), now, evidence).await?
        }
        None => Confirm::Unknown,
    };
    receipt_said(&app, visitor, confirmed)
}

pub(super) fn receipt_said(
    app: &App,
    visitor: Visitor,
    confirmed: Confirm,
) -> Result<Response, Failure> {
    match confirmed {
        Confirm::Confirmed(view) => noted(
            app,
            visitor,
            &view,
            ("receipt-done-title", "receipt-done-text"),
        ),
        Confirm::Already(view) => noted(
            app,
            visitor,
            &view,
            ("receipt-already-title", "receipt-already-text"),
        ),
        Confirm::Unknown => {
            let text = app
                .pages
                .texts(visitor.language)
                .say("receipt-unknown-text", &[]);
            let links = &[("/bills", "nav-bills"), ("/help", "nav-help")];
            let title = "receipt-unknown-title";
            lost(app, &visitor, StatusCode::NOT_FOUND, title, text, links)
        }
    }
}

fn noted(
    app: &App,
    visitor: Visitor,
    view: &DeliveryView,
    (title, text): (&'static str, &'static str),
) -> Result<Response, Failure> {
    let visitor = visitor.speaking(view.language);
    let language: Language = visitor.language;
    let texts = app.pages.texts(language);
    let at = view.confirmed_at.unwrap_or_else(|| app.portal.clock.now());
    let when = texts.moment(at, &app.portal.time_zone);
    let said = Said {
        status: StatusCode::OK,
        title,
        text: texts.say(text, &[("when", &when)]),
        bill: Some(shown(app, language, &view.bill)),
        more: None,
        links: &[("/bills", "nav-bills")],
    };
    say(app, &visitor, said)
}
