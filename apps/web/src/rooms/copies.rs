//! What the links in readers' mails open: the proof of an address, one bill, and the way out. Opening one
//! changes nothing, because mail scanners open every link; only the button does.

use axum::{
    Extension,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kvit_billing::{Cents, code::Token};
use kvit_store::{CopyView, ProveReader, ReaderEnd, ReaderRecord};
use minijinja::{Value, context};

use super::{bills::masked, pay, shown};
use crate::{App, failure::Failure, front::Visitor, saved::saved_as};

/// Who did it, as the audit trail names a reader.
const WHO: &str = "reader";
/// Characters of a customer number that a stranger to it may see, as in the mail that asks.
const NUMBER_SHOWN: usize = 3;

/// From the mail that asks: the button.
pub(crate) async fn join_form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let found = match Token::parse(&token) {
        Some(token) => app.portal.store.reader_by_proof(&token.hash()).await?,
        None => None,
    };
    let now = app.portal.clock.now();
    let record = match found {
        None => return join_said(&app, visitor, ProveReader::Unknown),
        Some(record) if record.ended_at.is_some() => {
            return join_said(&app, visitor, ProveReader::Expired(record));
        }
        Some(record) if record.proven_at.is_some() => {
            return join_said(&app, visitor, ProveReader::Already(record));
        }
        Some(record) if record.proof_expires < now => {
            return join_said(&app, visitor, ProveReader::Expired(record));
        }
        Some(record) => record,
    };
    let visitor = visitor.speaking(record.language);
    let texts = app.pages.texts(visitor.language);
    let number = part_of(record.account.as_str());
    let email = masked(record.email.expose());
    let page = app.pages.render(
        &visitor,
        "ask.html",
        context! {
            title => texts.say("join-title", &[]), action => visitor.path.clone(), bill => (),
            text => texts.say("join-text", &[("number", &number), ("email", &email)]),
            button => texts.say("join-button", &[]), after => texts.say("join-not-you", &[]),
        },
    )?;
    Ok(page.into_response())
}

/// The end of a customer number.
fn part_of(number: &str) -> String {
    let hidden = number.len().saturating_sub(NUMBER_SHOWN);
    format!("{}{}", "•".repeat(hidden), &number[hidden..])
}

pub(crate) async fn join(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let proved = match Token::parse(&token) {
        Some(token) => {
            let (evidence, now) = (visitor.evidence(), app.portal.clock.now());
            let store = &app.portal.store;
            let hash = token.hash();
            store.prove_reader(&hash, now, &evidence, WHO).await?
        }
        None => ProveReader::Unknown,
    };
    join_said(&app, visitor, proved)
}

fn join_said(app: &App, visitor: Visitor, proved: ProveReader) -> Result<Response, Failure> {
    let (status, name, record) = match proved {
        ProveReader::Proved(record) => (
            StatusCode::OK,
            ["joined-title", "joined-text"],
            Some(record),
        ),
        ProveReader::Already(record) => (
            StatusCode::OK,
            ["join-already-title", "join-already-text"],
            Some(record),
        ),
        ProveReader::Expired(record) => (
            StatusCode::GONE,
            ["join-over-title", "join-over-text"],
            Some(record),
        ),
        ProveReader::Unknown => (
            StatusCode::NOT_FOUND,
            ["join-unknown-title", "join-unknown-text"],
            None,
        ),
    };
    let language = record.as_ref().map(|record| record.language);
    let visitor = language.map_or(visitor.clone(), |language| visitor.speaking(language));
    say(app, &visitor, status, name, &[])
}

/// The one bill of a reader's link.
pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let Some(view) = found(&app, &token).await? else {
        return unknown(&app, &visitor);
    };
    let visitor = visitor.speaking(view.reader.language);
    if over(&view.reader) {
        return ended(&app, &visitor);
    }
    let standing = app
        .portal
        .store
        .standing(&view.bill.account, app.portal.clock.now());
    let standing = standing.await?;
    let open = standing.bill(view.bill.number).map(|found| found.open);
    let pay = open
        .is_some_and(|open| open > Cents::ZERO)
        .then(|| pay::path(&app, view.bill.number));
    let page = app.pages.render(
        &visitor,
        "copy.html",
        context! {
            bill => shown(&app, visitor.language, &view.bill), number => view.bill.account.as_str(),
            path => visitor.path.clone(), pay,
        },
    )?;
    Ok(page.into_response())
}

/// The sealed file of that bill.
pub(crate) async fn download(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let Some(view) = found(&app, &token).await? else {
        return unknown(&app, &visitor);
    };
    if over(&view.reader) {
        return ended(&app, &visitor.speaking(view.reader.language));
    }
    let pdf = app.portal.documents.bill_pdf(&view.bill).await?;
    let name = format!("{}.pdf", view.bill.number);
    Ok(saved_as(&name, "application/pdf", pdf))
}

/// The way out: the button.
pub(crate) async fn leave_form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let Some(view) = found(&app, &token).await? else {
        return unknown(&app, &visitor);
    };
    let visitor = visitor.speaking(view.reader.language);
    if over(&view.reader) {
        return ended(&app, &visitor);
    }
    let texts = app.pages.texts(visitor.language);
    let number = view.bill.account.as_str();
    let email = masked(view.reader.email.expose());
    let page = app.pages.render(
        &visitor,
        "ask.html",
        context! {
            title => texts.say("leave-title", &[]), action => visitor.path.clone(), bill => (), after => (),
            text => texts.say("leave-text", &[("number", number), ("email", &email)]),
            button => texts.say("leave-button", &[]),
        },
    )?;
    Ok(page.into_response())
}

/// The button was pressed.
pub(crate) async fn leave(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let Some(view) = found(&app, &token).await? else {
        return unknown(&app, &visitor);
    };
    let visitor = visitor.speaking(view.reader.language);
    let mut evidence = visitor.evidence();
    evidence["delivery"] = view.id.as_str().into();
    let (store, reader) = (&app.portal.store, &view.reader);
    let now = app.portal.clock.now();
    let why = ReaderEnd::Left;
    let left = store.end_reader(&reader.id, &reader.account, why, &evidence, (WHO, now));
    if !left.await? {
        return ended(&app, &visitor);
    }
    say(
        &app,
        &visitor,
        StatusCode::OK,
        ["left-title", "left-text"],
        &[],
    )
}

async fn found(app: &App, token: &str) -> Result<Option<CopyView>, Failure> {
    match Token::parse(token) {
        Some(token) => Ok(app.portal.store.copy_by_token(&token.hash()).await?),
        None => Ok(None),
    }
}

/// Whoever left, or was removed, sees no bill any more, not those of before either.
fn over(reader: &ReaderRecord) -> bool {
    reader.ended_at.is_some()
}

fn ended(app: &App, visitor: &Visitor) -> Result<Response, Failure> {
    let name = ["left-already-title", "left-already-text"];
    say(app, visitor, StatusCode::GONE, name, &[])
}

fn unknown(app: &App, visitor: &Visitor) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let links = [context! { href => "/help", text => texts.say("nav-help", &[]) }];
    let name = ["copy-unknown-title", "copy-unknown-text"];
    say(app, visitor, StatusCode::NOT_FOUND, name, &links)
}

fn say(
    app: &App,
    visitor: &Visitor,
    status: StatusCode,
    [title, text]: [&str; 2],
    links: &[Value],
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let page = app.pages.render(
        visitor,
        "said.html",
        context! {
            good => status != StatusCode::NOT_FOUND, title => texts.say(title, &[]),
            text => texts.say(text, &[]), links, bill => (), more => (),
        },
    )?;
    Ok((status, page).into_response())
}
