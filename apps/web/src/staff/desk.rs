//! What an agent or a clerk does for a customer who called or came: recognise them, take their consent,
//! bring them back to paper, send a bill again, write a note.
//!
//! Everything but a note needs an open [`Contact`]: that this very person was recognised a short while
//! ago. The code that they say is compared here; no page ever shows one.

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::SignedDuration;
use kvit_billing::{
    BillNumber, CustomerNumber, DeliveryId, EnrolmentId, EntryId, Language, Secret,
    code::TokenPurpose,
};
use kvit_mail::{EmailAddress, typo_hint};
use kvit_store::{
    Channel, Contact, CustomerRecord, DeliveryState, EnrolmentChannel, EnrolmentState, NewDelivery,
    NewEnrolment, NewProof, Note, Role, Written,
};
use minijinja::context;
use serde::Deserialize;
use serde_json::json;

use super::{
    customers::{PageQuery, Seen, customer_page, the_customer, to_customer},
    door::Officer,
    event, render, spell,
};
use crate::{
    App, failure::Failure, front::Visitor, gate, pages::sha256_hex, rooms::enrol::latin_hint,
};

/// So long after a customer was recognised things may be done for them.
const CONTACT_MINUTES: i64 = 30;
const REFERENCE_CHARS_MAX: usize = 60;
const NOTE_CHARS_MAX: usize = 2_000;

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

/// Names what a form will write down, so that the form sent twice writes once.
pub(crate) fn new_entry(app: &App) -> String {
    app.random_token().expose().to_owned()
}

fn subject(number: &CustomerNumber) -> String {
    format!("customer/{number}")
}

