//! What an agent or a clerk does for a customer who called or came: bring them back to paper, send a
//! bill again, write a note. Consent and readers have files of their own.
//!
//! Everything but a note needs an open [`Contact`](kvit_store::Contact): that this very person was
//! recognised a short while ago.

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::SignedDuration;
use kvit_billing::{BillNumber, CustomerNumber, DeliveryId, EntryId, Language, code::TokenPurpose};
use kvit_store::{
    BillRecord, Channel, DeliveryState, EnrolmentState, MailTopic, NewDelivery, Note, Written,
};
use minijinja::context;
use serde::Deserialize;
use serde_json::json;

use super::{
    contact::{BY_DOCUMENT, evidence, in_contact},
    customers::{PageQuery, Seen, customer_page, the_customer, to_customer},
    door::Officer,
    event, render,
};
use crate::{App, failure::Failure, front::Visitor};

const NOTE_CHARS_MAX: usize = 2_000;

/// Names what a form will write down, so that the form sent twice writes once.
pub(crate) fn new_entry(app: &App) -> String {
    app.random_token().expose().to_owned()
}

pub(super) fn subject(number: &CustomerNumber) -> String {
    format!("customer/{number}")
}

pub(super) fn done(number: &CustomerNumber, call: &str, what: &str) -> Response {
    let call = match call.parse::<EntryId>() {
        Ok(call) => format!("call={call}&"),
        Err(_) => String::new(),
    };
    to_customer(number, &format!("?{call}done={what}"))
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
            errors: vec![("note", "staff-error-note")],
            typed: context! { note => form.note },
            ..Seen::of(form.call)
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

/// Asks once more before the paper comes back.
pub(crate) async fn paper_form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Failure> {
    let (record, _) = in_contact(&app, &officer, &number, &query.call).await?;
    let number = &record.customer.number;
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
    let (record, contact) = in_contact(&app, &officer, &number, &form.call).await?;
    let number = &record.customer.number;
    let evidence = evidence(&officer, &contact);
    let detail = json!({ "reference": contact.reference });
    let ended = event(&app, &officer, "customer.to-paper", subject(number), detail);
    let store = &app.portal.store;
    let written = store
        .end_enrolment_at(number, form.version, &evidence, &ended)
        .await?;
    // Pressed twice, or done by a colleague: what was wished for is so.
    let on_paper = written == Written::Done
        || matches!(store.enrolment_of(number).await?, EnrolmentState::None);
    let what = if on_paper { "paper" } else { "outdated" };
    Ok(done(number, &form.call, what))
}

/// Asks once more before all of the customer's passkeys go.
pub(crate) async fn passkeys_form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Failure> {
    let (record, _) = in_contact(&app, &officer, &number, &query.call).await?;
    let customer = record.customer;
    let page =
        context! { number => customer.number.as_str(), name => customer.name, call => query.call };
    let template = "staff/customer-passkeys.html";
    render(&app, &visitor, Some(&officer), template, page)
}

#[derive(Deserialize)]
pub(crate) struct PasskeysForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    call: String,
}

/// Removes all of the customer's passkeys: of a lost telephone, or of somebody who saw a bill. Their sessions end
/// with them.
pub(crate) async fn remove_passkeys(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Form(form): Form<PasskeysForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let (record, contact) = in_contact(&app, &officer, &number, &form.call).await?;
    let number = &record.customer.number;
    let detail = json!({
        "by": contact.channel, "reference": contact.reference, "contact": contact.id.as_str(),
        "recognised_by": contact.recognised_by,
    });
    let what = "passkeys.removed";
    let removed = event(&app, &officer, what, subject(number), detail);
    app.portal.store.remove_passkeys(number, &removed).await?;
    Ok(done(number, &form.call, "passkeys"))
}

#[derive(Deserialize)]
pub(crate) struct MailsForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    call: String,
    /// `reminders` or `payments`.
    #[serde(default)]
    about: String,
    #[serde(default)]
    wanted: String,
}

/// Turns mails on or off that the customer may do without.
pub(crate) async fn choose_mails(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Form(form): Form<MailsForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let (record, contact) = in_contact(&app, &officer, &number, &form.call).await?;
    let number = &record.customer.number;
    let about = MailTopic::parse(&form.about).ok_or(Failure::NotFound)?;
    let wanted = match form.wanted.as_str() {
        "on" => true,
        "off" => false,
        _ => return Err(Failure::NotFound),
    };
    let evidence = evidence(&officer, &contact);
    let detail = json!({ "about": about, "wanted": wanted, "reference": contact.reference });
    let what = "customer.mails-chosen";
    let chosen = event(&app, &officer, what, subject(number), detail);
    app.portal
        .store
        .choose_mails(number, (about, wanted), chosen.at, &evidence, Some(&chosen))
        .await?;
    Ok(done(number, &form.call, "mails"))
}

#[derive(Deserialize)]
pub(crate) struct LanguageForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    call: String,
    #[serde(default)]
    language: String,
}

