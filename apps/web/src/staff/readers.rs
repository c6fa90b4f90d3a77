//! Readers beside the customer, by telephone or at a service centre: the address is read back, the reader proves it by the
//! link of a mail as always; and who is no reader any more.

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use kvit_billing::{CustomerNumber, Language, ReaderId};
use kvit_mail::EmailAddress;
use kvit_store::{
    AddReader, Contact, CustomerRecord, EnrolmentState, ReaderAsked, ReaderEnd, ReaderRecord,
};
use minijinja::{Value, context};
use serde::Deserialize;

use super::{
    contact::{evidence, in_contact},
    customers::PageQuery,
    desk::{done, new_entry},
    door::Officer,
    locked, plain, render, spell,
};
use crate::{
    App,
    failure::Failure,
    front::Visitor,
    gate,
    rooms::readers::{
        Invited, NAME_CHARS_MAX, READERS_MAX, READERS_SHOWN, Wish, invite, proof_of, takes_a_place,
    },
};

/// Those who read along or were asked to, as the customer's page shows them: each address as `email` shows it, and whether
/// there may be more.
pub(super) fn shown(
    all: &[ReaderRecord],
    now: Timestamp,
    email: impl Fn(&str) -> String,
) -> (Vec<Value>, bool) {
    let open = || all.iter().filter(|reader| reader.ended_at.is_none());
    let taken = open().filter(|reader| takes_a_place(reader, now)).count();
    let rows = open().map(|reader| {
        let state = match reader.proven_at {
            Some(_) => "staff-reader-proven",
            None if takes_a_place(reader, now) => "staff-reader-waits",
            None => "staff-reader-over",
        };
        let (id, email) = (reader.id.as_str(), email(reader.email.expose()));
        context! { id, name => reader.name.clone(), email, state }
    });
    (rows.collect(), taken < READERS_MAX)
}

#[derive(Default, Deserialize)]
pub(crate) struct InviteForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    call: String,
    /// The record as it was when the first step was shown.
    #[serde(default)]
    version: u64,
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
    /// The second step's: the reader's id, and that the address is wrong after all.
    #[serde(default)]
    entry: String,
    back: Option<String>,
}

/// The first step: whom to ask, and where.
pub(crate) async fn form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Failure> {
    let (record, _) = in_contact(&app, &officer, &number, &query.call).await?;
    let version = app.portal.store.readers_version(&record.customer.number);
    let form = InviteForm {
        call: query.call,
        version: version.await?,
        language: record.customer.language.tag().to_owned(),
        ..InviteForm::default()
    };
    whom(&app, &visitor, &officer, &record, &form, None, &[])
}

fn whom(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    record: &CustomerRecord,
    form: &InviteForm,
    suggestion: Option<String>,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let errors = gate::faults(wrong);
    let page = context! {
        number => record.customer.number.as_str(), name => record.customer.name.clone(),
        call => form.call.clone(), version => form.version, language => form.language.clone(),
        called => form.name.clone(), typed => form.email.clone(), suggestion, errors,
    };
    let page = render(app, visitor, Some(officer), "staff/reader.html", page)?;
    match wrong {
        [] => Ok(page),
        _ => Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response()),
    }
}

/// The second step reads the address back and says what a reader gets to know; its button asks them.
pub(crate) async fn add(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Form(mut form): Form<InviteForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let (record, contact) = in_contact(&app, &officer, &number, &form.call).await?;
    let number = &record.customer.number;
    gate::take_address(&mut form.email, &form.sure, &form.instead);
    form.name = plain(&form.name);
    if form.back.is_some() {
        return whom(&app, &visitor, &officer, &record, &form, None, &[]);
    }
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
        return whom(&app, &visitor, &officer, &record, &form, suggestion, &wrong);
    };
    if suggestion.is_some() && form.sure != form.email {
        return whom(&app, &visitor, &officer, &record, &form, suggestion, &[]);
    }
    if let Ok(id) = form.entry.parse::<ReaderId>() {
        return ask(
            &app,
            &visitor,
            &officer,
            &record,
            &contact,
            &form,
            (id, &email),
        )
        .await;
    }
    match stands_in_the_way(&app, number, &email).await? {
        None => read_back(&app, &visitor, &officer, &record, &form, &email),
        Some(AddReader::Already) => {
            let wrong = [("email", "error-reader-already")];
            whom(&app, &visitor, &officer, &record, &form, None, &wrong)
        }
        Some(AddReader::Full) => {
            let wrong = [("email", "error-reader-full")];
            whom(&app, &visitor, &officer, &record, &form, None, &wrong)
        }
        Some(_) => Ok(done(number, &form.call, "outdated")),
    }
}