fn done(number: &CustomerNumber, call: &str, what: &str) -> Response {
    let call = match call.parse::<EntryId>() {
        Ok(call) => format!("call={call}&"),
        Err(_) => String::new(),
    };
    to_customer(number, &format!("?{call}done={what}"))
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
    let reference = match (at_desk, &officer.centre) {
        (true, Some(centre)) => centre.clone(),
        _ => form.reference.trim().to_owned(),
    };
    let mut wrong = Vec::new();
    let length = reference.chars().count();
    if !(1..=REFERENCE_CHARS_MAX).contains(&length) || reference.chars().any(char::is_control) {
        wrong.push(("reference", "staff-error-reference"));
    }
    let by_document = at_desk && form.document.is_some();
    if wrong.is_empty() && !by_document {
        match says_the_code(&app, &officer, &record, &form.code).await? {
            Code::Right => {}
            Code::Wrong => wrong.push(("code", "staff-error-code")),
            Code::Locked(until) => return gate::locked(&app, &visitor, until),
        }
    }
    if !wrong.is_empty() {
        let seen = Seen {
            call: String::new(),
            notice: None,
            errors: wrong,
            typed: context! { reference => form.reference },
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
        recognised_by: if by_document { "document" } else { "code" }.to_owned(),
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

enum Code {
    Right,
    Wrong,
    Locked(jiff::Timestamp),
}

/// Compares the code that a customer says. Wrong ones count as on the portal, and for who asks too: a
/// member of staff must not guess either.
async fn says_the_code(
    app: &App,
    officer: &Officer,
    record: &CustomerRecord,
    typed: &str,
) -> Result<Code, Failure> {
    let portal = &app.portal;
    let number = &record.customer.number;
    let pseudonym = portal.key.pseudonym("number", number.as_str());
    let guards = [
        (
            format!("check-number-{pseudonym}"),
            portal.limits.per_number,
        ),
        (
            format!("staff-codes-{}", officer.login),
            portal.limits.per_address,
        ),
    ];
    let _one_at_a_time = app.locks.of(number).lock().await;
    let now = portal.clock.now();
    for (guard, _) in &guards {
        if let Some(until) = portal.store.guard(guard, now).await?.blocked_until {
            return Ok(Code::Locked(until));
        }
    }
    let right = portal
        .key
        .authorization_code(number, record.code_generation)
        .matches(typed);
    if right {
        portal.store.guard_clear(&guards[0].0).await?;
        return Ok(Code::Right);
    }
    let mut locked = None;
    for (guard, policy) in &guards {
        let state = portal.store.guard_fail(guard, now, policy).await?;
        locked = locked.max(state.blocked_until);
    }
    let missed = event(
        app,
        officer,
        "customer.not-recognised",
        subject(number),
        json!({}),
    );
    portal.store.record_event(&missed).await?;
    Ok(locked.map_or(Code::Wrong, Code::Locked))
}

#[derive(Deserialize)]
pub(crate) struct NoteForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    entry: String,
    #[serde(default)]
    call: String,
    #[serde(default)]
    note: String,
}

pub(crate) async fn note(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Form(form): Form<NoteForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let record = the_customer(&app, &number).await?;
    let body = form.note.trim();
    if !(1..=NOTE_CHARS_MAX).contains(&body.chars().count()) {
        let seen = Seen {
            call: form.call,
            notice: None,
            errors: vec![("note", "staff-error-note")],
            typed: context! { note => form.note },
        };
        let page = customer_page(&app, &visitor, &officer, &record, seen).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let number = &record.customer.number;
    let note = Note {
        id: form.entry.parse().map_err(|_| Failure::Foreign)?,
        account: number.clone(),
        login: officer.login.clone(),
        at: app.portal.clock.now(),
        body: body.to_owned(),
    };
    let noted = event(&app, &officer, "customer.noted", subject(number), json!({}));
    app.portal.store.add_note(&note, &noted).await?;
    Ok(done(number, &form.call, "noted"))
}

/// The first step: where to.
pub(crate) async fn enrol_form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Failure> {
    let record = the_customer(&app, &number).await?;
    let number = &record.customer.number;
    if contact(&app, &officer, number, &query.call)
        .await?
        .is_none()
    {
        return Ok(done(number, "", "over"));
    }
    let version = app.portal.store.consent_version(number).await?;
    let form = EnrolForm {
        call: query.call,
        version,
        language: record.customer.language.tag().to_owned(),
        ..EnrolForm::default()
    };
    email_page(&app, &visitor, &officer, &record, &form, None, &[])
}

#[derive(Default, Deserialize)]
pub(crate) struct EnrolForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    call: String,
    /// The record as it was when the first step was shown.
    #[serde(default)]
    version: u64,
    #[serde(default)]
    language: String,
    #[serde(default)]
    email: String,
    /// The address of which a misspelling was suggested already.
    #[serde(default)]
    sure: String,
    /// The suggested address, where its own button was pressed.
    #[serde(default)]
    instead: String,
    /// The second step's: the id of the consent, and that it was given.
    #[serde(default)]
    entry: String,
    /// The declaration lies signed on the desk.
    signed: Option<String>,
}

fn email_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    record: &CustomerRecord,
    form: &EnrolForm,
    suggestion: Option<String>,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let errors = gate::faults(wrong);
    let page = context! {
        number => record.customer.number.as_str(), name => record.customer.name.clone(),
        call => form.call.clone(), version => form.version, language => form.language.clone(),
        typed => form.email.clone(), suggestion, errors,
    };
    render(app, visitor, Some(officer), "staff/enrol.html", page)
}

/// The second step reads the address back and the declaration out; its button keeps the consent.
pub(crate) async fn enrol(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Form(mut form): Form<EnrolForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let record = the_customer(&app, &number).await?;
    let number = &record.customer.number;
    let Some(contact) = contact(&app, &officer, number, &form.call).await? else {
        return Ok(done(number, "", "over"));
    };
    if !form.instead.trim().is_empty() {
        form.email = std::mem::take(&mut form.instead);
    }
    form.email = form.email.trim().to_owned();
    let suggestion = typo_hint(&form.email).or_else(|| latin_hint(&form.email));
    let Ok(email) = EmailAddress::parse(&form.email) else {
        let wrong = [("email", "error-email")];
        let page = email_page(&app, &visitor, &officer, &record, &form, suggestion, &wrong)?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    if suggestion.is_some() && form.sure != form.email {
        return email_page(&app, &visitor, &officer, &record, &form, suggestion, &[]);
    }
    if let EnrolmentState::Active(active) = app.portal.store.enrolment_of(number).await?
        && active.email.expose() == email.as_str()
    {
        let wrong = [("email", "error-email-same")];
        let page = email_page(&app, &visitor, &officer, &record, &form, None, &wrong)?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let Ok(id) = form.entry.parse::<EnrolmentId>() else {
        return agree_page(&app, &visitor, &officer, &record, &form, &email, &[]);
    };
    if officer.role == Role::Clerk && form.signed.is_none() {
        let wrong = [("signed", "staff-error-signed")];
        let page = agree_page(&app, &visitor, &officer, &record, &form, &email, &wrong)?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    keep_consent(&app, &visitor, &officer, &contact, &form, id, &email).await
}

fn agree_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    record: &CustomerRecord,
    form: &EnrolForm,
    email: &EmailAddress,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let spelled: Vec<_> = spell::out(email.as_str(), visitor.language)
        .into_iter()
        .map(|(sign, word)| context! { sign, word })
        .collect();
    let errors = gate::faults(wrong);
    let page = context! {
        number => record.customer.number.as_str(), name => record.customer.name.clone(), call => form.call.clone(),
        version => form.version, language => form.language.clone(), email => email.as_str(), sure => form.sure.clone(),
        spelled, errors, entry => new_entry(app), at_desk => officer.role == Role::Clerk,
        declaration_version => app.portal.declaration_version.clone(), hours => app.portal.limits.proof_hours,
    };
    render(app, visitor, Some(officer), "staff/agree.html", page)
}

async fn keep_consent(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    contact: &Contact,
    form: &EnrolForm,
    id: EnrolmentId,
    email: &EmailAddress,
) -> Result<Response, Failure> {
    let portal = &app.portal;
    let number = &contact.account;
    let now = portal.clock.now();
    // Derived, not random: the worker that writes the mail derives it again.
    let proof = portal.key.token(TokenPurpose::ProveAddress, id.as_str());
    if portal
        .store
        .enrolment_by_proof(&proof.hash())
        .await?
        .is_some()
    {
        // Pressed twice.
        return Ok(done(number, &form.call, "enrolled"));
    }
    let operator = portal.operator.name.get(visitor.language);
    let consent = app
        .pages
        .texts(visitor.language)
        .say("consent-text", &[("operator", operator)]);
    let at_desk = contact.channel == "centre";
    let evidence = json!({
        "by": contact.channel, "agent": officer.login.as_str(), "reference": contact.reference,
        "contact": contact.id.as_str(), "recognised_by": contact.recognised_by, "signed": at_desk,
        "language": visitor.language.tag(), "text_sha256": sha256_hex(consent.as_bytes()),
    });
    let hours = SignedDuration::from_hours(portal.limits.proof_hours.into());
    let new = NewEnrolment {
        id,
        account: number.clone(),
        channel: if at_desk {
            EnrolmentChannel::Centre
        } else {
            EnrolmentChannel::Phone
        },
        email: Secret::new(email.as_str().to_owned()),
        language: Language::from_tag(&form.language).unwrap_or(visitor.language),
        text_version: portal.declaration_version.clone(),
        evidence,
        at: now,
        proof: Some(NewProof {
            hash: proof.hash(),
            expires: now.saturating_add(hours).unwrap_or(now),
        }),
    };
    let detail = json!({ "channel": contact.channel, "reference": contact.reference });
    let enrolled = event(app, officer, "customer.enrolled", subject(number), detail);
    Ok(
        match portal.store.enrol_at(&new, form.version, &enrolled).await? {
            Written::Done => done(number, &form.call, "enrolled"),
            Written::Outdated => done(number, &form.call, "outdated"),
        },
    )
}

#[derive(Deserialize)]
pub(crate) struct DeclarationForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    call: String,
    #[serde(default)]
    email: String,
}

/// The declaration on paper, to be printed and signed.
pub(crate) async fn declaration(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Form(form): Form<DeclarationForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let record = the_customer(&app, &number).await?;
    let customer = &record.customer;
    let email = EmailAddress::parse(&form.email);
    let open = contact(&app, &officer, &customer.number, &form.call).await?;
    let (Some(contact), Ok(email)) = (open, email) else {
        return Ok(done(&customer.number, "", "over"));
    };
    let detail = json!({ "reference": contact.reference });
    let printed = event(
        &app,
        &officer,
        "declaration.printed",
        subject(&customer.number),
        detail,
    );
    app.portal.store.record_event(&printed).await?;
    let texts = app.pages.texts(visitor.language);
    let zone = app.portal.time_zone.clone();
    let today = texts.date(app.portal.clock.now().to_zoned_datetime(zone).date());
    let address = &customer.address;
    let page = context! {
        number => customer.number.as_str(), name => customer.name.clone(), email => email.as_str(), today,
        town => address.city.clone(), postcode => address.postcode.clone(), lines => address.lines.clone(),
        centre => contact.reference, declaration_version => app.portal.declaration_version.clone(),
    };
    render(
        &app,
        &visitor,
        Some(&officer),
        "staff/declaration.html",
        page,
    )
}

/// Asks once more before the paper comes back.
pub(crate) async fn paper_form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Failure> {
    let record = the_customer(&app, &number).await?;
    let number = &record.customer.number;
    if contact(&app, &officer, number, &query.call)
        .await?
        .is_none()
    {
        return Ok(done(number, "", "over"));
    }
    let version = app.portal.store.consent_version(number).await?;
    let page = context! {
        number => number.as_str(), name => record.customer.name.clone(), call => query.call, version,
    };
    render(&app, &visitor, Some(&officer), "staff/paper.html", page)
}

#[derive(Deserialize)]
pub(crate) struct PaperForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    call: String,
    #[serde(default)]
    version: u64,
}

pub(crate) async fn paper(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Form(form): Form<PaperForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let record = the_customer(&app, &number).await?;
    let number = &record.customer.number;
    let Some(contact) = contact(&app, &officer, number, &form.call).await? else {
        return Ok(done(number, "", "over"));
    };
    let evidence = json!({
        "by": contact.channel, "agent": officer.login.as_str(), "reference": contact.reference,
        "contact": contact.id.as_str(), "recognised_by": contact.recognised_by,
    });
    let detail = json!({ "reference": contact.reference });
    let ended = event(&app, &officer, "customer.to-paper", subject(number), detail);
    let store = &app.portal.store;
    let written = store
        .end_enrolment_at(number, form.version, &evidence, &ended)
        .await?;
    Ok(match written {
        Written::Done => done(number, &form.call, "paper"),
        Written::Outdated => done(number, &form.call, "outdated"),
    })
}

#[derive(Deserialize)]
pub(crate) struct SendForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    call: String,
    #[serde(default)]
    bill: String,
}

