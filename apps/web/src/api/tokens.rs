//! How a token of the API is made and until when it works: the same on the command line and in the console.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kvit_billing::{ApiName, Secret, code::Token, ports::Rng};
use kvit_store::{ApiScope, ApiTokenRecord, NewApiToken};
use serde_json::{Value, json};

use super::API_TOKEN_PREFIX;

/// A token that nobody has yet.
#[derive(Debug)]
pub struct MadeToken {
    /// What the store keeps of it.
    pub kept: NewApiToken,
    /// What its system sends, to be shown once.
    pub secret: Secret<String>,
}

/// Makes a token with these scopes, each once, that works from `at` until `expires_at`.
#[must_use]
pub fn make_token(
    rng: &dyn Rng,
    name: ApiName,
    mut scopes: Vec<ApiScope>,
    (at, expires_at): (Timestamp, Option<Timestamp>),
) -> MadeToken {
    let mut bytes = [0; 16];
    rng.fill(&mut bytes);
    let token = Token::from_random(bytes);
    scopes.sort_unstable();
    scopes.dedup();
    MadeToken {
        secret: Secret::new(format!("{API_TOKEN_PREFIX}{}", token.expose())),
        kept: NewApiToken {
            name,
            hash: token.hash(),
            scopes,
            at,
            expires_at,
        },
    }
}

/// What the trail says of a token that was given out.
#[must_use]
pub fn scopes_detail(scopes: &[ApiScope]) -> Value {
    let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    json!({ "scopes": words })
}

/// The moment from which a token does not work whose last day this is; none after the calendar's last day.
#[must_use]
pub fn end_of_token(last_day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let next = last_day.tomorrow().ok()?;
    let next = next.at(0, 0, 0, 0).to_zoned_datetime(zone.clone()).ok()?;
    Some(next.timestamp())
}

/// The last day on which a token works that ends then.
#[must_use]
pub fn last_day_of_token(end: Timestamp, zone: &TimeZone) -> Date {
    let last = end.as_microsecond().saturating_sub(1);
    let last = Timestamp::from_microsecond(last).unwrap_or(end);
    last.to_zoned_datetime(zone.clone()).date()
}

/// Whether a token works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// It does.
    Works,
    /// Its last day is over.
    Over,
    /// Somebody revoked it.
    Revoked,
}

impl TokenState {
    /// Of this token, at this moment.
    #[must_use]
    pub fn of(token: &ApiTokenRecord, now: Timestamp) -> Self {
        match (token.revoked_at, token.expires_at) {
            (Some(_), _) => Self::Revoked,
            (None, Some(end)) if end <= now => Self::Over,
            (None, _) => Self::Works,
        }
    }
}
