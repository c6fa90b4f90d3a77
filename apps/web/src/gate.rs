//! Number and code, or number or address and password: the ways in that somebody could guess at, with their limits. An
//! unknown number and a wrong code take the same steps and give the same answer.
//!
//! Wrong tries are counted for a name from one network, for a name from all of them (wider), for a network and for the
//! whole portal: tries from elsewhere keep nobody out unless they come from many places. A browser that was let in
//! before, since code and password were changed last, brings a cookie that says so and has a counter of its own for its
//! number, which nobody elsewhere can fill. All such browsers of a number share a wider one.

use std::{
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use kvit_billing::{CustomerNumber, Secret, code::Token};
use kvit_mail::{AddressError, EmailAddress, typo_hint};
use kvit_store::{GUESSING, GuardPolicy, SessionDoor};
use minijinja::{Value, context};
use serde::Deserialize;
use subtle::ConstantTimeEq;
use tokio::sync::Mutex;

use crate::{App, credentials, failure::Failure, front::Visitor, turnstile::Turnstile};

const LOCKS: usize = 64;
const KNOWN_COOKIE_SECONDS: u32 = 400 * 24 * 3600;
const CODE_DIGITS: usize = 8;
/// So many times the wrong tries of one browser that was let in before count for all of them together.
const KNOWN_BROWSERS: u32 = 4;
/// So many times the wrong tries for a name from one network count for it from all: 50 in a quarter of an hour, which
/// find one code of 10^8 in half a lifetime.
const NETWORKS: u32 = 10;

/// One attempt at a time for one customer number, or sign-in name of staff, so that many at once cannot slip past its limit.
pub(crate) struct Locks([Mutex<()>; LOCKS]);

impl Default for Locks {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }
}

impl Locks {
    /// Held while something is done for `number` that must not be done twice at once.
    pub(crate) fn of(&self, number: &impl Hash) -> &Mutex<()> {
        let mut hasher = DefaultHasher::new();
        number.hash(&mut hasher);
        // Below LOCKS, so it fits.
        &self.0[(hasher.finish() % LOCKS as u64) as usize]
    }
}

/// What a visitor typed.
#[derive(Deserialize)]
pub(crate) struct Identity {
    #[serde(default)]
    pub(crate) number: String,
    #[serde(default)]
    pub(crate) code: String,
}

/// Whether the visitor may go in.
pub(crate) enum Gate {
    /// Whom it opens, and by what.
    Open(CustomerNumber, SessionDoor),
    /// What is wrong: a field and the text that says so.
    Wrong(Vec<(&'static str, &'static str)>),
    /// Too many attempts, until then.
    Locked(Timestamp),
}

pub(crate) async fn knock(
    app: &App,
    visitor: &Visitor,
    identity: &Identity,
) -> Result<Gate, Failure> {
    let portal = &app.portal;
    let number = match well_formed(identity) {
        Ok(number) => number,
        Err(wrong) => return Ok(Gate::Wrong(wrong)),
    };
    let counters = counters_of(app, visitor, &number).await?;
    let opens = async {
        let known = portal.store.customer(&number).await?;
        let generation = known.as_ref().map_or(1, |known| known.code_generation);
        let right = portal
            .key
            .authorization_code(&number, generation)
            .matches(&identity.code);
        let door = SessionDoor::Code { generation };
        Ok((right && known.is_some()).then(|| (number.clone(), door)))
    };
    let wrong = vec![("number", "error-mismatch"), ("code", "error-mismatch")];
    attempt(app, visitor, (number.as_str(), counters), wrong, opens).await
}

