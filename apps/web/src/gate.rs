//! Number and code: the one way in, with its limits. An unknown number and a wrong code take the
//! same steps and give the same answer.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use kvit_billing::CustomerNumber;
use kvit_store::GuardState;
use minijinja::{Value, context};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::{App, failure::Failure, front::Visitor};

const LOCKS: usize = 64;

/// One attempt at a time for one customer number, so that many at once cannot slip past its limit.
pub(crate) struct Locks([Mutex<()>; LOCKS]);

impl Default for Locks {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }
}

impl Locks {
    fn of(&self, number: &CustomerNumber) -> &Mutex<()> {
        let mut hasher = DefaultHasher::new();
        number.hash(&mut hasher);
        // Below LOCKS, so it fits.
        &self.0[(hasher.finish() % LOCKS as u64) as usize]
    }
}

/// What a visitor typed.
#[derive(Deserialize)]
pub(crate) struct Identity {
    #[serde(default)]
    pub(crate) number: String,
    #[serde(default)]
    pub(crate) code: String,
}

/// Whether the visitor may go in.
pub(crate) enum Gate {
    Open(CustomerNumber),
    /// What is wrong: a field and the text that says so.
    Wrong(Vec<(&'static str, &'static str)>),
    /// Too many attempts, until then.
    Locked(Timestamp),
}

pub(crate) async fn knock(
    app: &App,
    visitor: &Visitor,
    identity: &Identity,
) -> Result<Gate, Failure> {
    let portal = &app.portal;
    let typed: String = identity
        .number
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    let number = typed.parse::<CustomerNumber>();
    let digits = identity.code.chars().filter(char::is_ascii_digit).count();
    let mut wrong = Vec::new();
    if number.is_err() {
        wrong.push(("number", "error-number"));
    }
    if digits != 8 {
        wrong.push(("code", "error-code"));
    }
    let number = match number {
        Ok(number) if wrong.is_empty() => number,
        _ => return Ok(Gate::Wrong(wrong)),
    };
    let by_number = format!(
        "check-number-{}",
        portal.key.pseudonym("number", number.as_str())
    );
    let by_address = format!("check-address-{}", visitor.address);
    let _one_at_a_time = app.locks.of(&number).lock().await;
    let now = portal.clock.now();
    for guard in [&by_number, &by_address] {
        if let Some(until) = portal.store.guard(guard, now).await?.blocked_until {
            return Ok(Gate::Locked(until));
        }
    }
    let known = portal.store.customer(&number).await?;
    let generation = known.as_ref().map_or(1, |known| known.code_generation);
    let right = portal
        .key
        .authorization_code(&number, generation)
        .matches(&identity.code);
    if right && known.is_some() {
        portal.store.guard_clear(&by_number).await?;
        return Ok(Gate::Open(number));
    }
    let limits = &portal.limits;
    let at_number = portal
        .store
        .guard_fail(&by_number, now, &limits.per_number)
        .await?;
    let at_address = portal
        .store
        .guard_fail(&by_address, now, &limits.per_address)
        .await?;
    let until = |state: GuardState| state.blocked_until;
    tracing::info!("a number and code did not match");
    Ok(match until(at_number).max(until(at_address)) {
        Some(until) => Gate::Locked(until),
        None => Gate::Wrong(vec![
            ("number", "error-mismatch"),
            ("code", "error-mismatch"),
        ]),
    })
}

/// When to try again, and whom to call.
pub(crate) fn locked(app: &App, visitor: &Visitor, until: Timestamp) -> Result<Response, Failure> {
    let wait_s = until
        .duration_since(app.portal.clock.now())
        .max(SignedDuration::from_secs(1))
        .as_secs();
    let minutes = (wait_s + 59) / 60;
    let page = app
        .pages
        .render(visitor, "lock.html", context! { minutes })?;
    let mut response = (StatusCode::TOO_MANY_REQUESTS, page).into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
    Ok(response)
}

/// Errors as the templates take them; one text that two fields share is said once on top.
pub(crate) fn faults(wrong: &[(&str, &str)]) -> Value {
    wrong
        .iter()
        .map(|&(field, text)| context! { field, text })
        .collect()
}
