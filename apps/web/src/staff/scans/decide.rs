//! What a clerk says about a page: consent, no consent and why, or later.

use axum::{
    Extension, Form,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kvit_billing::{BillNumber, CustomerNumber, EnrolmentId, code::TokenPurpose};
use kvit_mail::EmailAddress;
use kvit_store::{
    CustomerRecord, EnrolmentChannel, EnrolmentState, ScanHand, ScanRecord, ScanWord, Written,
};
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{
    super::{door::Officer, event, plain},
    scan_page, short, subject, the_scan, to_next, to_page,
};
use crate::{
    App,
    consent::Consent,
    failure::Failure,
    front::Visitor,
    gate::{email_fault, meant, take_address, typed_number},
    texts::Texts,
};

/// Why nothing comes of a page. Each has a text.
const REASONS: [&str; 6] = [
    "unsigned",
    "unreadable",
    "other-person",
    "already",
    "no-declaration",
    "other",
];
const NOTE_CHARS_MAX: usize = 200;

/// The reasons with their texts.
pub(super) fn reasons(texts: &Texts) -> Vec<Value> {
    let one = |word: &str| {
        let text = texts.say(&format!("staff-scan-reason-{word}"), &[]);
        context! { word, text }
    };
    REASONS.into_iter().map(one).collect()
}

#[derive(Default, Deserialize)]
pub(crate) struct ScanForm {
    #[serde(default)]
    form_token: String,
    /// `confirm`, `refuse` or `aside`.
    #[serde(default)]
    act: String,
    /// The page as it was when its form was made.
    #[serde(default)]
    version: u64,
    /// The customer's consents as they were then.
    #[serde(default)]
    consent: u64,
    #[serde(default)]
    pub(super) number: String,
    /// The number whose name and address the form showed.
    #[serde(default)]
    shown: String,
    #[serde(default)]
    pub(super) email: String,
    /// The address of which a misspelling was suggested already.
    #[serde(default)]
    sure: String,
    /// The suggested address, where its own button was pressed.
    #[serde(default)]
    instead: String,
    pub(super) signed: Option<String>,
    /// The id of the consent, so that it is given once however often the form is sent.
    #[serde(default)]
    pub(super) entry: String,
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) note: String,
}

impl ScanForm {
    /// As it is before anything is typed.
    pub(super) fn new(number: String, entry: String) -> Self {
        Self {
            number,
            entry,
            ..Self::default()
        }
    }
}

pub(crate) async fn decide(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(id): Path<String>,
    Form(mut form): Form<ScanForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let found = the_scan(&app, &id).await?;
    match form.act.as_str() {
        "refuse" | "aside" => return put_away(&app, &visitor, &officer, &found, &form).await,
        _ => {}
    }
    take_address(&mut form.email, &form.sure, &form.instead);
    confirm(&app, &visitor, &officer, &found, &form).await
}

fn hand<'a>(found: &'a ScanRecord, officer: &'a Officer, form: &ScanForm) -> ScanHand<'a> {
    ScanHand {
        id: &found.scan.id,
        login: &officer.login,
        version: form.version,
    }
}