/// What would be answered, before an address is read back in vain.
async fn stands_in_the_way(
    app: &App,
    number: &CustomerNumber,
    email: &EmailAddress,
) -> Result<Option<AddReader>, Failure> {
    let store = &app.portal.store;
    let EnrolmentState::Active(enrolment) = store.enrolment_of(number).await? else {
        return Ok(Some(AddReader::NoEbill));
    };
    let known = store.readers_of(number, READERS_SHOWN).await?;
    let same = |reader: &ReaderRecord| reader.email.expose() == email.as_str();
    let mut open = known.iter().filter(|reader| reader.ended_at.is_none());
    let proven = |reader: &ReaderRecord| same(reader) && reader.proven_at.is_some();
    if enrolment.email.expose() == email.as_str() || open.clone().any(proven) {
        return Ok(Some(AddReader::Already));
    }
    let (_, is_room) = shown(&known, app.portal.clock.now(), str::to_owned);
    // Who is asked anew takes no other's place.
    Ok((!is_room && !open.any(same)).then_some(AddReader::Full))
}

fn read_back(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    record: &CustomerRecord,
    form: &InviteForm,
    email: &EmailAddress,
) -> Result<Response, Failure> {
    let spelled = spell::out(email.as_str(), visitor.language);
    let page = context! {
        number => record.customer.number.as_str(), name => record.customer.name.clone(), call => form.call.clone(),
        version => form.version, language => form.language.clone(), called => form.name.clone(),
        email => email.as_str(), sure => form.sure.clone(), spelled, entry => new_entry(app),
        hours => app.portal.limits.proof_hours,
    };
    render(app, visitor, Some(officer), "staff/reader-read.html", page)
}

async fn ask(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    record: &CustomerRecord,
    contact: &Contact,
    form: &InviteForm,
    (id, email): (ReaderId, &EmailAddress),
) -> Result<Response, Failure> {
    let (number, proof) = (&record.customer.number, proof_of(app, &id));
    let asked_before = async || {
        let known = app.portal.store.reader_by_proof(&proof).await?;
        Ok::<_, Failure>(known.map(|reader| match reader.ended_at {
            None => "invited",
            Some(_) => "outdated",
        }))
    };
    // Pressed twice.
    if let Some(what) = asked_before().await? {
        return Ok(done(number, &form.call, what));
    }
    let wish = Wish {
        id,
        account: number,
        name: &form.name,
        email,
        language: Language::from_tag(&form.language).unwrap_or(visitor.language),
        evidence: evidence(officer, contact),
    };
    let seen = ReaderAsked::AtDesk(form.version);
    let answer = match invite(app, wish, seen, officer.login.as_str()).await? {
        Invited::Locked(until) => return locked(app, visitor, officer, number, until),
        Invited::Answered(answer) => answer,
    };
    let fault = match answer {
        AddReader::Added => return Ok(done(number, &form.call, "invited")),
        AddReader::Already => "error-reader-already",
        AddReader::Full => "error-reader-full",
        AddReader::NoEbill | AddReader::Over | AddReader::Outdated => {
            // Pressed twice at once, the other press may have been the quicker one.
            let what = asked_before().await?.unwrap_or("outdated");
            return Ok(done(number, &form.call, what));
        }
    };
    let wrong = [("email", fault)];
    whom(app, visitor, officer, record, form, None, &wrong)
}

#[derive(Deserialize)]
pub(crate) struct RemoveForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    call: String,
    #[serde(default)]
    reader: String,
}

/// Removes one of the customer's readers, or takes an invitation back.
pub(crate) async fn remove(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Form(form): Form<RemoveForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let (record, contact) = in_contact(&app, &officer, &number, &form.call).await?;
    let number = &record.customer.number;
    let id: ReaderId = form.reader.parse().map_err(|_| Failure::NotFound)?;
    let evidence = evidence(&officer, &contact);
    let (store, now) = (&app.portal.store, app.portal.clock.now());
    let by = (officer.login.as_str(), now);
    let removed = store.end_reader(&id, number, ReaderEnd::Removed, &evidence, by);
    let what = if removed.await? { "reader" } else { "outdated" };
    Ok(done(number, &form.call, what))
}
