//! Passkeys: a key on the owner's device that signs in without name, number or code. Asking for a challenge,
//! adding a key, and signing in with one, for staff and customers alike.

mod cbor;
pub(crate) mod room;
mod verify;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::SignedDuration;
use kvit_billing::code::{Token, TokenHash};
use kvit_store::{
    Event, NewChallenge, PasskeyAdded, PasskeyOwner, PasskeyRecord, PasskeyUse, StaffRecord,
};
use serde::Deserialize;
use serde_json::json;

pub(crate) use verify::RelyingParty;

use crate::{App, Hall, failure::Failure, front::Visitor};
use verify::{Kind, Refused, decoded, encoded};

/// How long a challenge waits for its answer, in minutes.
const CHALLENGE_MINUTES: i64 = 5;

/// Which of the two sites: a passkey of one opens nothing of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Staff,
    Customers,
}

impl Side {
    fn purpose(self) -> &'static str {
        match self {
            Self::Staff => "sign-in staff",
            Self::Customers => "sign-in customer",
        }
    }

    fn of(owner: &PasskeyOwner) -> Self {
        match owner {
            PasskeyOwner::Staff(_) => Self::Staff,
            PasskeyOwner::Customer(_) => Self::Customers,
        }
    }
}

impl Hall {
    /// As [`scripted`]. Without passkeys the page has no script.
    pub(crate) fn scripted(&self, response: Response) -> Response {
        match self.passkeys {
            Some(_) => scripted(response),
            None => response,
        }
    }
}

/// Lets a page run our script, which talks to nobody but us.
pub(crate) fn scripted(mut response: Response) -> Response {
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
    );
    response
}

fn site(app: &App) -> Result<&RelyingParty, Failure> {
    app.passkeys.as_ref().ok_or(Failure::NotFound)
}

/// A fresh challenge, base64url; none while too many wait for this network address.
async fn challenge(
    app: &App,
    visitor: &Visitor,
    purpose: String,
) -> Result<Option<String>, Failure> {
    let token = app.random_token();
    let at = app.portal.clock.now();
    let new = NewChallenge {
        hash: token.hash(),
        purpose,
        browser: visitor.form_token.clone(),
        address: visitor.address.clone(),
        at,
        expires: at + SignedDuration::from_mins(CHALLENGE_MINUTES),
    };
    let kept = app.portal.store.ask_passkey(&new).await?;
    Ok(kept.then(|| encoded(token.expose().as_bytes())))
}

fn as_json(value: &serde_json::Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, value.to_string()).into_response()
}

/// What the script needs to have a device sign in.
pub(crate) async fn ask_sign_in(
    app: &App,
    visitor: &Visitor,
    side: Side,
) -> Result<Response, Failure> {
    let here = site(app)?;
    let Some(challenge) = challenge(app, visitor, side.purpose().to_owned()).await? else {
        return Ok(StatusCode::TOO_MANY_REQUESTS.into_response());
    };
    Ok(as_json(&json!({ "challenge": challenge, "rp": here.id })))
}

/// What the script needs to have a device make a key for `owner`, who is called `name` there.
pub(crate) async fn ask_new(
    app: &App,
    visitor: &Visitor,
    owner: &PasskeyOwner,
    name: &str,
) -> Result<Response, Failure> {
    let here = site(app)?;
    let Some(challenge) = challenge(app, visitor, format!("add {owner}")).await? else {
        return Ok(StatusCode::TOO_MANY_REQUESTS.into_response());
    };
    let generation = generation(app, owner).await?.ok_or(Failure::NotFound)?;
    let known = app.portal.store.passkeys_of(owner, generation).await?;
    let known: Vec<_> = known.iter().map(|key| encoded(&key.id)).collect();
    Ok(as_json(&json!({
        "challenge": challenge,
        "rp": { "id": here.id, "name": app.portal.operator.short_name.get(visitor.language) },
        "user": { "id": handle(app, owner), "name": name, "displayName": name },
        "known": known,
    })))
}

/// What the device calls the owner: says nothing about them, and is the same for all their keys.
fn handle(app: &App, owner: &PasskeyOwner) -> String {
    let pseudonym = app.portal.key.pseudonym("passkey", &owner.to_string());
    encoded(pseudonym.as_bytes())
}

/// Of the owner's second factor or code: passkeys of an earlier one are void. None where there is no such owner,
/// or their account is closed.
pub(crate) async fn generation(app: &App, owner: &PasskeyOwner) -> Result<Option<u32>, Failure> {
    let store = &app.portal.store;
    Ok(match owner {
        PasskeyOwner::Staff(login) => {
            let account = store.staff_member(login).await?;
            // Who signs in at the identity provider has to be asked about there each time.
            let may = |it: &StaffRecord| {
                it.disabled_at.is_none() && it.identity.is_none() && app.portal.local_accounts
            };
            let open = account.filter(may);
            open.map(|account| account.totp_generation)
        }
        PasskeyOwner::Customer(number) => {
            let customer = store.customer(number).await?;
            customer.map(|customer| customer.code_generation)
        }
    })
}

/// As the trail names who did it.
fn who(owner: &PasskeyOwner) -> String {
    match owner {
        PasskeyOwner::Staff(login) => login.to_string(),
        PasskeyOwner::Customer(_) => owner.to_string(),
    }
}

fn event(app: &App, owner: &PasskeyOwner, what: &str, detail: serde_json::Value) -> Event {
    Event {
        at: app.portal.clock.now(),
        who: who(owner),
        what: what.to_owned(),
        subject: owner.to_string(),
        detail,
    }
}

