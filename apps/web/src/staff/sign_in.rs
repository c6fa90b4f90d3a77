//! Signing in and out, and a password of one's own.

use axum::{
    Extension, Form,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use kvit_billing::{Language, Secret, StaffLogin};
use kvit_store::{Event, GuardPolicy, NewStaffSession, StaffRecord};
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{
    door::{COOKIE, Officer, SESSION_HOURS, first, fresh, must_be_fresh},
    event, home_of, oidc, render,
};
use crate::{App, credentials, failure::Failure, front::Visitor, gate};

/// To the first page of who is signed in.
pub(crate) async fn home(Extension(officer): Extension<Officer>) -> Response {
    to(home_of(officer.role))
}

fn to(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, path.to_owned())]).into_response()
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    next: String,
    /// Whether somebody who is signed in has to prove it once more.
    again: Option<String>,
    /// Whether the session ended while a form was filled in.
    ended: Option<String>,
    /// Whether the visitor has just signed out.
    left: Option<String>,
}

pub(crate) async fn form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    officer: Option<Extension<Officer>>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    if let (Some(Extension(officer)), Some(_)) = (&officer, &asked.again) {
        let login = officer.login.as_str();
        let page = context! { next => asked.next, login, again => true };
        return sign_in_page(&app, &visitor, page);
    }
    if let Some(Extension(officer)) = officer {
        return Ok(to(home_of(officer.role)));
    }
    let notice = match (asked.ended, asked.left) {
        (Some(_), _) => Some("staff-session-ended"),
        (None, Some(_)) => Some("staff-left"),
        (None, None) => None,
    };
    let way_out = match notice {
        Some("staff-left") => oidc::way_out(&app).await,
        _ => None,
    };
    let page = context! { next => asked.next, notice, way_out };
    sign_in_page(&app, &visitor, page)
}

/// How somebody signed in, as the trail says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Name, password and the app's code.
    Password,
    Passkey,
    /// At the organisation's identity provider.
    Oidc,
}

impl Way {
    fn word(self) -> &'static str {
        match self {
            Self::Password => "own-password",
            Self::Passkey => "passkey",
            Self::Oidc => "oidc",
        }
    }
}

/// A sign-in by another way than name and password that opened nothing.
pub(crate) fn refused(
    app: &App,
    visitor: &Visitor,
    next: &str,
    why: (&str, &str),
) -> Result<Response, Failure> {
    wrong_page(app, visitor, ("", next), why)
}

/// Opens a session in place of the browser's earlier one, and leads to the page that was asked for.
pub(crate) async fn opened(
    app: &App,
    visitor: &Visitor,
    earlier: Option<&Officer>,
    account: &StaffRecord,
    next: &str,
    (way, proven_at): (Way, Timestamp),
) -> Result<Response, Failure> {
    let next = if own_page(next) {
        next
    } else {
        home_of(account.role)
    };
    let mut response = to(if account.temporary {
        "/staff/password"
    } else {
        next
    });
    if let Some(earlier) = earlier {
        let store = &app.portal.store;
        store.close_staff_session(&earlier.session.hash()).await?;
    }
    let detail = json!({ "way": way.word(), "address": visitor.address });
    let what = "staff.signed-in";
    let proven = (what, proven_at, way);
    open_session(app, visitor, &account.login, proven, detail, &mut response).await?;
    Ok(response)
}

fn sign_in_page(app: &App, visitor: &Visitor, page: Value) -> Result<Response, Failure> {
    let local = app.portal.local_accounts;
    let passkeys = app.passkeys.is_some() && local;
    let page = context! { local, passkeys, oidc => app.oidc_title(), ..page };
    let page = render(app, visitor, None, "staff/sign-in.html", page)?;
    Ok(if passkeys { app.scripted(page) } else { page })
}

fn wrong_page(
    app: &App,
    visitor: &Visitor,
    (login, next): (&str, &str),
    wrong: (&str, &str),
) -> Result<Response, Failure> {
    let errors = gate::faults(&[wrong]);
    let page = sign_in_page(app, visitor, context! { login, next, errors })?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

#[derive(Deserialize)]
pub(crate) struct SignInForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    login: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    factor: String,
    #[serde(default)]
    next: String,
}

