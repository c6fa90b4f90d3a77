//! The page of one's passkeys: add, name, remove. The console and the portal show it in their own frames.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use kvit_billing::code::Token;
use kvit_store::PasskeyOwner;
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{Adding, add, event, generation, site};
use crate::{App, failure::Failure, front::Visitor, gate};

const NAME_CHARS_MAX: usize = 60;

#[derive(Deserialize)]
pub(crate) struct Seen {
    /// What has just been done.
    #[serde(default)]
    done: String,
}

/// What the page says: the passkeys, and what was wrong or done.
pub(crate) async fn list(
    app: &App,
    visitor: &Visitor,
    owner: &PasskeyOwner,
    (wrong, seen): (&[(&str, &str)], Option<&Seen>),
) -> Result<Value, Failure> {
    site(app)?;
    let generation = generation(app, owner).await?.ok_or(Failure::NotFound)?;
    let texts = app.pages.texts(visitor.language);
    let moment = |at| texts.moment(at, &app.portal.time_zone);
    let keys = app.portal.store.passkeys_of(owner, generation).await?;
    let keys: Vec<_> = keys
        .iter()
        .map(|key| {
            context! {
                id => hex::encode(&key.id), name => key.name.clone(), since => moment(key.created_at),
                used => key.used_at.map(moment), copied => key.copied_at.map(moment),
            }
        })
        .collect();
    let notice = match seen.map(|seen| seen.done.as_str()) {
        Some("added") => Some("passkey-added"),
        Some("removed") => Some("passkey-removed"),
        Some("renamed") => Some("passkey-renamed"),
        _ => None,
    };
    let errors = gate::faults(wrong);
    Ok(context! { keys, notice, errors })
}

#[derive(Deserialize)]
pub(crate) struct NewForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    answer: String,
    /// Where to go on after a sign-in.
    #[serde(default)]
    pub(crate) next: String,
}

/// Adds a key in the owner's session: what is wrong with it, or nothing.
pub(crate) async fn added(
    app: &App,
    visitor: &Visitor,
    owner: (&PasskeyOwner, &Token),
    form: &NewForm,
) -> Result<Option<(&'static str, &'static str)>, Failure> {
    visitor.own_number(&form.form_token)?;
    site(app)?;
    let Some(name) = named(app, visitor, &form.name) else {
        return Ok(Some(("name", "passkey-error-name")));
    };
    let (owner, session) = (owner.0, owner.1.hash());
    let added = add(app, visitor, (owner, &session), &name, &form.answer);
    Ok(match added.await? {
        Adding::Done => None,
        Adding::TooMany => Some(("name", "passkey-error-many")),
        Adding::Refused => Some(("name", "passkey-error-new")),
    })
}

/// As typed, or what a key without a name is called.
fn named(app: &App, visitor: &Visitor, typed: &str) -> Option<String> {
    let name = typed.trim();
    if name.is_empty() {
        return Some(app.pages.texts(visitor.language).say("passkey-name", &[]));
    }
    let fits = name.chars().count() <= NAME_CHARS_MAX && !name.chars().any(char::is_control);
    fits.then(|| name.to_owned())
}

#[derive(Deserialize)]
pub(crate) struct ChangeForm {
    #[serde(default)]
    form_token: String,
    /// Of the passkey, in hexadecimal digits.
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    /// `rename` or `remove`.
    #[serde(default)]
    what: String,
}

impl ChangeForm {
    /// Whether it takes a way in away.
    pub(crate) fn removes(&self) -> bool {
        self.what == "remove"
    }
}

/// Names or removes a key: what is wrong, or what was done.
pub(crate) async fn changed(
    app: &App,
    visitor: &Visitor,
    owner: &PasskeyOwner,
    form: &ChangeForm,
) -> Result<Result<&'static str, (&'static str, &'static str)>, Failure> {
    visitor.own_number(&form.form_token)?;
    site(app)?;
    let store = &app.portal.store;
    let id = hex::decode(&form.id).map_err(|_| Failure::NotFound)?;
    match form.what.as_str() {
        "rename" => {
            let Some(name) = named(app, visitor, &form.name) else {
                return Ok(Err(("keys", "passkey-error-name")));
            };
            store.rename_passkey(owner, &id, &name).await?;
            Ok(Ok("renamed"))
        }
        "remove" => {
            let detail = json!({ "address": visitor.address });
            let removed = event(app, owner, "passkey.removed", detail);
            store.remove_passkey(owner, &id, &removed).await?;
            Ok(Ok("removed"))
        }
        _ => Err(Failure::NotFound),
    }
}

/// Back to the list, which says what was done.
pub(crate) fn back(list: &str, done: &str) -> Response {
    let to = [(header::LOCATION, format!("{list}?done={done}"))];
    (StatusCode::SEE_OTHER, to).into_response()
}

/// The device's answer at a sign-in, from a form of ours.
pub(crate) fn answer<'a>(visitor: &Visitor, form: &'a NewForm) -> Result<&'a str, Failure> {
    visitor.own_form(&form.form_token)?;
    Ok(&form.answer)
}
