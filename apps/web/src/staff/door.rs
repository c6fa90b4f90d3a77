//! Who is signed in, and whether the list lets them ask for what they ask for.

use axum::{
    Extension,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use kvit_billing::{Role, StaffLogin, code::Token};
use kvit_store::StoreError;

use super::{Who, say, who_may};
use crate::{
    App,
    failure::Failure,
    front::{Visitor, cookie},
    rooms::again::{FORM_MINUTES, FRESH_MINUTES},
};

/// A session that nobody used for so long has ended.
pub(crate) const IDLE_MINUTES: i64 = 30;
/// A session ends with the shift, used or not.
pub(crate) const SESSION_HOURS: i64 = 12;
/// In the query of a page that comes again by itself.
const AGAIN: &str = "again";
/// The name of the session's cookie.
pub(crate) const COOKIE: &str = "staff";

/// The member of staff who is signed in. Inserted into every request that needs one.
#[derive(Clone, Debug)]
pub(crate) struct Officer {
    pub(crate) login: StaffLogin,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) centre: Option<String>,
    /// Whether the password has to be replaced before anything else.
    pub(crate) temporary: bool,
    /// When they last proved who they are.
    pub(crate) proven_at: Timestamp,
    /// Whether they sign in at the identity provider only.
    pub(crate) elsewhere: bool,
    pub(crate) session: Token,
}

pub(crate) async fn guard(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    matched: MatchedPath,
    mut request: Request,
    next: Next,
) -> Response {
    let method = match request.method() {
        &Method::HEAD => "GET",
        method => method.as_str(),
    };
    let Some(who) = who_may(method, matched.as_str()) else {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    };
    let officer = match signed_in(&app, request.headers(), by_itself(request.uri())).await {
        Ok(officer) => officer,
        Err(failure) => return failure.into_response(),
    };
    let Some(officer) = officer else {
        return match who {
            Who::Anyone => next.run(request).await,
            _ => to_sign_in(request.method(), &visitor.path),
        };
    };
    let own = matches!(matched.as_str(), "/staff/password" | "/staff/sign-out");
    if officer.temporary && !own && who != Who::Anyone {
        return (
            StatusCode::SEE_OTHER,
            [(header::LOCATION, "/staff/password")],
        )
            .into_response();
    }
    if !who.lets(officer.role) {
        return refused(&app, &visitor, &officer).await;
    }
    request.extensions_mut().insert(officer);
    next.run(request).await
}

/// Whether who began something that takes long is still of staff, in the same role. Their session may have ended by
/// itself: they are at it.
pub(super) async fn still_may(app: &App, officer: &Officer) -> Result<bool, StoreError> {
    let found = app.portal.store.staff_member(&officer.login).await?;
    Ok(found.is_some_and(|now| now.disabled_at.is_none() && now.role == officer.role))
}

async fn signed_in(
    app: &App,
    headers: &HeaderMap,
    by_itself: bool,
) -> Result<Option<Officer>, Failure> {
    let name = app.cookie_name(COOKIE);
    let Some(session) = cookie(headers, &name).and_then(Token::parse) else {
        return Ok(None);
    };
    let portal = &app.portal;
    let found = portal
        .store
        .staff_session(&session.hash(), portal.clock.now(), idle(), by_itself)
        .await?;
    Ok(found.map(|(record, proven_at)| Officer {
        proven_at,
        login: record.login,
        name: record.name,
        role: record.role,
        centre: record.centre,
        temporary: record.temporary,
        elsewhere: record.identity.is_some(),
        session,
    }))
}

/// Has the browser ask for this page again. Nobody does anything by that, so the session is not used by it.
pub(crate) fn come_again(visitor: &Visitor, after_s: u16, response: &mut Response) {
    let query = visitor.query.split_inclusive('&');
    let query: String = query
        .filter(|pair| pair.trim_end_matches('&') != AGAIN)
        .collect();
    let line = format!("{after_s}; url={}?{query}{AGAIN}", visitor.path);
    if let Ok(line) = HeaderValue::from_str(&line) {
        response.headers_mut().insert(header::REFRESH, line);
    }
}

fn by_itself(uri: &Uri) -> bool {
    let mut pairs = uri.query().unwrap_or_default().split('&');
    pairs.any(|pair| pair == AGAIN)
}

/// A page is shown after the sign-in; what was typed into a form is lost with its session.
fn to_sign_in(method: &Method, path: &str) -> Response {
    let to = if matches!(*method, Method::GET | Method::HEAD) && path != "/staff" {
        format!("/staff/sign-in?next={path}")
    } else if *method == Method::POST {
        "/staff/sign-in?ended".to_owned()
    } else {
        "/staff/sign-in".to_owned()
    };
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

/// Leads to the proof, and from there to the page.
pub(crate) fn first(page: &str) -> String {
    format!("/staff/sign-in?again&next={page}")
}

/// How long a session may lie unused.
pub(super) fn idle() -> SignedDuration {
    SignedDuration::from_mins(IDLE_MINUTES)
}

fn proven_within(app: &App, officer: &Officer, minutes: i64) -> bool {
    officer.proven_at > app.portal.clock.now() - SignedDuration::from_mins(minutes)
}

/// Whether a page shows what changes how one gets in, or leads to the proof first.
pub(crate) fn fresh(app: &App, officer: &Officer) -> bool {
    proven_within(app, officer, FRESH_MINUTES)
}

/// Before such a change is made.
pub(crate) fn must_be_fresh(app: &App, officer: &Officer, page: &str) -> Result<(), Failure> {
    if proven_within(app, officer, FRESH_MINUTES + FORM_MINUTES) {
        Ok(())
    } else {
        Err(Failure::See(first(page)))
    }
}

/// That somebody tried is worth an auditor's look.
async fn refused(app: &App, visitor: &Visitor, officer: &Officer) -> Response {
    let subject = format!("staff/{}", officer.login);
    let detail = serde_json::json!({ "path": visitor.path });
    let event = super::event(app, officer, "page.refused", subject, detail);
    if let Err(fault) = app.portal.store.record_event(&event).await {
        return Failure::from(fault).into_response();
    }
    let what = (
        StatusCode::FORBIDDEN,
        "staff-refused-title",
        "staff-refused-text",
    );
    let page = say(app, visitor, officer, what, super::home_of(officer.role));
    page.unwrap_or_else(IntoResponse::into_response)
}
