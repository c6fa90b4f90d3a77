//! Signing in at the organisation's own identity provider (OpenID Connect, authorization code flow with PKCE).
//!
//! Who somebody is there, issuer and subject, is kept with their account; the sign-in name is only what it is
//! called. Their role, name and centre are what the provider says at each sign-in.

mod provider;
mod token;

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    Extension,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use kvit_billing::{Role, Secret, StaffLogin, code::Token};
use kvit_store::{Event, NewChallenge, NewStaff, StaffProfile, StaffRecord};
use serde::Deserialize;
use serde_json::{Value, json};

pub use provider::{Oidc, OidcError, OidcSettings};

use super::{
    door::Officer,
    sign_in::{self, Way, own_page},
};
use crate::{App, Hall, credentials, failure::Failure, front::Visitor};
use provider::Errand;

/// Somebody may have to find their second factor there.
const SIGN_IN_MINUTES: i64 = 15;
const BACK: &str = "/staff/sign-in/oidc/back";
const PURPOSE: &str = "oidc";
const NAME_CHARS_MAX: usize = 100;

/// What is derived of a state, so that nothing but its hash has to be kept.
struct Secrets {
    nonce: String,
    verifier: String,
}

fn secrets(app: &App, state: &Token) -> Secrets {
    let derived = |what| app.portal.key.pseudonym(what, state.expose());
    Secrets {
        nonce: derived("oidc-nonce"),
        // RFC 7636, 4.1: from 43 characters on.
        verifier: derived("oidc-verifier-1") + &derived("oidc-verifier-2"),
    }
}

/// RFC 7636, 4.2.
fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

fn site(app: &App) -> Result<&Oidc, Failure> {
    app.portal.oidc.as_ref().ok_or(Failure::NotFound)
}

fn here(app: &App, path: &str) -> String {
    format!("{}{path}", app.portal.public_url.trim_end_matches('/'))
}

impl Hall {
    /// What the provider's button says; none where there is none.
    pub(crate) fn oidc_title(&self) -> Option<&str> {
        self.portal
            .oidc
            .as_ref()
            .map(|oidc| oidc.settings.title.as_str())
    }
}

/// Where who has signed out here can sign out there too.
pub(crate) async fn way_out(app: &App) -> Option<String> {
    let oidc = app.portal.oidc.as_ref()?;
    oidc.way_out(&here(app, "/staff/sign-in")).await
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    next: String,
    /// Whether the provider has to ask once more, whoever is signed in there.
    again: Option<String>,
}

/// To the provider, with a fresh state that only this browser may bring back.
pub(crate) async fn go(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let oidc = site(&app)?;
    let token = app.random_token();
    let at = app.portal.clock.now();
    let new = NewChallenge {
        hash: token.hash(),
        purpose: PURPOSE.to_owned(),
        browser: visitor.form_token.clone(),
        address: visitor.address.clone(),
        at,
        expires: at + SignedDuration::from_mins(SIGN_IN_MINUTES),
    };
    if !app.portal.store.ask_passkey(&new).await? {
        return Ok(StatusCode::TOO_MANY_REQUESTS.into_response());
    }
    let Secrets { nonce, verifier } = secrets(&app, &token);
    // The page that was asked for comes back with it; only one of ours is followed then.
    let next = if own_page(&asked.next) {
        asked.next.as_str()
    } else {
        ""
    };
    let errand = Errand {
        state: &format!("{}{next}", token.expose()),
        nonce: &nonce,
        verifier: &verifier,
        back: &here(&app, BACK),
    };
    match oidc.door(&errand, asked.again.is_some()).await {
        Ok(door) => Ok((StatusCode::SEE_OTHER, [(header::LOCATION, door)]).into_response()),
        Err(error) => silent(&app, &visitor, next, &error),
    }
}

fn silent(
    app: &App,
    visitor: &Visitor,
    next: &str,
    error: &OidcError,
) -> Result<Response, Failure> {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        "the identity provider cannot be used"
    );
    let why = ("oidc", "staff-oidc-silent");
    let page = sign_in::refused(app, visitor, next, why)?;
    Ok((StatusCode::BAD_GATEWAY, page).into_response())
}

#[derive(Deserialize)]
pub(crate) struct Brought {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    iss: Option<String>,
    /// What the provider says instead of a code.
    error: Option<String>,
}

/// From the provider, with a code. The state is used up whatever else is wrong.
pub(crate) async fn back(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    officer: Option<Extension<Officer>>,
    Query(brought): Query<Brought>,
) -> Result<Response, Failure> {
    let oidc = site(&app)?;
    let (token, next) = brought.state.split_at_checked(32).unwrap_or_default();
    let no = |why: &str| sign_in::refused(&app, &visitor, next, ("oidc", why));
    let Some(token) = Token::parse(token) else {
        return no("staff-oidc-again");
    };
    let (store, now) = (&app.portal.store, app.portal.clock.now());
    let browser = &visitor.form_token;
    if !store
        .use_challenge(&token.hash(), PURPOSE, browser, now)
        .await?
    {
        return no("staff-oidc-again");
    }
    if brought.error.is_some() || brought.code.is_empty() {
        tracing::info!("the identity provider signed nobody in");
        return no("staff-oidc-again");
    }
    match oidc.is_theirs(brought.iss.as_deref()).await {
        Ok(true) => {}
        Ok(false) => {
            tracing::warn!("an answer came back that another identity provider gave");
            return no("staff-oidc-again");
        }
        Err(error) => return silent(&app, &visitor, next, &error),
    }
    let Secrets { nonce, verifier } = secrets(&app, &token);
    let errand = Errand {
        state: &brought.state,
        nonce: &nonce,
        verifier: &verifier,
        back: &here(&app, BACK),
    };
    let claims = match oidc.claims(&brought.code, &errand, now).await {
        Ok(Ok(claims)) => claims,
        Ok(Err(why)) => {
            tracing::warn!(reason = %why, "a token of the identity provider was refused");
            return no("staff-oidc-again");
        }
        Err(error) => return silent(&app, &visitor, next, &error),
    };
    match admitted(&app, oidc, &claims).await? {
        Ok(account) => {
            let earlier = officer.as_deref();
            // When that was there, if the provider says it: a sign-in of the morning proves nothing now.
            let proven = found(&claims, "auth_time").and_then(Value::as_i64);
            let proven = proven.and_then(|at| Timestamp::from_second(at).ok());
            let proven = proven.unwrap_or(Timestamp::UNIX_EPOCH).min(now);
            let way = (Way::Oidc, proven);
            sign_in::opened(&app, &visitor, earlier, &account, next, way).await
        }
        Err(why) => no(why),
    }
}

