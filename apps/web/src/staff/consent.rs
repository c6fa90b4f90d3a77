//! Consent by telephone or at a service centre: the address is read back, the declaration read out or
//! printed and signed.

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use datamatrix::{DataMatrix, SymbolList};
use kvit_billing::{CustomerNumber, EnrolmentId, Language, PaperCode, Role, code::TokenPurpose};
use kvit_mail::EmailAddress;
use kvit_store::{Contact, CustomerRecord, EnrolmentChannel, EnrolmentState, Written};
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{
    contact::{evidence, in_contact},
    customers::PageQuery,
    desk::{done, new_entry, subject},
    door::Officer,
    event, render,
    signing::{sheet, strokes::Strokes},
    spell,
};
use crate::{App, consent::Consent, failure::Failure, front::Visitor, gate};

/// White around a square code, in modules.
const CODE_WHITE: usize = 2;

/// The first step: where to.
pub(crate) async fn enrol_form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Failure> {
    let (record, _) = in_contact(&app, &officer, &number, &query.call).await?;
    let number = &record.customer.number;
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
    pub(super) form_token: String,
    #[serde(default)]
    pub(super) call: String,
    /// The record as it was when the first step was shown.
    #[serde(default)]
    pub(super) version: u64,
    #[serde(default)]
    pub(super) language: String,
    #[serde(default)]
    email: String,
    /// The address of which a misspelling was suggested already.
    #[serde(default)]
    pub(super) sure: String,
    /// The suggested address, where its own button was pressed.
    #[serde(default)]
    instead: String,
    /// The second step's: the id of the consent, and that it was given.
    #[serde(default)]
    pub(super) entry: String,
    /// The declaration lies signed on the desk.
    signed: Option<String>,
    /// What was written on the screen.
    #[serde(default)]
    pub(super) strokes: Option<String>,
}