/// By the number, or the address that gets its bills, and the password. Of several numbers at an address the one counts
/// whose password was set last.
pub(crate) async fn knock_with_password(
    app: &App,
    visitor: &Visitor,
    who: &str,
    password: String,
) -> Result<Gate, Failure> {
    let portal = &app.portal;
    let who = who.trim();
    let email = who.contains('@').then(|| EmailAddress::parse(who));
    let (name, kept, counters) = match (email, typed_number(who)) {
        (Some(Ok(email)), _) => {
            let name = email.as_str().to_owned();
            let kept = portal.store.password_at(&Secret::new(name.clone())).await?;
            // No mark counts for an address: that one counts otherwise would say whose it is.
            let counters = counters(app, visitor, ("email", &name), false);
            (name, kept, counters)
        }
        (None, Some(number)) => {
            let kept = portal.store.customer_password(&number).await?;
            let counters = counters_of(app, visitor, &number).await?;
            (number.to_string(), kept, counters)
        }
        _ => return Ok(Gate::Wrong(vec![("who", "error-password-who")])),
    };
    let opens = async {
        // Without a password the same work is done in vain.
        let hash = kept.as_ref().map(|kept| kept.hash.clone());
        let right = app
            .hashing
            .run(move || credentials::password_matches(&password, hash.as_ref()))
            .await;
        Ok(kept.filter(|_| right).map(|kept| {
            let set_at = kept.set_at;
            (kept.account, SessionDoor::Password { set_at })
        }))
    };
    let wrong = vec![
        ("who", "error-password-mismatch"),
        ("password", "error-password-mismatch"),
    ];
    attempt(app, visitor, (&name, counters), wrong, opens).await
}

/// Lets an attempt through the limits, one at a time for a name, and counts a wrong one. Whom it opens says `opens`, which
/// takes as long for a name that nobody has.
async fn attempt(
    app: &App,
    visitor: &Visitor,
    (name, counters): (&str, Counters),
    wrong: Vec<(&'static str, &'static str)>,
    opens: impl Future<Output = Result<Option<(CustomerNumber, SessionDoor)>, Failure>>,
) -> Result<Gate, Failure> {
    let portal = &app.portal;
    if !counters.known && !app.turnstile.pass(portal.clock.now()).await {
        return Ok(Gate::Locked(Turnstile::retry_at(portal.clock.now())));
    }
    let _one_at_a_time = app.locks.of(&name).lock().await;
    let now = portal.clock.now();
    for (guard, _) in &counters.guards {
        if let Some(until) = portal.store.guard(guard, now).await?.blocked_until {
            return Ok(Gate::Locked(until));
        }
    }
    if let Some((number, door)) = opens.await? {
        portal.store.guard_clear(&counters.guards[0].0).await?;
        return Ok(Gate::Open(number, door));
    }
    let mut locked = None;
    for (guard, policy) in &counters.guards {
        let state = portal.store.guard_fail(guard, now, policy).await?;
        locked = locked.max(state.blocked_until);
    }
    tracing::info!(
        who = portal.key.pseudonym("number", name),
        address = visitor.address,
        known_browser = counters.known,
        "a number and code did not match, or a password"
    );
    if !counters.known {
        let everywhere = portal.store.count_guess(now, &GUESSING);
        app.turnstile.heed(everywhere.await?, now);
    }
    Ok(match locked {
        Some(until) => Gate::Locked(until),
        None => Gate::Wrong(wrong),
    })
}

/// The number, if both fields can be what is printed on a bill.
fn well_formed(identity: &Identity) -> Result<CustomerNumber, Vec<(&'static str, &'static str)>> {
    let number = typed_number(&identity.number);
    let digits = identity.code.chars().filter(char::is_ascii_digit).count();
    match (number, digits == CODE_DIGITS) {
        (Some(number), true) => Ok(number),
        (number, right_length) => {
            let number = number.is_none().then_some(("number", "error-number"));
            let code = (!right_length).then_some(("code", "error-code"));
            Err(number.into_iter().chain(code).collect())
        }
    }
}

/// A customer number as people type it: with spaces, long dashes, and Cyrillic letters that look
/// like the Latin ones that are printed.
pub(crate) fn typed_number(text: &str) -> Option<CustomerNumber> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    in_latin(&text).parse().ok()
}