/// The browser's own words, its challenge used up: whatever is wrong later, nobody answers it again.
async fn answered(
    app: &App,
    visitor: &Visitor,
    kind: Kind,
    purpose: &str,
    client_data: &str,
) -> Result<Result<verify::Told, Refused>, Failure> {
    let Some(client_data) = decoded(client_data) else {
        return Ok(Err(Refused::Malformed));
    };
    let told = match site(app)?.told(kind, &client_data) {
        Ok(told) => told,
        Err(refused) => return Ok(Err(refused)),
    };
    let (store, now) = (&app.portal.store, app.portal.clock.now());
    let hash = Token::hash(&told.challenge);
    let ours = store
        .use_challenge(&hash, purpose, &visitor.form_token, now)
        .await?;
    Ok(if ours {
        Ok(told)
    } else {
        Err(Refused::Challenge)
    })
}

/// What came of a key that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adding {
    Done,
    Refused,
    TooMany,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewAnswer {
    id: String,
    client_data: String,
    attestation: String,
}

/// Adds the key that the device made. The session says whose it is, and has to last until the key is kept.
async fn add(
    app: &App,
    visitor: &Visitor,
    (owner, session): (&PasskeyOwner, &TokenHash),
    name: &str,
    answer: &str,
) -> Result<Adding, Failure> {
    let refused = |why: Refused| {
        tracing::info!(address = visitor.address, reason = %why, "a passkey was not added");
        Ok(Adding::Refused)
    };
    let Ok(answer) = serde_json::from_str::<NewAnswer>(answer) else {
        return refused(Refused::Malformed);
    };
    let purpose = format!("add {owner}");
    let told = answered(app, visitor, Kind::Create, &purpose, &answer.client_data).await?;
    let made = told.and_then(|told| {
        let attestation = decoded(&answer.attestation).ok_or(Refused::Malformed)?;
        let here = app.passkeys.as_ref().ok_or(Refused::RelyingParty)?;
        let made = told.created(here, &attestation)?;
        let same = decoded(&answer.id).is_some_and(|id| id == made.id);
        if same {
            Ok(made)
        } else {
            Err(Refused::Malformed)
        }
    });
    let made = match made {
        Ok(made) => made,
        Err(why) => return refused(why),
    };
    let generation = generation(app, owner).await?.ok_or(Failure::NotFound)?;
    let added = event(
        app,
        owner,
        "passkey.added",
        json!({ "address": visitor.address }),
    );
    let new = PasskeyRecord {
        id: made.id,
        owner: owner.clone(),
        generation,
        public_key: made.public_key,
        counter: made.counter,
        name: name.to_owned(),
        created_at: added.at,
        used_at: None,
        copied_at: None,
    };
    match app.portal.store.add_passkey(&new, session, &added).await? {
        PasskeyAdded::Done => Ok(Adding::Done),
        PasskeyAdded::TooMany => Ok(Adding::TooMany),
        PasskeyAdded::Known => refused(Refused::Unknown),
        PasskeyAdded::Over => Err(Failure::See(
            match owner {
                PasskeyOwner::Staff(_) => "/staff/sign-in?ended",
                PasskeyOwner::Customer(_) => "/bills?ended",
            }
            .to_owned(),
        )),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SignInAnswer {
    id: String,
    client_data: String,
    auth_data: String,
    signature: String,
    user: String,
}

/// The passkey by which the device's answer signs its owner in. The caller opens the session. What is wrong with an answer is logged, and
/// looks alike to who gave it.
pub(crate) async fn sign_in(
    app: &App,
    visitor: &Visitor,
    side: Side,
    answer: &str,
) -> Result<Option<PasskeyRecord>, Failure> {
    match judged(app, visitor, side, answer).await? {
        Ok(key) => Ok(Some(key)),
        Err(why) => {
            tracing::info!(address = visitor.address, reason = %why, "a passkey did not sign in");
            Ok(None)
        }
    }
}

async fn judged(
    app: &App,
    visitor: &Visitor,
    side: Side,
    answer: &str,
) -> Result<Result<PasskeyRecord, Refused>, Failure> {
    let here = site(app)?;
    let Ok(answer) = serde_json::from_str::<SignInAnswer>(answer) else {
        return Ok(Err(Refused::Malformed));
    };
    let client_data = &answer.client_data;
    let told = match answered(app, visitor, Kind::Get, side.purpose(), client_data).await? {
        Ok(told) => told,
        Err(why) => return Ok(Err(why)),
    };
    let parts = [&answer.id, &answer.auth_data, &answer.signature].map(|part| decoded(part));
    let [Some(id), Some(data), Some(signature)] = parts else {
        return Ok(Err(Refused::Malformed));
    };
    let store = &app.portal.store;
    let key = store.passkey(&id).await?;
    let mine = |key: &PasskeyRecord| {
        Side::of(&key.owner) == side && handle(app, &key.owner) == answer.user
    };
    let Some(key) = key.filter(mine) else {
        return Ok(Err(Refused::Unknown));
    };
    if generation(app, &key.owner).await? != Some(key.generation) {
        return Ok(Err(Refused::Unknown));
    }
    let counter = match told.used(here, &data, &signature, &key.public_key) {
        Ok(counter) => counter,
        Err(why) => return Ok(Err(why)),
    };
    let detail = json!({ "address": visitor.address });
    let alarm = event(app, &key.owner, "passkey.copied", detail);
    Ok(match store.use_passkey(&id, counter, &alarm).await? {
        PasskeyUse::Opens => Ok(key),
        PasskeyUse::Copied => {
            tracing::warn!(
                "a passkey's counter went backwards: there may be a copy, and it opens nothing any more"
            );
            Err(Refused::Unknown)
        }
        PasskeyUse::Gone => Err(Refused::Unknown),
    })
}