/// Sends a bill once more, to the address that gets the bills now.
pub(crate) async fn send(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Form(form): Form<SendForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let record = the_customer(&app, &number).await?;
    let number = &record.customer.number;
    let Some(contact) = contact(&app, &officer, number, &form.call).await? else {
        return Ok(done(number, "", "over"));
    };
    let portal = &app.portal;
    let bill: BillNumber = form.bill.parse().map_err(|_| Failure::NotFound)?;
    let bill = portal.store.bill(bill).await?;
    let bill = bill
        .filter(|bill| bill.account == *number)
        .ok_or(Failure::NotFound)?;
    let EnrolmentState::Active(enrolment) = portal.store.enrolment_of(number).await? else {
        return Ok(done(number, &form.call, "outdated"));
    };
    let before = portal.store.deliveries_of_bill(bill.number).await?;
    let waits = |state| matches!(state, DeliveryState::Queued | DeliveryState::Sending);
    if before
        .iter()
        .any(|delivery| delivery.channel == Channel::Email && waits(delivery.state))
    {
        return Ok(done(number, &form.call, "on-its-way"));
    }
    let count = u16::try_from(before.len() + 1).map_err(|_| Failure::NotFound)?;
    let id = DeliveryId::of(bill.number, count);
    let token = portal.key.token(TokenPurpose::Receipt, &id.to_string());
    let now = portal.clock.now();
    let due_at = now
        .saturating_add(SignedDuration::from_hours(portal.delivery_hours.into()))
        .unwrap_or(now);
    let new = NewDelivery {
        id,
        bill: bill.number,
        account: number.clone(),
        channel: Channel::Email,
        email: Some(enrolment.email),
        language: enrolment.language,
        due_at,
        token: Some(token.hash()),
    };
    let detail = json!({ "bill": bill.number.to_string(), "reference": contact.reference });
    let sent = event(&app, &officer, "bill.sent-again", subject(number), detail);
    Ok(match portal.store.send_again(&new, &sent).await? {
        Written::Done => done(number, &form.call, "sent"),
        Written::Outdated => done(number, &form.call, "on-its-way"),
    })
}
