//! Who calls, whether their token lets them, and whether they call too often.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use kvit_billing::{ApiName, code::Token};
use kvit_store::{ApiTokenRecord, Store, StoreError, api_subject, api_who};
use serde_json::json;

use super::{
    API_OPERATIONS, event, operation,
    problem::{MEDIA_TYPE, NO_METHOD, NO_SCOPE, NO_TOKEN, Problem, Refused, TOO_MANY, wait},
};
use crate::{App, front};

/// Stands before a token, so that a program that looks for lost secrets knows one.
pub const TOKEN_PREFIX: &str = "kvit_";
/// Calls of one token in a minute, on all machines together.
const CALLS_PER_MINUTE: u32 = 600;

/// Whose token came with the call. Inserted into every call that needs one.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) token: ApiName,
}

impl Caller {
    /// As the audit trail names it.
    pub(crate) fn who(&self) -> String {
        api_who(&self.token)
    }
}

/// Calls that this process may still make of each token in a minute, without asking the store again.
#[derive(Default)]
pub(crate) struct Rates(Mutex<HashMap<ApiName, Taken>>);

#[derive(Clone, Copy, Debug)]
enum Taken {
    /// So many in this minute.
    Left(u64, u32),
    /// All machines together have made all of this minute's.
    UsedUp(u64),
}

impl Rates {
    /// Counts a call over all machines; `Some` where it was one too many: until then.
    async fn count(
        &self,
        store: &Store,
        token: &ApiName,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let minute = u64::try_from(now.as_second().div_euclid(60)).unwrap_or(0);
        let next = || now + SignedDuration::from_secs(60 - now.as_second().rem_euclid(60));
        match self.one(token, minute) {
            Some(true) => return Ok(None),
            Some(false) => return Ok(Some(next())),
            None => {}
        }
        let batch = store
            .take_api_calls(token, minute, CALLS_PER_MINUTE)
            .await?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(others) = batch.checked_sub(1) else {
            all.insert(token.clone(), Taken::UsedUp(minute));
            return Ok(Some(next()));
        };
        // Others may have taken some meanwhile.
        let known = match all.get(token) {
            Some(Taken::Left(of, left)) if *of == minute => *left,
            _ => 0,
        };
        all.insert(token.clone(), Taken::Left(minute, known + others));
        Ok(None)
    }

    /// Makes a call of those that this process has: whether it may, and nothing where the store has to be asked.
    fn one(&self, token: &ApiName, minute: u64) -> Option<bool> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(token)? {
            Taken::Left(of, left) if *of == minute => {
                *left = left.checked_sub(1)?;
                Some(true)
            }
            Taken::UsedUp(of) if *of == minute => Some(false),
            _ => None,
        }
    }
}

pub(crate) async fn guard(
    State(app): State<App>,
    matched: MatchedPath,
    mut request: Request,
    next: Next,
) -> Response {
    let method = match request.method() {
        &Method::HEAD => "GET",
        method => method.as_str(),
    };
    let Some(wanted) = operation(method, matched.as_str()) else {
        return not_that_way(matched.as_str());
    };
    let Some(scope) = wanted.scope else {
        return next.run(request).await;
    };
    let record = match known(&app, request.headers()).await {
        Ok(record) => record,
        Err(refused) => {
            let response = refused.into_response();
            if response.status() == StatusCode::UNAUTHORIZED {
                let address = front::address(&app, &request);
                tracing::info!(address, "a call of the API brought no token that is known");
            }
            return response;
        }
    };
    let caller = Caller { token: record.name };
    let (store, now) = (&app.portal.store, app.portal.clock.now());
    let counted = match app.rates.count(store, &caller.token, now).await {
        Ok(counted) => counted,
        Err(fault) => return Refused::from(fault).into_response(),
    };
    if let Some(until) = counted {
        let detail = format!(
            "A token may call {CALLS_PER_MINUTE} times in a minute: wait as long as Retry-After says."
        );
        return wait(&app, TOO_MANY, until, &detail).into_response();
    }
    if !record.scopes.contains(&scope) {
        let (path, subject) = (request.uri().path(), api_subject(&caller.token));
        let detail = json!({ "path": path });
        let refused = event(&app, &caller, "api.refused", subject, detail);
        if let Err(fault) = app.portal.store.record_event(&refused).await {
            return Refused::from(fault).into_response();
        }
        let scope = scope.as_str();
        let detail = format!(
            "This needs the scope {scope}. The operator gives a token with it by `kvit api token add NAME --scope {scope}`."
        );
        return Problem::new(NO_SCOPE, detail).into_response();
    }
    let asked = request.uri().path().to_owned();
    request.extensions_mut().insert(caller.clone());
    let response = next.run(request).await;
    // Whoever tries numbers one after the other leaves a trace as well.
    if response.status() == StatusCode::NOT_FOUND {
        let subject = api_subject(&caller.token);
        let missed = event(
            &app,
            &caller,
            "api.not-found",
            subject,
            json!({ "path": asked }),
        );
        if let Err(fault) = app.portal.store.record_event(&missed).await {
            return Refused::from(fault).into_response();
        }
    }
    response
}

/// The token of a call, looked up each time: one that is revoked works no more at once.
async fn known(app: &App, headers: &HeaderMap) -> Result<ApiTokenRecord, Refused> {
    let sent = headers.get(header::AUTHORIZATION);
    let sent = sent.and_then(|value| value.to_str().ok());
    let token = sent
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .and_then(|(_, token)| token.trim().strip_prefix(TOKEN_PREFIX))
        .and_then(Token::parse);
    let found = match token {
        Some(token) => {
            let now = app.portal.clock.now();
            app.portal.store.api_token(&token.hash(), now).await?
        }
        None => None,
    };
    found.ok_or_else(|| {
        Problem::new(
            NO_TOKEN,
            "Send `Authorization: Bearer kvit_…` with a token from `kvit api token add`. It may also have been revoked, or its last day may be over.",
        )
        .into()
    })
}

fn not_that_way(path: &str) -> Response {
    let here = API_OPERATIONS.iter().filter(|one| one.path == path);
    let allowed: Vec<_> = here.map(|one| one.method).collect();
    let allowed = allowed.join(", ");
    let detail = format!("It takes {allowed}.");
    let mut response = Problem::new(NO_METHOD, detail).into_response();
    if let Ok(allowed) = HeaderValue::from_str(&allowed) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

/// What every answer carries; a fault without words of its own gets some.
pub(crate) async fn outer(State(app): State<App>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let told = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|media_type| media_type == MEDIA_TYPE);
    let failed = status.is_client_error() || status.is_server_error();
    let mut response = match failed && !told {
        true => Problem::of_status(match status {
            // What axum refuses by itself is all the same to a caller.
            StatusCode::UNSUPPORTED_MEDIA_TYPE => StatusCode::BAD_REQUEST,
            status => status,
        })
        .into_response(),
        false => response,
    };
    front::guard_headers(&app, response.headers_mut());
    response
}
