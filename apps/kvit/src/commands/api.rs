//! `kvit api token`: who of the operator's own systems may ask.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{ApiName, ports::Clock};
use kvit_store::{ApiScope, ApiTokenRecord, Event, api_subject};
use kvit_web::{TokenState, end_of_token, last_day_of_token, make_token, scopes_detail};
use serde_json::{Value, json};

use super::account::at_the_console;
use crate::{
    cli::{TokenAddArgs, TokenCommand},
    exit::{Exit, Failure},
    output::{BOLD, DIM, Output, table},
    wiring::{Instance, SystemClock, SystemRng},
};

pub(super) async fn token(
    out: &Output,
    instance: &Instance,
    command: TokenCommand,
) -> Result<Exit, Failure> {
    match command {
        TokenCommand::Add(args) => add(out, instance, args).await,
        TokenCommand::List => list(out, instance).await,
        TokenCommand::Revoke(args) => revoke(out, instance, &args.name).await,
    }
}

async fn add(out: &Output, instance: &Instance, args: TokenAddArgs) -> Result<Exit, Failure> {
    let at = SystemClock.now();
    let expires_at = args.until.map(|day| end_of(instance, day)).transpose()?;
    if expires_at.is_some_and(|end| end <= at) {
        return Err(Failure::new(Exit::Usage, "the token's last day is over")
            .hint("name a day from today on with --until, or leave it away"));
    }
    let made = make_token(&SystemRng, args.name, args.scopes, (at, expires_at));
    let new = made.kept;
    let detail = scopes_detail(&new.scopes);
    let added = event(at, "api.token-added", &new.name, detail);
    if !instance.store.add_api_token(&new, &added).await? {
        let what = format!("there is, or was, a token called {}", new.name);
        return Err(Failure::new(Exit::Refused, what)
            .hint("a name is one token for good: choose another, such as one with the year"));
    }
    let secret = made.secret.expose();
    let url = format!(
        "{}/api/v1",
        instance.config.portal.public_url.trim_end_matches('/')
    );
    let value = json!({
        "name": new.name.as_str(), "token": secret, "scopes": new.scopes, "until": args.until, "url": url,
    });
    out.result(&value, |out| {
        let pair = |label: &str, text: &str| vec![format!("  {label}"), text.to_owned()];
        let rows = [
            pair("address", &url),
            pair("token", secret),
            pair("scopes", &words(&new.scopes).join(" ")),
        ];
        format!(
            "{}\n{}\nShown only now: Kvit keeps no more than its hash.\n",
            out.out(&format!("Hand these to {}", new.name), BOLD),
            table(&rows, &[])
        )
    })?;
    Ok(Exit::Done)
}

/// The first moment after a day, where the operator sits.
fn end_of(instance: &Instance, day: Date) -> Result<Timestamp, Failure> {
    let end = end_of_token(day, &instance.time_zone()?);
    end.ok_or_else(|| Failure::new(Exit::Usage, format!("{day} is no day of a calendar")))
}

async fn list(out: &Output, instance: &Instance) -> Result<Exit, Failure> {
    let zone = instance.time_zone()?;
    let now = SystemClock.now();
    let all = instance.store.api_tokens().await?;
    let until = |token: &ApiTokenRecord| token.expires_at.map(|end| last_day_of_token(end, &zone));
    let value: Vec<Value> = all
        .iter()
        .map(|one| {
            let token = &one.token;
            json!({
                "name": token.name.as_str(), "scopes": token.scopes, "created_at": token.created_at,
                "last_used_at": one.used_at, "until": until(token), "state": state(token, now),
            })
        })
        .collect();
    out.result(&value, |out| {
        if all.is_empty() {
            return "no tokens yet; `kvit api token add NAME --scope SCOPE` gives one out"
                .to_owned();
        }
        let head = ["name", "state", "until", "last used", "scopes"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(all.iter().map(|one| {
            let token = &one.token;
            let used = one
                .used_at
                .map(|at| at.to_zoned_datetime(zone.clone()).date().to_string());
            vec![
                token.name.to_string(),
                state(token, now).to_owned(),
                until(token).map_or_else(String::new, |day| day.to_string()),
                used.unwrap_or_else(|| "never".to_owned()),
                words(&token.scopes).join(" "),
            ]
        }));
        let text = table(&rows, &[]);
        match text.split_once('\n') {
            Some((head, rest)) => format!("{}\n{rest}", out.out(head, DIM)),
            None => text,
        }
    })?;
    Ok(Exit::Done)
}

fn state(token: &ApiTokenRecord, now: Timestamp) -> &'static str {
    match TokenState::of(token, now) {
        TokenState::Revoked => "revoked",
        TokenState::Over => "over",
        TokenState::Works => "works",
    }
}

async fn revoke(out: &Output, instance: &Instance, name: &ApiName) -> Result<Exit, Failure> {
    let revoked = event(SystemClock.now(), "api.token-revoked", name, json!({}));
    if !instance.store.revoke_api_token(name, &revoked).await? {
        let what = format!("there is no token called {name} that works");
        return Err(Failure::new(Exit::Failed, what).hint("`kvit api token list` names them"));
    }
    out.result(&json!({ "name": name.as_str(), "revoked": true }), |_| {
        format!("{name} is revoked, and works no more")
    })?;
    Ok(Exit::Done)
}

fn words(scopes: &[ApiScope]) -> Vec<&'static str> {
    scopes.iter().map(|scope| scope.as_str()).collect()
}

pub(super) fn event(at: Timestamp, what: &str, name: &ApiName, detail: Value) -> Event {
    Event {
        at,
        who: at_the_console(),
        what: what.to_owned(),
        subject: api_subject(name),
        detail,
    }
}