/// A customer in contact, and the address that was read back to them.
pub(super) struct Ready {
    pub(super) record: CustomerRecord,
    pub(super) contact: Contact,
    pub(super) email: EmailAddress,
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
    let ready = match read_back(&app, &visitor, &officer, &number, &mut form).await? {
        Ok(ready) => ready,
        Err(page) => return Ok(page),
    };
    let (record, email) = (&ready.record, &ready.email);
    let Ok(id) = form.entry.parse::<EnrolmentId>() else {
        return agree_page(&app, &visitor, &officer, record, &form, email, &[]);
    };
    if officer.role == Role::Clerk && form.signed.is_none() {
        let wrong = [("signed", "staff-error-signed")];
        let page = agree_page(&app, &visitor, &officer, record, &form, email, &wrong)?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    keep_consent(&app, &visitor, &officer, &ready, &form, id, None).await
}

/// What both ways to sign need; the first step's page again where the address needs a word.
pub(super) async fn read_back(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    number: &str,
    form: &mut EnrolForm,
) -> Result<Result<Ready, Response>, Failure> {
    let (record, contact) = in_contact(app, officer, number, &form.call).await?;
    let number = &record.customer.number;
    gate::take_address(&mut form.email, &form.sure, &form.instead);
    let suggestion = gate::meant(&form.email);
    let email = match EmailAddress::parse(&form.email) {
        Ok(email) => email,
        Err(fault) => {
            let wrong = [gate::email_fault(fault)];
            let page = email_page(app, visitor, officer, &record, form, suggestion, &wrong)?;
            return Ok(Err((StatusCode::UNPROCESSABLE_ENTITY, page).into_response()));
        }
    };
    if suggestion.is_some() && form.sure != form.email {
        let page = email_page(app, visitor, officer, &record, form, suggestion, &[])?;
        return Ok(Err(page));
    }
    if let EnrolmentState::Active(active) = app.portal.store.enrolment_of(number).await?
        && active.email.expose() == email.as_str()
    {
        let wrong = [("email", "error-email-same")];
        let page = email_page(app, visitor, officer, &record, form, None, &wrong)?;
        return Ok(Err((StatusCode::UNPROCESSABLE_ENTITY, page).into_response()));
    }
    Ok(Ok(Ready {
        record,
        contact,
        email,
    }))
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
    let spelled = spell::out(email.as_str(), visitor.language);
    let errors = gate::faults(wrong);
    let page = context! {
        number => record.customer.number.as_str(), name => record.customer.name.clone(), call => form.call.clone(),
        version => form.version, language => form.language.clone(), email => email.as_str(), sure => form.sure.clone(),
        spelled, errors, entry => new_entry(app), at_desk => officer.role == Role::Clerk,
        declaration_version => app.portal.declaration_version.clone(), hours => app.portal.limits.proof_hours,
    };
    render(app, visitor, Some(officer), "staff/agree.html", page)
}

/// Keeps the consent, and before it what was signed on the screen. A death in between leaves a sheet that nobody names, which
/// is cleared away; the same press again makes one of its own.
pub(super) async fn keep_consent(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    ready: &Ready,
    form: &EnrolForm,
    id: EnrolmentId,
    strokes: Option<&Strokes>,
) -> Result<Response, Failure> {
    let portal = &app.portal;
    let contact = &ready.contact;
    let number = &contact.account;
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
    let at_desk = contact.channel == "centre";
    let mut evidence = evidence(officer, contact);
    evidence["signed"] = at_desk.into();
    let channel = if at_desk {
        EnrolmentChannel::Centre
    } else {
        EnrolmentChannel::Phone
    };
    let language = Language::from_tag(&form.language).unwrap_or(visitor.language);
    let consent = Consent {
        id,
        account: number,
        channel,
        email: &ready.email,
        language,
        text: Some(visitor.language),
        text_version: None,
        evidence,
    };
    let mut new = consent.awaiting_proof(app);
    let mut detail = json!({ "channel": contact.channel, "reference": contact.reference });
    if let Some(strokes) = strokes {
        let svg = sheet::svg(app, visitor, officer, ready, &new, strokes);
        let attempt = new_entry(app).parse().map_err(|_| Failure::Foreign)?;
        let kept = portal
            .scans
            .keep_signed(&new.id, &attempt, svg.into_bytes());
        let kept = kept.await?.evidence();
        detail["sha256"] = kept["sha256"].clone();
        new.evidence["sheet"] = kept;
    }
    let enrolled = event(app, officer, "customer.enrolled", subject(number), detail);
    let written = portal.store.enrol_at(&new, form.version, &enrolled).await?;
    // Pressed twice at once, the other press may have been the quicker one.
    let kept = written == Written::Done
        || portal
            .store
            .enrolment_by_proof(&proof.hash())
            .await?
            .is_some();
    let what = if kept { "enrolled" } else { "outdated" };
    Ok(done(number, &form.call, what))
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
    let (record, contact) = in_contact(&app, &officer, &number, &form.call).await?;
    let customer = &record.customer;
    let Ok(email) = EmailAddress::parse(&form.email) else {
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
    let today = texts.date(app.today());
    let address = &customer.address;
    let page = context! {
        number => customer.number.as_str(), name => customer.name.clone(), email => email.as_str(), today,
        town => address.city.clone(), postcode => address.postcode.clone(), lines => address.lines.clone(),
        code => declaration_code(&app, &customer.number),
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

/// The square code of a declaration by itself, as on the back of a bill: its side in modules, white included, and
/// its dark modules as an SVG path.
fn declaration_code(app: &App, number: &CustomerNumber) -> Option<Value> {
    let version = app.portal.declaration_version.chars();
    let code = PaperCode {
        eik: app.portal.operator.eik.clone(),
        account: number.clone(),
        on: version
            .filter(|c| c.is_ascii_graphic() && *c != ';')
            .collect(),
    };
    let square = SymbolList::default().enforce_square();
    let code = DataMatrix::encode(code.to_string().as_bytes(), square).ok()?;
    let dark = code.bitmap();
    let side = dark.width() + 2 * CODE_WHITE;
    let module = |(x, y)| format!("M{} {}h1v1h-1z", x + CODE_WHITE, y + CODE_WHITE);
    let path: String = dark.pixels().map(module).collect();
    Some(context! { side, path })
}
