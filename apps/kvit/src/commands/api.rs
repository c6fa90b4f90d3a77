//! `kvit api token`: who of the operator's own systems may ask.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{
    ApiName,
    code::Token,
    ports::{Clock, Rng},
};
use kvit_store::{ApiScope, ApiTokenRecord, Event, EventFilter, NewApiToken};
use serde_json::{Value, json};

use super::account::at_the_console;
use crate::{
    cli::{TokenAddArgs, TokenCommand},
    exit::{Context, Exit, Failure},
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
    let mut bytes = [0; 16];
    SystemRng.fill(&mut bytes);
    let token = Token::from_random(bytes);
    let mut scopes = args.scopes;
    scopes.sort_unstable();
    scopes.dedup();
    let new = NewApiToken {
        name: args.name.clone(),
        hash: token.hash(),
        scopes,
        at,
        expires_at,
    };
    let detail = json!({ "scopes": words(&new.scopes) });
    let added = event(at, "api.token-added", &new.name, detail);
    if !instance.store.add_api_token(&new, &added).await? {
        let what = format!("there is, or was, a token called {}", new.name);
        return Err(Failure::new(Exit::Refused, what)
            .hint("a name is one token for good: choose another, such as one with the year"));
    }
    let secret = format!("{}{}", kvit_web::API_TOKEN_PREFIX, token.expose());
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
            pair("token", &secret),
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
    let zone = instance.time_zone()?;
    let next = day
        .tomorrow()
        .and_then(|next| next.at(0, 0, 0, 0).to_zoned_datetime(zone));
    let next = next.exits(Exit::Usage, format!("{day} is no day of a calendar"))?;
    Ok(next.timestamp())
}

async fn list(out: &Output, instance: &Instance) -> Result<Exit, Failure> {
    let zone = instance.time_zone()?;
    let now = SystemClock.now();
    let mut all = Vec::new();
    for token in instance.store.api_tokens().await? {
        let filter = EventFilter {
            who: Some(format!("api:{}", token.name)),
            ..EventFilter::default()
        };
        let last = instance.store.audit(&filter, 1).await?;
        let used = last.first().map(|event| event.at);
        let until = token.expires_at.map(|end| {
            let last = end.as_microsecond().saturating_sub(1);
            let last = Timestamp::from_microsecond(last).unwrap_or(end);
            last.to_zoned_datetime(zone.clone()).date()
        });
        all.push((token, used, until));
    }
    let value: Vec<Value> = all
        .iter()
        .map(|(token, used, until)| {
            json!({
                "name": token.name.as_str(), "scopes": token.scopes, "created_at": token.created_at,
                "last_used_at": used, "until": until, "state": state(token, now),
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
        rows.extend(all.iter().map(|(token, used, until)| {
            let used = used.map(|at| at.to_zoned_datetime(zone.clone()).date().to_string());
            vec![
                token.name.to_string(),
                state(token, now).to_owned(),
                until.map_or_else(String::new, |day| day.to_string()),
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
    match (token.revoked_at, token.expires_at) {
        (Some(_), _) => "revoked",
        (None, Some(end)) if end <= now => "over",
        (None, _) => "works",
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
        subject: format!("api/{name}"),
        detail,
    }
}
