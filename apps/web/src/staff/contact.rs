//! Recognising who called or came. The code that they say is compared here; no page ever shows one.

use axum::{
    Extension, Form,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use kvit_billing::{CustomerNumber, EntryId, Role};
use kvit_store::{Contact, CustomerRecord, Event};
use minijinja::context;
use serde::Deserialize;
use serde_json::json;

use super::{
    customers::{Seen, customer_page, page_of, the_customer},
    desk::{done, subject},
    door::Officer,
    event, locked,
};
use crate::{App, failure::Failure, front::Visitor};

/// So long after a customer was recognised things may be done for them.
const CONTACT_MINUTES: i64 = 30;
/// How a customer was recognised whose identity document a clerk saw.
pub(super) const BY_DOCUMENT: &str = "document";
const REFERENCE_CHARS_MAX: usize = 60;

/// The customer, and the contact that is under way with them; without one, the way to their page, which
/// says that they have to be recognised first.
pub(super) async fn in_contact(
    app: &App,
    officer: &Officer,
    number: &str,
    call: &str,
) -> Result<(CustomerRecord, Contact), Failure> {
    let record = the_customer(app, number).await?;
    let number = &record.customer.number;
    match contact(app, officer, number, call).await? {
        Some(contact) => Ok((record, contact)),
        None => Err(Failure::See(format!("{}?done=over", page_of(number)))),
    }
}

/// The contact that is under way with a customer, if `id` names one of this member of staff.
pub(crate) async fn contact(
    app: &App,
    officer: &Officer,
    account: &CustomerNumber,
    id: &str,
) -> Result<Option<Contact>, Failure> {
    let Ok(id) = id.parse::<EntryId>() else {
        return Ok(None);
    };
    let now = app.portal.clock.now();
    let since = now
        .saturating_sub(SignedDuration::from_mins(CONTACT_MINUTES))
        .unwrap_or(now);
    let store = &app.portal.store;
    Ok(store.contact(&id, account, &officer.login, since).await?)
}

/// What is kept of a contact beside what was done in it.
pub(super) fn evidence(officer: &Officer, contact: &Contact) -> serde_json::Value {
    json!({
        "by": contact.channel, "agent": officer.login.as_str(), "centre": officer.centre, "reference": contact.reference,
        "contact": contact.id.as_str(), "recognised_by": contact.recognised_by,
    })
}

#[derive(Deserialize)]
pub(crate) struct ContactForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    entry: String,
    #[serde(default)]
    reference: String,
    #[serde(default)]
    code: String,
    /// A clerk saw an identity document.
    document: Option<String>,
}

/// Recognises who called or came.
pub(crate) async fn recognise(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Form(form): Form<ContactForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let record = the_customer(&app, &number).await?;
    let number = &record.customer.number;
    let at_desk = officer.role == Role::Clerk;
    let mut wrong = Vec::new();
    let reference = match at_desk {
        // The name of a centre is as long as an administrator or the identity provider lets it be.
        true => officer.centre.clone().unwrap_or_default(),
        false => form.reference.trim().to_owned(),
    };
    if at_desk && reference.is_empty() {
        wrong.push(("recognise", "staff-error-no-centre"));
    }
    let length = reference.chars().count();
    let fits = (1..=REFERENCE_CHARS_MAX).contains(&length);
    if !at_desk && (!fits || reference.chars().any(char::is_control)) {
        wrong.push(("reference", "staff-error-reference"));
    }
    let by_document = at_desk && form.document.is_some();
    if wrong.is_empty() && !by_document {
        let missed = event(
            &app,
            &officer,
            "customer.not-recognised",
            subject(number),
            json!({}),
        );
        let asker = officer.login.as_str();
        match says_the_code(&app, (number, Some(&record)), asker, &form.code, &missed).await? {
            Code::Right => {}
            Code::Wrong => wrong.push(("code", "staff-error-code")),
            Code::Locked(until) | Code::WrongAndLocked(until) => {
                return locked(&app, &visitor, &officer, number, until);
            }
        }
    }
    if !wrong.is_empty() {
        let seen = Seen {
            errors: wrong,
            typed: context! { reference => form.reference },
            ..Seen::of(String::new())
        };
        let page = customer_page(&app, &visitor, &officer, &record, seen).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let contact = Contact {
        id: form.entry.parse().map_err(|_| Failure::Foreign)?,
        account: number.clone(),
        login: officer.login.clone(),
        channel: if at_desk { "centre" } else { "phone" }.to_owned(),
        reference,
        recognised_by: if by_document { BY_DOCUMENT } else { "code" }.to_owned(),
        at: app.portal.clock.now(),
    };
    let detail = json!({ "by": contact.recognised_by, "reference": contact.reference });
    let seen = event(
        &app,
        &officer,
        "customer.recognised",
        subject(number),
        detail,
    );
    app.portal.store.open_contact(&contact, &seen).await?;
    Ok(done(number, contact.id.as_str(), "recognised"))
}

/// Whether what somebody says is the customer's code.
pub(crate) enum Code {
    Right,
    Wrong,
    /// Wrong, and one too many: none is compared until then.
    WrongAndLocked(Timestamp),
    /// Not compared, because of earlier ones, until then.
    Locked(Timestamp),
}

/// Compares the code that a customer says. Wrong ones count for the customer and for who asks: a member
/// of staff must not guess either. They are counted apart from the portal's, or a stranger there could
/// close the hotline to a customer. Without a record the same steps are taken. `missed` tells of a wrong
/// one.
pub(crate) async fn says_the_code(
    app: &App,
    (number, record): (&CustomerNumber, Option<&CustomerRecord>),
    asker: &str,
    typed: &str,
    missed: &Event,
) -> Result<Code, Failure> {
    let portal = &app.portal;
    let pseudonym = portal.key.pseudonym("number", number.as_str());
    let guards = [
        (
            format!("staff-number-{pseudonym}"),
            portal.limits.per_number,
        ),
        (format!("staff-codes-{asker}"), portal.limits.per_address),
    ];
    let _one_at_a_time = app.locks.of(number).lock().await;
    let now = portal.clock.now();
    for (guard, _) in &guards {
        if let Some(until) = portal.store.guard(guard, now).await?.blocked_until {
            return Ok(Code::Locked(until));
        }
    }
    let generation = record.map_or(1, |record| record.code_generation);
    let right = portal
        .key
        .authorization_code(number, generation)
        .matches(typed);
    if right && record.is_some() {
        portal.store.guard_clear(&guards[0].0).await?;
        return Ok(Code::Right);
    }
    let mut locked = None;
    for (guard, policy) in &guards {
        let state = portal.store.guard_fail(guard, now, policy).await?;
        locked = locked.max(state.blocked_until);
    }
    portal.store.record_event(missed).await?;
    Ok(locked.map_or(Code::Wrong, Code::WrongAndLocked))
}