/// In which language bills and mails come.
pub(crate) async fn choose_language(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Form(form): Form<LanguageForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let (record, contact) = in_contact(&app, &officer, &number, &form.call).await?;
    let number = &record.customer.number;
    let language = Language::from_tag(&form.language).ok_or(Failure::NotFound)?;
    let detail = json!({ "language": language, "reference": contact.reference });
    let what = "customer.language-chosen";
    let chosen = event(&app, &officer, what, subject(number), detail);
    app.portal
        .store
        .set_language(number, language, &chosen)
        .await?;
    Ok(done(number, &form.call, "language"))
}

/// Asks once more before the customer's code is void.
pub(crate) async fn code_form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Failure> {
    let (record, contact) = in_contact(&app, &officer, &number, &query.call).await?;
    let (customer, generation) = (record.customer, record.code_generation);
    let state = app.portal.store.enrolment_of(&customer.number).await?;
    let active = matches!(state, EnrolmentState::Active(_));
    let page = context! {
        number => customer.number.as_str(), name => customer.name, call => query.call, active, generation,
        by_document => contact.recognised_by == BY_DOCUMENT,
    };
    let template = "staff/customer-code.html";
    render(&app, &visitor, Some(&officer), template, page)
}

#[derive(Deserialize)]
pub(crate) struct CodeForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    call: String,
    /// The generation of the code that the page was about, so that a form sent twice changes it once.
    #[serde(default)]
    generation: u32,
}

/// Makes the code void, for who thinks that somebody else knows it. Nobody sees the new one: it comes with a bill. Only
/// for who showed a document: whoever says the code may be the one who found it.
pub(crate) async fn change_code(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Form(form): Form<CodeForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let (record, contact) = in_contact(&app, &officer, &number, &form.call).await?;
    let number = &record.customer.number;
    if contact.recognised_by != BY_DOCUMENT {
        let form_page = format!("/staff/customers/{number}/code?call={}", contact.id);
        return Err(Failure::See(form_page));
    }
    let evidence = evidence(&officer, &contact);
    let what = "customer.code-changed";
    let changed = event(&app, &officer, what, subject(number), evidence.clone());
    let store = &app.portal.store;
    let seen = (number, form.generation);
    let changed = store.change_code(seen, &evidence, &changed).await?;
    let what = if changed.is_some() {
        "code"
    } else {
        "outdated"
    };
    Ok(done(number, &form.call, what))
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
    let (record, contact) = in_contact(&app, &officer, &number, &form.call).await?;
    let number = &record.customer.number;
    let portal = &app.portal;
    let bill: BillNumber = form.bill.parse().map_err(|_| Failure::NotFound)?;
    let bill = portal.store.bill(bill).await?;
    let bill = bill
        .filter(|bill| bill.account == *number)
        .ok_or(Failure::NotFound)?;
    let new = match once_more(&app, &bill).await? {
        OnceMore::New(new) => new,
        OnceMore::NoEbill => return Ok(done(number, &form.call, "outdated")),
        OnceMore::OnItsWay => return Ok(done(number, &form.call, "on-its-way")),
    };
    let detail = json!({ "bill": bill.number.to_string(), "reference": contact.reference });
    let sent = event(&app, &officer, "bill.sent-again", subject(number), detail);
    Ok(match portal.store.send_again(&new, &sent).await? {
        Written::Done => done(number, &form.call, "sent"),
        Written::Outdated => done(number, &form.call, "on-its-way"),
    })
}

/// Whether a bill can be sent once more.
pub(crate) enum OnceMore {
    /// By this delivery.
    New(NewDelivery),
    /// The customer's bills come on paper.
    NoEbill,
    /// A mail with it waits to be sent.
    OnItsWay,
}

/// The next delivery of a bill by mail, to the address that gets the bills now.
pub(crate) async fn once_more(app: &App, bill: &BillRecord) -> Result<OnceMore, Failure> {
    let portal = &app.portal;
    let EnrolmentState::Active(enrolment) = portal.store.enrolment_of(&bill.account).await? else {
        return Ok(OnceMore::NoEbill);
    };
    let before = portal.store.deliveries_of_bill(bill.number).await?;
    let waits = |state| matches!(state, DeliveryState::Queued | DeliveryState::Sending);
    if before
        .iter()
        .any(|delivery| delivery.channel == Channel::Email && waits(delivery.state))
    {
        return Ok(OnceMore::OnItsWay);
    }
    let count = u16::try_from(before.len() + 1).map_err(|_| Failure::NotFound)?;
    let id = DeliveryId::of(bill.number, count);
    let token = portal.key.token(TokenPurpose::Receipt, &id.to_string());
    let now = portal.clock.now();
    let due_at = now
        .saturating_add(SignedDuration::from_hours(portal.delivery_hours.into()))
        .unwrap_or(now);
    Ok(OnceMore::New(NewDelivery {
        id,
        bill: bill.number,
        account: bill.account.clone(),
        channel: Channel::Email,
        email: Some(enrolment.email),
        language: enrolment.language,
        due_at,
        token: Some(token.hash()),
    }))
}