async fn put_away(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    found: &ScanRecord,
    form: &ScanForm,
) -> Result<Response, Failure> {
    let note: String = plain(&form.note).chars().take(NOTE_CHARS_MAX).collect();
    let refused = form.act == "refuse";
    let known = REASONS.contains(&form.reason.as_str());
    // Another reason than those has to be said in words.
    let said = known && (form.reason != "other" || !note.is_empty());
    if refused && !said {
        let wrong: &[_] = if known {
            &[("note", "staff-error-scan-note")]
        } else {
            &[("reason", "staff-error-scan-reason")]
        };
        let page = scan_page(app, visitor, officer, found, form, None, None, wrong).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let reason = match (refused, note.is_empty()) {
        (true, true) => form.reason.clone(),
        (true, false) => format!("{}: {note}", form.reason),
        (false, _) => note,
    };
    let (word, what) = if refused {
        (ScanWord::Refused(&reason), "scan.refused")
    } else {
        (ScanWord::Aside(&reason), "scan.aside")
    };
    let detail = json!({ "scan": short(found), "why": reason });
    let told = event(app, officer, what, subject(found), detail);
    let store = &app.portal.store;
    let written = store
        .decide_scan(hand(found, officer, form), word, &told)
        .await?;
    after(app, officer, found, written).await
}

/// On to the next page; where the word did not count, back to this one.
async fn after(
    app: &App,
    officer: &Officer,
    found: &ScanRecord,
    written: Written,
) -> Result<Response, Failure> {
    // Pressed twice, the first press counted.
    let now = the_scan(app, &found.scan.id).await?;
    let by_me = matches!(&now.decided, Some((who, _)) if *who == officer.login);
    if written == Written::Done || (by_me && now.holder.is_none()) {
        return to_next(app, officer).await;
    }
    Ok(to_page(&found.scan.id, "?done=outdated"))
}

async fn confirm(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    found: &ScanRecord,
    form: &ScanForm,
) -> Result<Response, Failure> {
    let store = &app.portal.store;
    let mut wrong = Vec::new();
    let number = typed_number(&form.number);
    let record = match &number {
        Some(number) => store.customer(number).await?,
        None => None,
    };
    let Some(record) = record else {
        let wrong = [("number", "staff-error-money-account")];
        let page = scan_page(app, visitor, officer, found, form, None, None, &wrong).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    let number = &record.customer.number;
    // A number that was just typed: its name comes first, then the press that counts.
    if form.shown != number.as_str() {
        return scan_page(app, visitor, officer, found, form, None, None, &[]).await;
    }
    let suggestion = meant(&form.email);
    let email = EmailAddress::parse(&form.email);
    match &email {
        Err(fault) => wrong.push(email_fault(*fault)),
        Ok(email) => {
            if let EnrolmentState::Active(active) = store.enrolment_of(number).await?
                && active.email.expose() == email.as_str()
            {
                wrong.push(("email", "error-email-same"));
            }
        }
    }
    if form.signed.is_none() {
        wrong.push(("signed", "staff-error-scan-signed"));
    }
    let unsure = suggestion.is_some() && form.sure != form.email;
    let (Ok(email), true, false) = (email, wrong.is_empty(), unsure) else {
        let status = if wrong.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        };
        let page = scan_page(app, visitor, officer, found, form, None, suggestion, &wrong).await?;
        return Ok((status, page).into_response());
    };
    let id: EnrolmentId = form.entry.parse().map_err(|_| Failure::Foreign)?;
    keep(app, officer, found, form, id, &record, &email).await
}

async fn keep(
    app: &App,
    officer: &Officer,
    found: &ScanRecord,
    form: &ScanForm,
    id: EnrolmentId,
    record: &CustomerRecord,
    email: &EmailAddress,
) -> Result<Response, Failure> {
    let portal = &app.portal;
    let number: &CustomerNumber = &record.customer.number;
    // Derived, not random: the worker that writes the mail derives it again.
    let proof = portal.key.token(TokenPurpose::ProveAddress, id.as_str());
    if portal
        .store
        .enrolment_by_proof(&proof.hash())
        .await?
        .is_some()
    {
        return after(app, officer, found, Written::Done).await;
    }
    // The text is the one on the paper: that of the bill, or of the declaration by itself, that the code names.
    let code = found
        .scan
        .code
        .as_ref()
        .filter(|code| code.account == *number);
    let printed_on = code.map(|code| code.on.clone());
    let other = found.scan.code.as_ref().filter(|_| code.is_none());
    let code_of = other.map(|code| code.account.to_string());
    let on_bill = match &printed_on {
        Some(on) if is_of(app, number, on).await? => printed_on.clone(),
        _ => None,
    };
    let evidence = json!({
        "by": "paper", "agent": officer.login.as_str(), "centre": officer.centre, "signed": true, "scan": found.scan.id,
        "file": found.file_name, "page": found.scan.page, "picture_sha256": hex::encode(found.scan.sha256),
        "code_read": found.scan.code.is_some(), "code_of_another": code_of, "printed_on": printed_on,
    });
    let language = record.customer.language;
    let consent = Consent {
        id,
        account: number,
        channel: EnrolmentChannel::Paper,
        email,
        language,
        text: None,
        text_version: on_bill,
        evidence,
    };
    let new = consent.awaiting_proof(app);
    let detail = json!({ "channel": "paper", "scan": short(found) });
    let enrolled = event(
        app,
        officer,
        "customer.enrolled",
        format!("customer/{number}"),
        detail,
    );
    let written = portal
        .store
        .confirm_scan(hand(found, officer, form), &new, form.consent, &enrolled)
        .await?;
    after(app, officer, found, written).await
}

/// Whether a bill with this number is the customer's: only then the text on the paper is known to be ours.
async fn is_of(app: &App, customer: &CustomerNumber, printed_on: &str) -> Result<bool, Failure> {
    let Ok(number) = printed_on.parse::<BillNumber>() else {
        return Ok(false);
    };
    let bill = app.portal.store.bill(number).await?;
    Ok(bill.is_some_and(|bill| bill.account == *customer))
}
