//! Number and code, for the telephone robot: the hotline's comparison with the hotline's limits.

use axum::{
    Extension,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kvit_billing::CustomerNumber;
use kvit_store::GUESSING;
use serde_json::json;

use super::{
    door::Caller,
    event,
    problem::{Fault, LOCKED, Problem, Refused, wait},
    read::{body, json as answer, subject},
    views,
};
use crate::{
    App,
    staff::contact::{Code, says_the_code},
    turnstile::Turnstile,
};

const CODE_DIGITS: usize = 8;
const CALLER_CHARS_MAX: usize = 60;
const HAND_OVER: &str =
    "Hand the call to a person; Retry-After says for how long no code is compared.";

pub(super) async fn verify(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    bytes: Bytes,
) -> Result<Response, Refused> {
    let said: views::Said = body(&bytes)?;
    let number = well_formed(&said)?;
    let portal = &app.portal;
    let now = portal.clock.now();
    if !app.turnstile.pass(now).await {
        return Ok(wait(&app, LOCKED, Turnstile::retry_at(now), HAND_OVER).into_response());
    }
    let record = portal.store.customer(&number).await?;
    let calling = portal.key.pseudonym("caller", &said.caller);
    let asker = format!("{}-{calling}", caller.who());
    let place = subject(&number);
    let missed = event(&app, &caller, "customer.not-recognised", place, json!({}));
    let known = (&number, record.as_ref());
    match says_the_code(&app, known, &asker, &said.code, &missed).await? {
        Code::Right => {
            let detail = json!({ "by": "code" });
            let seen = event(
                &app,
                &caller,
                "customer.recognised",
                subject(&number),
                detail,
            );
            portal.store.record_event(&seen).await?;
            Ok(answer(StatusCode::OK, &views::Verified { verified: true }))
        }
        Code::Wrong => {
            everywhere(&app).await?;
            Ok(answer(StatusCode::OK, &views::Verified { verified: false }))
        }
        Code::WrongAndLocked(until) => {
            everywhere(&app).await?;
            Ok(wait(&app, LOCKED, until, HAND_OVER).into_response())
        }
        Code::Locked(until) => Ok(wait(&app, LOCKED, until, HAND_OVER).into_response()),
    }
}

/// A robot asks for many callers, so its wrong codes count in the whole portal too.
async fn everywhere(app: &App) -> Result<(), Refused> {
    let now = app.portal.clock.now();
    let store = &app.portal.store;
    let state = store.count_guess(now, &GUESSING).await?;
    app.turnstile.heed(state, now);
    Ok(())
}

fn well_formed(said: &views::Said) -> Result<CustomerNumber, Refused> {
    let number = said.number.parse::<CustomerNumber>();
    let digits = said.code.chars().filter(char::is_ascii_digit).count();
    let between = |c: char| c.is_ascii_digit() || c == ' ' || c == '-';
    let code = digits == CODE_DIGITS && said.code.len() <= 20 && said.code.chars().all(between);
    let caller = (1..=CALLER_CHARS_MAX).contains(&said.caller.chars().count())
        && !said.caller.chars().any(char::is_control);
    let faults = [
        (number.is_err(), "/number", "up to 20 letters, digits or -"),
        (!code, "/code", "eight digits"),
        (!caller, "/caller", "1 to 60 signs that can be printed"),
    ];
    let faults = faults.into_iter().filter(|(wrong, ..)| *wrong);
    let faults: Vec<_> = faults
        .map(|(_, at, detail)| Fault {
            at: at.to_owned(),
            detail: detail.to_owned(),
        })
        .collect();
    match number {
        Ok(number) if faults.is_empty() => Ok(number),
        _ => Err(Problem::faults(faults).into()),
    }
}
