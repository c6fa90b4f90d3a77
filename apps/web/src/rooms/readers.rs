//! Readers beside the customer: the customer names them, sees them and removes them.

use axum::{
    Extension, Form,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use kvit_billing::{
    CustomerNumber, Language, ReaderId, Secret,
    code::{TokenHash, TokenPurpose},
};
use kvit_mail::EmailAddress;
use kvit_store::{
    AddReader, EnrolmentState, NewProof, NewReader, ReaderAsked, ReaderEnd, ReaderRecord,
};
use minijinja::{Value, context};
use serde::Deserialize;

use super::{
    again::{self, Place},
    bills::masked,
    go,
};
use crate::{
    App,
    failure::Failure,
    front::{Done, Visitor},
    gate,
    staff::plain,
};

/// Readers of one customer number.
pub(crate) const READERS_MAX: usize = 5;
/// Rows that are read for a page: those of today come first, among them some whose link is dead.
pub(crate) const READERS_SHOWN: u32 = 20;
/// The longest name, in characters.
pub(crate) const NAME_CHARS_MAX: usize = 60;
/// Who did it, as the audit trail names the customer.
const WHO: &str = "customer";

/// Who reads along, and the form for one more.
pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Query(query): Query<Done>,
) -> Result<Response, Failure> {
    let customer = visitor.signed_in()?;
    let notice = match query.done.as_str() {
        "added" => Some("readers-added"),
        "removed" => Some("readers-removed"),
        _ => None,
    };
    let form = ReaderForm {
        language: visitor.language.tag().to_owned(),
        ..ReaderForm::default()
    };
    let seen = Seen {
        notice,
        ..Seen::default()
    };
    list(&app, &visitor, customer, &form, seen).await
}

/// What a page says beside its list.
#[derive(Default)]
struct Seen<'a> {
    notice: Option<&'a str>,
    suggestion: Option<String>,
    wrong: &'a [(&'a str, &'a str)],
}

async fn list(
    app: &App,
    visitor: &Visitor,
    customer: &CustomerNumber,
    form: &ReaderForm,
    seen: Seen<'_>,
) -> Result<Response, Failure> {
    let store = &app.portal.store;
    let EnrolmentState::Active(enrolment) = store.enrolment_of(customer).await? else {
        return Ok(go("/bills"));
    };
    let now = app.portal.clock.now();
    let known = store.readers_of(customer, READERS_SHOWN).await?;
    let known: Vec<_> = known.iter().filter(|one| one.ended_at.is_none()).collect();
    let taken = known.iter().filter(|one| takes_a_place(one, now)).count();
    let readers: Vec<_> = known.iter().map(|one| row(app, visitor, one)).collect();
    let errors = gate::faults(seen.wrong);
    let page = app.pages.render(
        visitor,
        "readers.html",
        context! {
            number => customer.as_str(), own => masked(enrolment.email.expose()), readers,
            full => taken >= READERS_MAX, count => READERS_MAX, notice => seen.notice, errors, new_code => seen.notice == Some("readers-removed"),
            suggestion => seen.suggestion, name => form.name.clone(), typed => form.email.clone(),
            language => form.language.clone(), fresh => again::fresh(app, visitor),
        },
    )?;
    Ok(page.into_response())
}

/// Whose link is dead takes no place.
pub(crate) fn takes_a_place(reader: &ReaderRecord, now: Timestamp) -> bool {
    reader.proven_at.is_some() || reader.proof_expires >= now
}

fn row(app: &App, visitor: &Visitor, reader: &ReaderRecord) -> Value {
    let texts = app.pages.texts(visitor.language);
    let zone = &app.portal.time_zone;
    let now = app.portal.clock.now();
    let state = match reader.proven_at {
        Some(at) => {
            let day = texts.date(zone.to_datetime(at).date());
            texts.say("reader-since", &[("date", &day)])
        }
        None if reader.proof_expires < now => texts.say("reader-over", &[]),
        None => {
            let until = texts.moment(reader.proof_expires, zone);
            texts.say("reader-waits", &[("when", &until)])
        }
    };
    let email = masked(reader.email.expose());
    let title = match reader.name.as_str() {
        "" => email.clone(),
        name => name.to_owned(),
    };
    let more = (!reader.name.is_empty()).then_some(email);
    context! { id => reader.id.as_str(), title, more, state }
}

#[derive(Default, Deserialize)]
pub(crate) struct ReaderForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    language: String,
    /// The address of which a misspelling was suggested already.
    #[serde(default)]
    sure: String,
    /// The suggested address, where its own button was pressed.
    #[serde(default)]
    instead: String,
}