/// The text with Latin letters for the Cyrillic ones that look the same.
pub(crate) fn in_latin(text: &str) -> String {
    const CYRILLIC: &str = "АВЕКМНОРСТХУаеорсхуі–—";
    const LATIN: &str = "ABEKMHOPCTXYaeopcxyi--";
    let latin = |c: char| {
        let at = CYRILLIC.chars().position(|cyrillic| cyrillic == c);
        at.and_then(|at| LATIN.chars().nth(at)).unwrap_or(c)
    };
    text.chars().map(latin).collect()
}

struct Counters {
    /// The first is forgotten when what is right is shown.
    guards: Vec<(String, GuardPolicy)>,
    known: bool,
}

/// What counts the wrong tries of this visitor for a customer number.
async fn counters_of(
    app: &App,
    visitor: &Visitor,
    number: &CustomerNumber,
) -> Result<Counters, Failure> {
    let known = knows(app, visitor, number).await?;
    Ok(counters(app, visitor, ("number", number.as_str()), known))
}

/// What counts the wrong tries of this visitor for a name of this kind: a number, or an address. Whether anybody has it
/// does not show in how they are counted.
fn counters(
    app: &App,
    visitor: &Visitor,
    (kind, name): (&'static str, &str),
    known: bool,
) -> Counters {
    let (key, limits) = (&app.portal.key, &app.portal.limits);
    let pseudonym = key.pseudonym(kind, name);
    let times = |times| wider(limits.per_number, times);
    let network = &visitor.address;
    let guards = match visitor.known_by.as_deref().filter(|_| known) {
        Some(mark) => {
            let browser = key.pseudonym("known-guard", mark);
            vec![
                (format!("check-known-{browser}"), times(1)),
                (
                    format!("check-known-{kind}-{pseudonym}"),
                    times(KNOWN_BROWSERS),
                ),
            ]
        }
        None => vec![
            (format!("check-{kind}-{pseudonym}-{network}"), times(1)),
            (format!("check-{kind}-{pseudonym}"), times(NETWORKS)),
            (format!("check-address-{network}"), limits.per_address),
        ],
    };
    Counters { guards, known }
}

/// So many times as much before the door is closed.
pub(crate) fn wider(policy: GuardPolicy, times: u32) -> GuardPolicy {
    GuardPolicy {
        max_fails: policy.max_fails.saturating_mul(times),
        ..policy
    }
}

/// Whether this browser was let in to `number` before: a random value and its keyed hash, of the code's generation and
/// of how often the password was changed, so that another code or password, or none any more, makes it void for good.
async fn knows(app: &App, visitor: &Visitor, number: &CustomerNumber) -> Result<bool, Failure> {
    let Some((random, hash)) = visitor.known_by.as_deref().and_then(|m| m.split_once('-')) else {
        return Ok(false);
    };
    let right = mark(app, random, number).await?;
    Ok(bool::from(right.as_bytes().ct_eq(hash.as_bytes())))
}

/// The keyed hash of a mark for `number`, of as many steps where nobody has it.
async fn mark(app: &App, random: &str, number: &CustomerNumber) -> Result<String, Failure> {
    let portal = &app.portal;
    let known = portal.store.customer(number).await?;
    let (generation, changes) = known.map_or((1, 0), |known| {
        (known.code_generation, known.password_changes)
    });
    let what = format!("{random}/{number}/{generation}/{changes}");
    Ok(portal.key.pseudonym("known", &what))
}

/// What marks the browser as one that is let in to `number`; nothing where it is marked already.
pub(crate) async fn new_mark(
    app: &App,
    visitor: &Visitor,
    number: &CustomerNumber,
) -> Result<Option<String>, Failure> {
    if knows(app, visitor, number).await? {
        return Ok(None);
    }
    let random: Token = app.random_token();
    let random = random.expose();
    let hash = mark(app, random, number).await?;
    Ok(Some(format!("{random}-{hash}")))
}

/// Has the browser keep a new mark.
pub(crate) fn remember(app: &App, mark: Option<&str>, to: &mut Response) {
    if let Some(mark) = mark {
        app.set_cookie(to, "known", mark, Some(KNOWN_COOKIE_SECONDS));
    }
}

/// Nobody's mailbox may be flooded through us: what opens another way in is told by mail, and counted here. Until when
/// there are none, where there were too many. What is taken away was added before, and is not counted, so that nobody
/// is kept from taking away what another added.
pub(crate) async fn another_way_in(
    app: &App,
    number: &CustomerNumber,
) -> Result<Option<Timestamp>, Failure> {
    let portal = &app.portal;
    let (now, pseudonym) = (
        portal.clock.now(),
        portal.key.pseudonym("number", number.as_str()),
    );
    let guard = format!("ways-in-{pseudonym}");
    let _one_at_a_time = app.locks.of(number).lock().await;
    let blocked = portal.store.guard(&guard, now).await?.blocked_until;
    if blocked.is_none() {
        let policy = &portal.limits.per_number;
        portal.store.guard_fail(&guard, now, policy).await?;
    }
    Ok(blocked)
}

/// When to try again, and whom to call.
pub(crate) fn locked(app: &App, visitor: &Visitor, until: Timestamp) -> Result<Response, Failure> {
    let (wait_s, minutes) = wait(app, until);
    let page = app
        .pages
        .render(visitor, "lock.html", context! { minutes })?;
    Ok(too_many(page, wait_s))
}

/// So many seconds and, rounded up, minutes there are until then.
pub(crate) fn wait(app: &App, until: Timestamp) -> (i64, i64) {
    let wait_s = until
        .duration_since(app.portal.clock.now())
        .max(SignedDuration::from_secs(1))
        .as_secs();
    (wait_s, (wait_s + 59) / 60)
}

/// A page for who has to wait so many seconds.
pub(crate) fn too_many(page: impl IntoResponse, wait_s: i64) -> Response {
    let wait_s = [(header::RETRY_AFTER, HeaderValue::from(wait_s))];
    (StatusCode::TOO_MANY_REQUESTS, wait_s, page).into_response()
}

/// Makes `email` the address that a form means: the suggested one where its own button was pressed. Enter in a field presses
/// that button too, as the form's first, so it counts only while the address is the one of which something was suggested.
pub(crate) fn take_address(email: &mut String, sure: &str, instead: &str) {
    let (typed, instead) = (email.trim(), instead.trim());
    let taken = if !instead.is_empty() && typed == sure {
        instead
    } else {
        typed
    };
    *email = taken.to_owned();
}

/// What was probably meant, where that is another address.
pub(crate) fn meant(typed: &str) -> Option<String> {
    typo_hint(typed).or_else(|| latin_hint(typed))
}

/// The address in Latin letters, where look-alike Cyrillic ones slipped in: with them it would be
/// another domain. An address whose domain is Cyrillic throughout is none of these.
fn latin_hint(typed: &str) -> Option<String> {
    let latin = in_latin(typed);
    (!typed.is_ascii() && latin.is_ascii() && EmailAddress::parse(&latin).is_ok()).then_some(latin)
}

/// What is wrong with an e-mail address that was typed.
pub(crate) const fn email_fault(fault: AddressError) -> (&'static str, &'static str) {
    let text = match fault {
        AddressError::Mixed => "error-email-mixed",
        _ => "error-email",
    };
    ("email", text)
}

/// Errors as the templates take them.
pub(crate) fn faults(wrong: &[(&str, &str)]) -> Value {
    wrong
        .iter()
        .map(|&(field, text)| context! { field, text })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_people_type_it() {
        for (typed, meant) in [
            (" 1000 001 ", "1000001"),
            ("АВ–12", "AB-12"),
            ("СОФ-1", ""),
            ("1000001\u{a0}", "1000001"),
            ("<b>", ""),
            ("", ""),
        ] {
            let number = typed_number(typed);
            assert_eq!(number.as_ref().map_or("", |n| n.as_str()), meant, "{typed}");
        }
    }
}