/// The account of whom the claims name, brought up to date; or why they get none.
async fn admitted(
    app: &App,
    oidc: &Oidc,
    claims: &BTreeMap<String, Value>,
) -> Result<Result<StaffRecord, &'static str>, Failure> {
    let settings = &oidc.settings;
    let store = &app.portal.store;
    let text = |name: &str| found(claims, name).and_then(Value::as_str).map(str::trim);
    // Issuers have no blanks.
    let identity = format!("{} {}", settings.issuer, text("sub").unwrap_or_default());
    let known = store.staff_by_identity(&identity).await?;
    let event = |login: &StaffLogin, what: &str, detail: Value| Event {
        at: app.portal.clock.now(),
        who: "oidc".to_owned(),
        what: what.to_owned(),
        subject: format!("staff/{login}"),
        detail,
    };
    let Some(role) = role(settings, claims) else {
        tracing::info!("the identity provider names no role of ours, or several");
        if let Some(account) = known {
            let ended = event(&account.login, "staff.no-role", json!({}));
            store.end_staff_sessions(&account.login, &ended).await?;
        }
        return Ok(Err("staff-oidc-no-role"));
    };
    let login = text(&settings.login_claim).map(str::to_lowercase);
    let login = login.and_then(|login| login.parse::<StaffLogin>().ok());
    let login = match (&known, login) {
        (Some(account), _) => account.login.clone(),
        (None, Some(login)) => login,
        (None, None) => return Ok(Err("staff-oidc-no-name")),
    };
    let profile = StaffProfile {
        name: short(text("name")).unwrap_or_else(|| login.to_string()),
        role,
        centre: short(text(&settings.centre_claim)).filter(|_| role == Role::Clerk),
    };
    let detail = json!({ "role": role.as_str() });
    if let Some(account) = known {
        if account.disabled_at.is_some() {
            return Ok(Err("staff-oidc-closed"));
        }
        let changed = event(&login, "staff.role-changed", detail);
        store.update_staff(&login, &profile, &changed).await?;
        return opened(app, &identity).await;
    }
    // Nobody knows this password.
    let (secret, rng) = (app.random_token(), std::sync::Arc::clone(&app.portal.rng));
    let password = app
        .hashing
        .run(move || credentials::hash_password(secret.expose(), rng.as_ref()))
        .await?;
    if linked(
        app,
        &login,
        (&identity, &profile),
        &password,
        &event(&login, "staff.linked", detail.clone()),
    )
    .await?
    {
        return opened(app, &identity).await;
    }
    if !settings.create_accounts {
        return Ok(Err("staff-oidc-unknown"));
    }
    let new = NewStaff {
        login: login.clone(),
        name: profile.name,
        role,
        centre: profile.centre,
        password,
        second_factor: true,
        identity: Some(identity.clone()),
        email: None,
        at: app.portal.clock.now(),
    };
    if !store
        .add_staff(&new, &event(&login, "staff.added", detail))
        .await?
    {
        // A colleague's account is not taken over by a name.
        return Ok(Err("staff-oidc-taken"));
    }
    opened(app, &identity).await
}

/// An account that an administrator made and nobody has used yet becomes theirs who have its name there.
async fn linked(
    app: &App,
    login: &StaffLogin,
    (identity, profile): (&str, &StaffProfile),
    password: &Secret<String>,
    event: &Event,
) -> Result<bool, Failure> {
    let store = &app.portal.store;
    Ok(store
        .link_staff(login, (identity, profile), password, event)
        .await?)
}

async fn opened(app: &App, identity: &str) -> Result<Result<StaffRecord, &'static str>, Failure> {
    let account = app.portal.store.staff_by_identity(identity).await?;
    Ok(account.ok_or("staff-oidc-again"))
}

/// A claim by its name, or by the names that lead to it.
fn found<'a>(claims: &'a BTreeMap<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let mut names = name.split('.');
    let first = claims.get(names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}

/// The one role that the claims make; none where they make none, or several.
fn role(settings: &OidcSettings, claims: &BTreeMap<String, Value>) -> Option<Role> {
    let said = match found(claims, &settings.roles_claim)? {
        Value::String(one) => vec![one.as_str()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let roles: BTreeSet<_> = said
        .iter()
        .filter_map(|said| settings.roles.get(*said))
        .collect();
    match Vec::from_iter(roles)[..] {
        [role] => Some(*role),
        _ => None,
    }
}

fn short(text: Option<&str>) -> Option<String> {
    let text: String = super::plain(text?).chars().take(NAME_CHARS_MAX).collect();
    (!text.is_empty()).then_some(text)
}
