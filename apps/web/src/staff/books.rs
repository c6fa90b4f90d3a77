//! The books as files for the operator's accounting system.

use axum::{
    Extension,
    body::Body,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::{ToSpan, civil::Date};
use kvit_pay::ledger::{Account, Book};
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{door::Officer, event, render};
use crate::{
    App,
    books::{BadDays, BookFile, BookFormat, BookWish},
    failure::Failure,
    front::Visitor,
    gate::faults,
    saved::{CSV, XML, saved_as},
};

#[derive(Default, Deserialize)]
pub(crate) struct FileQuery {
    /// As the journal names it; empty for all books.
    #[serde(default)]
    book: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    /// `camt` or `csv`.
    #[serde(default)]
    format: String,
}

/// The form, filled in with the month before this one.
pub(crate) async fn form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
) -> Result<Response, Failure> {
    let now = app.portal.clock.now();
    let first = app
        .portal
        .time_zone
        .to_datetime(now)
        .date()
        .first_of_month();
    let last = first.saturating_sub(1.day());
    let typed = FileQuery {
        book: Account::Book(Book::Bank).to_string(),
        from: last.first_of_month().to_string(),
        until: last.to_string(),
        format: "camt".to_owned(),
    };
    form_page(&app, &visitor, &officer, &[], &typed)
}

fn form_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    wrong: &[(&str, &str)],
    typed: &FileQuery,
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let named = |account: Account, key: &str| {
        let value = account.to_string();
        context! { chosen => value == typed.book, value, text => texts.say(key, &[]) }
    };
    let mut books = vec![
        named(Account::Book(Book::Bank), "staff-books-bank"),
        named(Account::Customers, "staff-books-customers"),
    ];
    for provider in app.portal.pay.ways.all().iter() {
        let value = Book::Clearing(provider.name.clone()).to_string();
        let title = provider.title.get(visitor.language);
        let text = texts.say("staff-books-clearing", &[("system", title)]);
        books.push(context! { chosen => value == typed.book, value, text });
    }
    books.push(named(Account::Book(Book::Unmatched), "staff-money-title"));
    books.push(named(Account::Book(Book::Refunds), "staff-books-refunds"));
    books.push(named(
        Account::Book(Book::WriteOff),
        "staff-books-write-off",
    ));
    let all: Value = context! { chosen => typed.book.is_empty(), value => "", text => texts.say("staff-books-all", &[]) };
    books.push(all);
    let page = context! {
        books, errors => faults(wrong), from => typed.from.clone(), until => typed.until.clone(),
        format => typed.format.clone(),
    };
    render(app, visitor, Some(officer), "staff/books.html", page)
}

/// What a form says, or all that is wrong with it.
fn wish(app: &App, typed: &FileQuery) -> Result<BookWish, Vec<(&'static str, &'static str)>> {
    let mut wrong = Vec::new();
    let account: Option<Account> = match typed.book.as_str() {
        "" => None,
        book => {
            let account = book.parse();
            if account.is_err() {
                wrong.push(("book", "staff-error-books-book"));
            }
            account.ok()
        }
    };
    let format: Option<BookFormat> = typed.format.parse().ok();
    if format.is_none() || (typed.book.is_empty() && format == Some(BookFormat::Camt)) {
        wrong.push(("format", "staff-error-books-format"));
    }
    let from: Option<Date> = typed.from.trim().parse().ok();
    if from.is_none() {
        wrong.push(("from", "staff-error-books-day"));
    }
    let until: Option<Date> = typed.until.trim().parse().ok();
    if until.is_none() {
        wrong.push(("until", "staff-error-books-day"));
    }
    match (format, from, until) {
        (Some(format), Some(from), Some(until)) if wrong.is_empty() => Ok(BookWish {
            account,
            days: (from, until),
            format,
            currency: app.portal.operator.currency,
        }),
        _ => Err(wrong),
    }
}

/// The file. That somebody fetched it is in the trail before.
pub(crate) async fn file(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Query(query): Query<FileQuery>,
) -> Result<Response, Failure> {
    let store = app.portal.store.clone();
    let now = app.portal.clock.now();
    let opened = wish(&app, &query).and_then(|wish| {
        let (days, format) = (wish.days, wish.format);
        match BookFile::open(store.clone(), &app.portal.time_zone, now, wish) {
            Ok(opened) => Ok((opened, days, format)),
            Err(BadDays::Turned(..)) => Err(vec![("until", "staff-error-books-turned")]),
            Err(_) => Err(vec![("until", "staff-error-books-over")]),
        }
    });
    let (opened, (from, until), format) = match opened {
        Ok(opened) => opened,
        Err(wrong) => {
            let page = form_page(&app, &visitor, &officer, &wrong, &query)?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    let book = match query.book.as_str() {
        "" => "journal".to_owned(),
        book => book.replace('/', "-"),
    };
    let subject = format!("staff/{}", officer.login);
    let name = format!("{book}-{from}-{until}.{}", format.ending());
    let fetched = event(
        &app,
        &officer,
        "pay.exported",
        subject,
        json!({ "file": name }),
    );
    store.record_event(&fetched).await?;
    let parts = futures::stream::try_unfold(opened, async |mut file: BookFile| {
        Ok::<_, kvit_store::StoreError>(file.part().await?.map(|text| (text, file)))
    });
    let media_type = match format.ending() {
        "csv" => CSV,
        _ => XML,
    };
    Ok(saved_as(&name, media_type, Body::from_stream(parts)))
}