/// Name, password and the app's code open a session. All that can be wrong with them looks alike.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    earlier: Option<Extension<Officer>>,
    Form(form): Form<SignInForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let portal = &app.portal;
    if !portal.local_accounts {
        return Err(Failure::NotFound);
    }
    let typed = form.login.trim().to_lowercase();
    // An unknown name is counted too, by the name as it was typed.
    let _one_at_a_time = app.locks.of(&typed).lock().await;
    let guards = guards(&app, &visitor, &typed);
    let now = portal.clock.now();
    for (guard, _) in &guards {
        if let Some(until) = portal.store.guard(guard, now).await?.blocked_until {
            return gate::locked(&app, &visitor, until);
        }
    }
    let login = typed.parse::<StaffLogin>().ok();
    let account = match &login {
        Some(login) => portal.store.staff_member(login).await?,
        None => None,
    };
    let account = account.filter(|it| it.disabled_at.is_none() && it.identity.is_none());
    let account = match account {
        Some(account) if is_over(&app, &account, now).await? => None,
        account => account,
    };
    let password = form.password;
    let kept = account.as_ref().map(|account| account.password.clone());
    let right = app
        .hashing
        .run(move || credentials::password_matches(&password, kept.as_ref()))
        .await;
    let account = match account {
        Some(account) if right && second_factor(&app, &account, &form.factor, now).await? => {
            Some(account)
        }
        _ => None,
    };
    let Some(account) = account else {
        return wrong(&app, &visitor, &typed, &form.next, &guards, now).await;
    };
    portal.store.guard_clear(&guards[0].0).await?;
    let earlier = earlier.as_deref();
    let way = (Way::Password, now);
    opened(&app, &visitor, earlier, &account, &form.next, way).await
}

/// Whether the account has a temporary password that nobody used in its time.
async fn is_over(app: &App, account: &StaffRecord, now: Timestamp) -> Result<bool, Failure> {
    if !account.temporary {
        return Ok(false);
    }
    let since = app.portal.store.staff_started_at(&account.login).await?;
    let end = since.unwrap_or(account.created_at)
        + SignedDuration::from_hours(24 * credentials::TEMPORARY_DAYS);
    Ok(end <= now)
}

/// What counts wrong sign-ins: the first is forgotten at the right one.
fn guards(app: &App, visitor: &Visitor, typed: &str) -> [(String, GuardPolicy); 2] {
    let (key, limits) = (&app.portal.key, &app.portal.limits);
    let name = format!("staff-login-{}", key.pseudonym("staff", typed));
    let address = format!("staff-address-{}", visitor.address);
    [(name, limits.per_number), (address, limits.per_address)]
}

/// The code of an authenticator app, used up by this. An account without one opens only while the
/// operator is made up.
async fn second_factor(
    app: &App,
    account: &StaffRecord,
    typed: &str,
    now: Timestamp,
) -> Result<bool, Failure> {
    if !account.second_factor {
        return Ok(app.portal.placeholder);
    }
    let secret = app
        .portal
        .key
        .totp_secret(&account.login, account.totp_generation);
    match credentials::totp_step(&secret, typed, now) {
        Some(step) => Ok(app.portal.store.use_totp_step(&account.login, step).await?),
        None => Ok(false),
    }
}

async fn wrong(
    app: &App,
    visitor: &Visitor,
    typed: &str,
    next: &str,
    guards: &[(String, GuardPolicy); 2],
    now: Timestamp,
) -> Result<Response, Failure> {
    let store = &app.portal.store;
    let [(by_name, name_policy), (by_address, address_policy)] = guards;
    let name = store.guard_fail(by_name, now, name_policy).await?;
    let address = store.guard_fail(by_address, now, address_policy).await?;
    let who = app.portal.key.pseudonym("staff", typed);
    tracing::info!(
        who,
        address = visitor.address,
        "a member of staff did not sign in"
    );
    if let Some(until) = name.blocked_until {
        // A name that nobody has could be anything, a password among them: it is told of by its
        // pseudonym, in as many steps as one that somebody has. Who tried is not known.
        let known = match typed.parse::<StaffLogin>() {
            Ok(login) => store.staff_member(&login).await?,
            Err(_) => None,
        };
        let subject = match known {
            Some(account) => account.login.to_string(),
            None => who,
        };
        let event = Event {
            at: now,
            who: "?".to_owned(),
            what: "staff.locked-out".to_owned(),
            subject: format!("staff/{subject}"),
            detail: json!({ "until": until, "address": visitor.address }),
        };
        store.record_event(&event).await?;
    }
    if let Some(until) = name.blocked_until.max(address.blocked_until) {
        return gate::locked(app, visitor, until);
    }
    wrong_page(
        app,
        visitor,
        (typed, next),
        ("login", "staff-error-sign-in"),
    )
}

/// Only a page of the console may follow the sign-in.
pub(super) fn own_page(next: &str) -> bool {
    let sign = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '.');
    next.starts_with("/staff/")
        && !next.contains("//")
        && !next.contains("..")
        && next.chars().all(sign)
}

