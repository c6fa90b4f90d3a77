//! `kvit api webhook`: who of the operator's own systems is told when something happened.

use axum::http::Uri;
use kvit_billing::{ApiName, ports::Clock};
use kvit_flow::webhook_secret;
use kvit_store::{WebhookEvent, WebhookRecord};
use serde_json::{Value, json};

use super::api::event;
use crate::{
    cli::{WebhookAddArgs, WebhookCommand},
    exit::{Exit, Failure},
    output::{BOLD, DIM, Output, count, table},
    wiring::{Instance, SystemClock},
};

pub(super) async fn command(
    out: &Output,
    instance: &Instance,
    command: WebhookCommand,
) -> Result<Exit, Failure> {
    match command {
        WebhookCommand::Add(args) => add(out, instance, args).await,
        WebhookCommand::List => list(out, instance).await,
        WebhookCommand::Remove(args) => remove(out, instance, &args.name).await,
        WebhookCommand::Retry(args) => retry(out, instance, &args.name).await,
    }
}

async fn add(out: &Output, instance: &Instance, args: WebhookAddArgs) -> Result<Exit, Failure> {
    check(&args.url)?;
    let mut events = args.events;
    events.sort_unstable();
    events.dedup();
    let detail = json!({ "url": args.url, "events": words(&events) });
    let added = event(SystemClock.now(), "api.webhook-added", &args.name, detail);
    let store = &instance.store;
    if !store
        .add_webhook(&args.name, &args.url, &events, &added)
        .await?
    {
        let what = format!("there is, or was, a webhook called {}", args.name);
        return Err(Failure::new(Exit::Refused, what)
            .hint("the key of its signatures is made of the name: choose another"));
    }
    let key = instance.key()?;
    let secret = webhook_secret(&key, &args.name);
    let value = json!({
        "name": args.name.as_str(), "url": args.url, "events": events, "secret": secret.expose(),
    });
    out.result(&value, |out| {
        let pair = |label: &str, text: &str| vec![format!("  {label}"), text.to_owned()];
        let rows = [
            pair("posts to", &args.url),
            pair("events", &words(&events).join(" ")),
            pair("secret", secret.expose()),
        ];
        format!(
            "{}\n{}\nThe secret is shown only now. It checks the signatures of messages.\n",
            out.out(&format!("{} is told from now on", args.name), BOLD),
            table(&rows, &[])
        )
    })?;
    Ok(Exit::Done)
}

/// Where messages may go: nobody on the way reads or changes them.
fn check(url: &str) -> Result<(), Failure> {
    let uri = url.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let scheme = uri.as_ref().and_then(Uri::scheme_str);
    let here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let user = uri
        .as_ref()
        .and_then(Uri::authority)
        .is_some_and(|authority| authority.as_str().contains('@'));
    let right = match scheme {
        Some("https") => !host.is_empty(),
        Some("http") => here,
        _ => false,
    };
    if right && !user {
        return Ok(());
    }
    let what = if user {
        "an address with a name and a password ends up in lists and logs"
    } else {
        "messages go over https only, or to this machine"
    };
    Err(Failure::new(Exit::Usage, what)
        .hint("write it as https://crm.example/kvit; the signature says who posts"))
}

async fn list(out: &Output, instance: &Instance) -> Result<Exit, Failure> {
    let hooks = instance.store.webhooks().await?;
    let value: Vec<Value> = hooks.iter().map(as_json).collect();
    out.result(&value, |out| {
        if hooks.is_empty() {
            return "no webhooks; `kvit api webhook add NAME URL --event EVENT` adds one"
                .to_owned();
        }
        let head = ["name", "waiting", "aside", "posts to", "events"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(hooks.iter().map(|hook| {
            vec![
                hook.name.to_string(),
                hook.waiting.to_string(),
                hook.aside.to_string(),
                hook.url.clone(),
                words(&hook.events).join(" "),
            ]
        }));
        let text = table(&rows, &[1, 2]);
        let mut text = match text.split_once('\n') {
            Some((head, rest)) => format!("{}\n{rest}", out.out(head, DIM)),
            None => text,
        };
        for hook in &hooks {
            if let Some(said) = &hook.said {
                text.push_str(&format!("\n{}: {said}", hook.name));
            }
        }
        text
    })?;
    Ok(Exit::Done)
}

fn as_json(hook: &WebhookRecord) -> Value {
    json!({
        "name": hook.name.as_str(), "url": hook.url, "events": hook.events,
        "created_at": hook.created_at, "waiting": hook.waiting, "aside": hook.aside,
        "oldest": hook.oldest, "said": hook.said,
    })
}

async fn remove(out: &Output, instance: &Instance, name: &ApiName) -> Result<Exit, Failure> {
    let known = instance.store.webhooks().await?;
    let Some(hook) = known.iter().find(|hook| hook.name == *name) else {
        return Err(nobody(name));
    };
    let detail = json!({ "url": hook.url });
    let removed = event(SystemClock.now(), "api.webhook-removed", name, detail);
    if !instance.store.remove_webhook(name, &removed).await? {
        return Err(nobody(name));
    }
    out.result(&json!({ "name": name.as_str(), "removed": true }), |_| {
        format!("{name} is told nothing more")
    })?;
    Ok(Exit::Done)
}

async fn retry(out: &Output, instance: &Instance, name: &ApiName) -> Result<Exit, Failure> {
    let known = instance.store.webhooks().await?;
    if !known.iter().any(|hook| hook.name == *name) {
        return Err(nobody(name));
    }
    let retried = event(SystemClock.now(), "api.webhook-retried", name, json!({}));
    let messages = instance.store.retry_webhook(name, &retried).await?;
    out.result(
        &json!({ "name": name.as_str(), "messages": messages }),
        |_| {
            format!(
                "{} tried again",
                count(messages, "message is", "messages are")
            )
        },
    )?;
    Ok(Exit::Done)
}

fn nobody(name: &ApiName) -> Failure {
    Failure::new(Exit::Failed, format!("there is no webhook called {name}"))
        .hint("`kvit api webhook list` names them")
}

fn words(events: &[WebhookEvent]) -> Vec<&'static str> {
    events.iter().map(|event| event.as_str()).collect()
}