/// Keeps the reader and queues the mail that asks them.
pub(crate) async fn add(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(mut form): Form<ReaderForm>,
) -> Result<Response, Failure> {
    visitor.own_number(&form.form_token)?;
    let (Some(customer), Some(session)) = (&visitor.customer, &visitor.session) else {
        return Ok(go("/bills?ended"));
    };
    again::must_be_fresh(&app, &visitor, Place::Readers)?;
    gate::take_address(&mut form.email, &form.sure, &form.instead);
    form.name = plain(&form.name);
    let suggestion = gate::meant(&form.email);
    let mut wrong = Vec::new();
    if form.name.chars().count() > NAME_CHARS_MAX {
        wrong.push(("name", "error-reader-name"));
    }
    let email = EmailAddress::parse(&form.email);
    if let Err(fault) = email {
        wrong.push(gate::email_fault(fault));
    }
    let (Ok(email), true) = (email, wrong.is_empty()) else {
        return refused(&app, &visitor, customer, &form, suggestion, &wrong).await;
    };
    if suggestion.is_some() && form.sure != form.email {
        let seen = Seen {
            suggestion,
            ..Seen::default()
        };
        return list(&app, &visitor, customer, &form, seen).await;
    }
    // A random token has the very form of a reader's id.
    let id = app.random_token().expose().parse();
    let new = Wish {
        id: id.map_err(|_| Failure::NotFound)?,
        account: customer,
        name: &form.name,
        email: &email,
        language: Language::from_tag(&form.language).unwrap_or(visitor.language),
        evidence: visitor.evidence(),
    };
    let session = session.hash();
    let asked = ReaderAsked::InSession(&session);
    let fault = match invite(&app, new, asked, WHO).await? {
        Invited::Locked(until) => return gate::locked(&app, &visitor, until),
        Invited::Answered(answer) => answer,
    };
    let fault = match fault {
        AddReader::Added => return Ok(go("/readers?done=added")),
        AddReader::NoEbill => return Ok(go("/bills")),
        AddReader::Over | AddReader::Outdated => return Ok(go("/bills?ended")),
        AddReader::Already => "error-reader-already",
        AddReader::Full => "error-reader-full",
    };
    let wrong = [("email", fault)];
    refused(&app, &visitor, customer, &form, None, &wrong).await
}

async fn refused(
    app: &App,
    visitor: &Visitor,
    customer: &CustomerNumber,
    form: &ReaderForm,
    suggestion: Option<String>,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let seen = Seen {
        notice: None,
        suggestion,
        wrong,
    };
    let page = list(app, visitor, customer, form, seen).await?;
    match page.headers().contains_key(header::LOCATION) {
        true => Ok(page),
        false => Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response()),
    }
}

/// A reader whom the customer, or a member of staff for them, asks for.
pub(crate) struct Wish<'a> {
    pub(crate) id: ReaderId,
    pub(crate) account: &'a CustomerNumber,
    pub(crate) name: &'a str,
    pub(crate) email: &'a EmailAddress,
    pub(crate) language: Language,
    pub(crate) evidence: serde_json::Value,
}

/// What became of a [`Wish`].
pub(crate) enum Invited {
    /// Nobody was asked: there were too many wishes for this customer, until then.
    Locked(Timestamp),
    Answered(AddReader),
}

/// Keeps the reader and queues the mail that asks them. Nobody's mailbox may be flooded through us, so wishes for a customer
/// are counted, whoever's they are.
pub(crate) async fn invite(
    app: &App,
    wish: Wish<'_>,
    asked: ReaderAsked<'_>,
    who: &str,
) -> Result<Invited, Failure> {
    let (portal, account) = (&app.portal, wish.account);
    let _one_at_a_time = app.locks.of(account).lock().await;
    let now = portal.clock.now();
    let pseudonym = portal.key.pseudonym("number", account.as_str());
    let guard = format!("readers-{pseudonym}");
    if let Some(until) = portal.store.guard(&guard, now).await?.blocked_until {
        return Ok(Invited::Locked(until));
    }
    let proof = proof_of(app, &wish.id);
    let hours = SignedDuration::from_hours(portal.limits.proof_hours.into());
    let new = NewReader {
        id: wish.id,
        account: account.clone(),
        name: wish.name.to_owned(),
        email: Secret::new(wish.email.as_str().to_owned()),
        language: wish.language,
        evidence: wish.evidence,
        at: now,
        proof: NewProof {
            hash: proof,
            expires: now.saturating_add(hours).unwrap_or(now),
        },
    };
    let added = portal.store.add_reader(&new, asked, READERS_MAX, who);
    let added = added.await?;
    if matches!(added, AddReader::Added) {
        let policy = &portal.limits.per_number;
        portal.store.guard_fail(&guard, now, policy).await?;
        tracing::info!("a reader was asked");
    }
    Ok(Invited::Answered(added))
}

/// Of a reader's proof link. Derived, not random: the worker that writes the mail derives it again.
pub(crate) fn proof_of(app: &App, id: &ReaderId) -> TokenHash {
    let key = &app.portal.key;
    key.token(TokenPurpose::ProveReader, id.as_str()).hash()
}

#[derive(Deserialize)]
pub(crate) struct RemoveForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    reader: String,
}

/// One press, at once. Another's reader is as unknown as none.
pub(crate) async fn remove(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<RemoveForm>,
) -> Result<Response, Failure> {
    visitor.own_number(&form.form_token)?;
    let customer = visitor.signed_in()?;
    let Ok(id) = form.reader.parse::<ReaderId>() else {
        return Ok(go("/readers"));
    };
    let (evidence, now) = (visitor.evidence(), app.portal.clock.now());
    let store = &app.portal.store;
    let why = ReaderEnd::Removed;
    let removed = store.end_reader(&id, customer, why, &evidence, (WHO, now));
    Ok(go(match removed.await? {
        true => "/readers?done=removed",
        false => "/readers",
    }))
}