/// A session of its own for each sign-in, under a token that nobody had before.
async fn open_session(
    app: &App,
    visitor: &Visitor,
    login: &StaffLogin,
    (what, proven_at, way): (&str, Timestamp, Way),
    detail: serde_json::Value,
    response: &mut Response,
) -> Result<(), Failure> {
    let portal = &app.portal;
    let token = app.random_token();
    let now = portal.clock.now();
    let expires = now
        .saturating_add(SignedDuration::from_hours(SESSION_HOURS))
        .unwrap_or(now);
    let event = Event {
        at: now,
        who: login.to_string(),
        what: what.to_owned(),
        subject: format!("staff/{login}"),
        detail,
    };
    let new = NewStaffSession {
        token: token.hash(),
        login: login.clone(),
        proven_at,
        expires,
        device: visitor.device.clone(),
        opened_by: way.word().to_owned(),
    };
    portal.store.open_staff_session(&new, &event).await?;
    // Without an age: it ends with the browser.
    app.set_cookie(response, COOKIE, token.expose(), None);
    Ok(())
}

#[derive(Deserialize)]
pub(crate) struct OwnForm {
    #[serde(default)]
    pub(crate) form_token: String,
}

pub(crate) async fn sign_out(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<OwnForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let store = &app.portal.store;
    store.close_staff_session(&officer.session.hash()).await?;
    let mut response = to("/staff/sign-in?left");
    app.end_cookie(&mut response, COOKIE);
    Ok(response)
}

pub(crate) async fn password_form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
) -> Result<Response, Failure> {
    if !(officer.temporary || officer.elsewhere || fresh(&app, &officer)) {
        return Ok(to(&first("/staff/password")));
    }
    password_page(&app, &visitor, &officer, &[])
}

fn password_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let errors = gate::faults(wrong);
    let passkeys = app.passkeys.is_some() && !officer.temporary;
    let elsewhere = officer
        .elsewhere
        .then(|| app.oidc_title().unwrap_or_default());
    let page = context! { errors, temporary => officer.temporary, passkeys, elsewhere };
    render(app, visitor, Some(officer), "staff/password.html", page)
}

#[derive(Deserialize)]
pub(crate) struct PasswordForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    old: String,
    #[serde(default)]
    new: String,
    #[serde(default)]
    again: String,
}

/// A new password ends every session of the account; this browser gets a new one.
pub(crate) async fn password(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<PasswordForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    if !officer.temporary {
        must_be_fresh(&app, &officer, "/staff/password")?;
    }
    let portal = &app.portal;
    let now = portal.clock.now();
    let _one_at_a_time = app.locks.of(&officer.login).lock().await;
    let [(guard, policy), _] = guards(&app, &visitor, officer.login.as_str());
    if let Some(until) = portal.store.guard(&guard, now).await?.blocked_until {
        return gate::locked(&app, &visitor, until);
    }
    if officer.elsewhere {
        return Err(Failure::NotFound);
    }
    let account = portal.store.staff_member(&officer.login).await?;
    let kept = account.map(|account| account.password);
    let (old, known) = (form.old.clone(), kept.clone());
    let right = app
        .hashing
        .run(move || credentials::password_matches(&old, known.as_ref()))
        .await;
    let mut wrong = Vec::new();
    if !right {
        portal.store.guard_fail(&guard, now, &policy).await?;
        wrong.push(("old", "staff-error-old"));
    }
    let name = &portal.operator.short_name;
    let names = Language::ALL.map(|language| name.get(language));
    if !credentials::password_is_fit(&form.new, &officer.login, &names) || form.new == form.old {
        wrong.push(("new", "staff-error-new"));
    } else if form.new != form.again {
        wrong.push(("again", "staff-error-again"));
    }
    if !wrong.is_empty() {
        let page = password_page(&app, &visitor, &officer, &wrong)?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let (new, rng) = (Secret::new(form.new), std::sync::Arc::clone(&portal.rng));
    let hash = app
        .hashing
        .run(move || credentials::hash_password(new.expose(), rng.as_ref()))
        .await?;
    let subject = format!("staff/{}", officer.login);
    let changed = event(&app, &officer, "staff.password-changed", subject, json!({}));
    let store = &portal.store;
    let changed = match &kept {
        Some(kept) => {
            store
                .set_staff_password(&officer.login, kept, &hash, &changed)
                .await?
        }
        None => false,
    };
    if !changed {
        // An administrator closed the account or gave it a new start meanwhile: that stands.
        return Ok(to("/staff/sign-in?ended"));
    }
    let mut response = to(home_of(officer.role));
    open_session(
        &app,
        &visitor,
        &officer.login,
        ("staff.signed-in", now, Way::Password),
        json!({ "after": "password" }),
        &mut response,
    )
    .await?;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::own_page;

    #[test]
    fn only_the_console_follows_a_sign_in() {
        for (next, ours) in [
            ("/staff/customers/1000001", true),
            ("/staff/runs", true),
            ("//evil.example", false),
            ("/staff//evil.example", false),
            ("/staff/../logout", false),
            ("https://evil.example/staff/", false),
            ("/staff/\r\nset-cookie: x", false),
            ("/bills", false),
        ] {
            assert_eq!(own_page(next), ours, "{next}");
        }
    }
}
