//! What payment systems call: notices, questions for dues, reports of payments, and what a browser brings back
//! from BORICA, iCard and myPOS. What is not verified is counted and changes nothing.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, RawQuery, State},
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::ToSpan;
use kvit_billing::format;
use kvit_pay::{
    About, Event, ProviderName, Refusal, VerifiedNotice,
    dialects::{
        Answer,
        biller::{self, Biller, Due, Status},
        borica::Terminal,
        epay, ipg,
    },
    params::FORM_BYTES_MAX,
    ways::{Dialect, Provider},
};
use kvit_store::{NoticeOutcome, Received, StoreError};
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

use super::pay::{self, to};
use crate::{
    App, REQUEST_MAX_SECONDS, doors::Doors, failure::Failure, front, refusals::not_believed,
};

/// BORICA's orders have six digits.
const ORDERS: u64 = 1_000_000;

pub(crate) fn router(doors: Doors) -> Router {
    Router::new()
        .route("/pay/{name}/init", get(inquiry))
        .route("/pay/{name}/confirm", get(confirm))
        .route("/pay/{name}/notify", post(notify))
        .route("/pay/{name}/return", post(returned))
        .route("/pay/{name}/return/{bill}", get(came_back).post(came_back))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            Duration::from_secs(REQUEST_MAX_SECONDS),
        ))
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(doors.clone(), front::outer))
        .with_state(doors)
}

/// A notice of ePay, iCard or myPOS.
async fn notify(
    State(app): State<App>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Failure> {
    let ways = app.portal.pay.ways.all();
    let provider = called(&ways, &name)?;
    let text = match &provider.dialect {
        Dialect::Epay(epay) => match epay.notification(&body) {
            Ok(lines) => epay_lines(&app, &provider.name, lines).await,
            Err(refused) => {
                not_believed(&app, &provider.name, &refused).await;
                epay::refusal(&refused)
            }
        },
        Dialect::Ipg(shop) => match shop.call_back(&body) {
            Ok(notice) => called_back(&app, &notice).await.to_owned(),
            Err(refused) => {
                not_believed(&app, &provider.name, &refused).await;
                ipg::NOT_KEPT.to_owned()
            }
        },
        Dialect::Biller(_) | Dialect::Borica(_) => return Err(Failure::NotFound),
    };
    Ok(plain(text))
}

/// Each line by itself: one that cannot be kept now does not hold up the others.
async fn epay_lines(app: &App, name: &ProviderName, lines: Vec<epay::Line>) -> String {
    let mut answers = Vec::with_capacity(lines.len());
    for line in lines {
        let answer = match line.notice {
            Ok(notice) => match keep(app, &notice).await {
                Some(received) if received.outcome == NoticeOutcome::UnknownPayment => {
                    epay::Answer::Unknown
                }
                Some(_) => epay::Answer::Ok,
                None => epay::Answer::Again,
            },
            Err(refused) => {
                not_believed(app, name, &refused).await;
                epay::Answer::Again
            }
        };
        answers.extend(line.invoice.map(|invoice| (invoice, answer)));
    }
    epay::reply(&answers)
}

/// What a card system is told. Where it is not told that all is well, it gives the money back: so then
/// nothing may stay in the books.
async fn called_back(app: &App, notice: &VerifiedNotice) -> &'static str {
    let now = app.portal.clock.now();
    let store = &app.portal.store;
    let Some(received) = kept(notice, store.receive_returnable(notice, now).await) else {
        return ipg::NOT_KEPT;
    };
    let well = match (notice.event(), received.outcome) {
        (Event::Paid { .. }, outcome) => {
            matches!(outcome, NoticeOutcome::Posted | NoticeOutcome::Allocated)
        }
        (_, outcome) => outcome != NoticeOutcome::UnknownPayment,
    };
    if well { ipg::KEPT } else { ipg::NOT_KEPT }
}

/// A question for dues.
async fn inquiry(
    State(app): State<App>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let ways = app.portal.pay.ways.all();
    let biller = biller_of(called(&ways, &name)?)?;
    let query = query.unwrap_or_default();
    let inquiry = match biller.inquiry(query.as_bytes()) {
        Ok(inquiry) => inquiry,
        Err(refused) => {
            not_believed(&app, &biller.name, &refused).await;
            return Ok(json(Status::of(&refused).answer()));
        }
    };
    Ok(json(dues(&app, &inquiry).await.unwrap_or_else(|error| {
        tracing::error!(provider = %biller.name, error = &error as &dyn std::error::Error, "dues cannot be told");
        Status::Unavailable.answer()
    })))
}

async fn dues(app: &App, inquiry: &biller::Inquiry) -> Result<String, kvit_store::StoreError> {
    let portal = &app.portal;
    let unknown = || Status::UnknownCustomer.answer();
    let Some(account) = &inquiry.account else {
        return Ok(unknown());
    };
    let now = portal.clock.now();
    let Some((language, standing)) = portal.store.dues_of(account, now).await? else {
        return Ok(unknown());
    };
    let texts = app.pages.texts(language);
    let dues: Vec<Due> = standing
        .bills
        .iter()
        .filter(|bill| bill.open > kvit_billing::Cents::ZERO)
        .map(|bill| {
            let due = format::date(bill.due_date, language);
            let number = bill.number.to_string();
            Due {
                number: bill.number,
                open: bill.open,
                due: bill.due_date,
                short: texts.say("pay-description", &[("number", &number)]),
                long: texts.say("pay-due-line", &[("number", &number), ("date", &due)]),
            }
        })
        .collect();
    // By tomorrow another bill may have come.
    let today = portal.time_zone.to_datetime(now).date();
    let short = portal.operator.short_name.get(language);
    Ok(biller::dues_answer(
        inquiry,
        short,
        &dues,
        today.saturating_add(1.day()),
    ))
}

/// The report of a payment.
async fn confirm(
    State(app): State<App>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let ways = app.portal.pay.ways.all();
    let biller = biller_of(called(&ways, &name)?)?;
    let query = query.unwrap_or_default();
    let status = match biller.confirm(query.as_bytes()) {
        Ok(notice) => match keep(&app, &notice).await {
            Some(Received {
                outcome: NoticeOutcome::UnknownCustomer,
                ..
            }) => Status::UnknownCustomer,
            // Something else than before under the same TID.
            Some(Received {
                outcome: NoticeOutcome::Contradiction,
                ..
            }) => Status::Error,
            Some(Received { first: true, .. }) => Status::Ok,
            Some(Received { first: false, .. }) => Status::Duplicate,
            None => Status::Unavailable,
        },
        Err(refused) => {
            not_believed(&app, &biller.name, &refused).await;
            Status::of(&refused)
        }
    };
    Ok(json(status.answer()))
}

/// BORICA's answer, which the customer's browser brings.
async fn returned(
    State(app): State<App>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Failure> {
    let ways = app.portal.pay.ways.all();
    let provider = called(&ways, &name)?;
    let Dialect::Borica(terminal) = &provider.dialect else {
        return Err(Failure::NotFound);
    };
    let page = match brought(&app, terminal, &body).await? {
        Ok(page) => page,
        Err(refused) => {
            not_believed(&app, &provider.name, &refused).await;
            // The status poll will say.
            "/pay".to_owned()
        }
    };
    Ok(to(&page))
}

/// A browser comes back from iCard or myPOS, with their word or without. Where to is in the address; what it brings counts
/// only as far as it is signed.
async fn came_back(
    State(app): State<App>,
    Path((name, slug)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, Failure> {
    let ways = app.portal.pay.ways.all();
    let provider = called(&ways, &name)?;
    let (Dialect::Ipg(shop), Some(place)) = (&provider.dialect, pay::place_of(&app, &slug).await?)
    else {
        return Err(Failure::NotFound);
    };
    match shop.returned(&body) {
        Ok(None) => {}
        Ok(Some(notice)) => {
            let begun = match notice.about() {
                About::Payment(number) => app.portal.store.payment(&provider.name, *number).await?,
                _ => None,
            };
            if begun.is_some_and(|payment| place.began(&payment)) {
                keep(&app, &notice).await;
            } else {
                not_believed(&app, &provider.name, &Refusal::Stranger).await;
            }
        }
        Err(refused) => not_believed(&app, &provider.name, &refused).await,
    }
    Ok(to(&format!("{}?back=1", place.path(&app))))
}

/// Keeps what a browser brought, and gives the page to which it comes.
async fn brought(
    app: &App,
    terminal: &Terminal,
    body: &[u8],
) -> Result<Result<String, Refusal>, Failure> {
    let returned = match terminal.returned(body, app.portal.clock.now()) {
        Ok(returned) => returned,
        Err(refused) => return Ok(Err(refused)),
    };
    let Ok(digits) = returned.order.parse() else {
        return Ok(Err(Refusal::Malformed("ORDER")));
    };
    let store = &app.portal.store;
    let found = store
        .payment_by_last_digits(&terminal.name, digits, ORDERS)
        .await?;
    // An order that we never gave out has no payment; its money is unmatched.
    let number = found.as_ref().map_or(digits, |payment| payment.number);
    let asked = found.as_ref().and_then(|payment| payment.nonce);
    match returned.answer(terminal, number, asked.as_slice()) {
        Ok(Answer::Notice(notice)) => {
            keep(app, &notice).await;
        }
        Ok(Answer::InProgress | Answer::NotFound) => {}
        Err(refused) => return Ok(Err(refused)),
    }
    Ok(Ok(found.map_or("/pay".to_owned(), |payment| {
        format!("{}?back=1", pay::page_of(app, &payment))
    })))
}

/// `None` where it could not be kept: whoever said it has to say it again.
async fn keep(app: &App, notice: &VerifiedNotice) -> Option<Received> {
    let now = app.portal.clock.now();
    kept(notice, app.portal.store.receive_notice(notice, now).await)
}

fn kept(notice: &VerifiedNotice, received: Result<Received, StoreError>) -> Option<Received> {
    match received {
        Ok(received) => {
            let outcome = received.outcome.as_str();
            tracing::info!(provider = %notice.provider(), event = notice.event().as_str(), first = received.first, outcome, "a notice came");
            Some(received)
        }
        Err(error) => {
            tracing::error!(provider = %notice.provider(), error = &error as &dyn std::error::Error, "a notice could not be kept");
            None
        }
    }
}

fn called<'a>(ways: &'a Arc<Vec<Provider>>, name: &str) -> Result<&'a Provider, Failure> {
    ways.iter()
        .find(|provider| provider.name.as_str() == name)
        .ok_or(Failure::NotFound)
}

fn biller_of(provider: &Provider) -> Result<&Biller, Failure> {
    match &provider.dialect {
        Dialect::Biller(biller) => Ok(biller),
        _ => Err(Failure::NotFound),
    }
}

fn plain(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

fn json(text: String) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json; charset=utf-8")],
        text,
    )
        .into_response()
}
