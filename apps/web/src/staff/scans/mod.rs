//! The room of signed declarations from the scanner: files come in, and pages wait for a clerk. Deciding about one
//! page is in `decide`.

pub(crate) mod decide;
pub(crate) mod picture;
pub(crate) mod upload;

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use kvit_billing::{CustomerNumber, EntryId};
use kvit_store::{
    EnrolmentState, SCANS_COUNTED_MAX, ScanFault, ScanFileRecord, ScanHand, ScanRecord, ScanReport,
    ScanState, ScanUndo, WantedScan,
};
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{
    customers::{address, viewed},
    desk,
    door::Officer,
    event,
    imports::size,
    plain, render, said,
};
use crate::{App, failure::Failure, front::Visitor, gate, rooms::bills::masked, texts::Texts};
use decide::ScanForm;

/// For so long a page is in one clerk's hand after it was shown.
const LEASE: SignedDuration = SignedDuration::from_mins(10);
/// For so long a decision is offered to be taken back.
const UNDO: SignedDuration = SignedDuration::from_mins(15);
const FILES_SHOWN: u32 = 20;
const ASIDE_SHOWN: u32 = 50;
/// Other pages of a customer that are looked at.
const OTHERS: u32 = 10;
/// Faults of a file that are shown.
const FAULTS_SHOWN: usize = 20;
/// The longest reason, in characters.
const WHY_CHARS_MAX: usize = 300;
const HERE: &str = "/staff/scans";

#[derive(Deserialize)]
pub(crate) struct RoomQuery {
    #[serde(default)]
    done: String,
}

pub(crate) async fn room(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Query(query): Query<RoomQuery>,
) -> Result<Response, Failure> {
    let notice = match query.done.as_str() {
        "brought" => Some("staff-scan-brought"),
        "again" => Some("staff-scan-again-done"),
        "removed" => Some("staff-scan-removed-done"),
        "not-removed" => Some("staff-scan-removed-not"),
        "empty" => Some("staff-scan-empty"),
        "late" => Some("staff-scan-late"),
        _ => None,
    };
    room_page(&app, &visitor, &officer, notice, &[]).await
}

/// How many pages wait, the files that came, and what is put aside.
async fn room_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    notice: Option<&'static str>,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let store = &app.portal.store;
    let texts = app.pages.texts(visitor.language);
    let counts = store.scan_counts().await?;
    let files = store.scan_files(FILES_SHOWN).await?;
    let files: Vec<_> = files
        .iter()
        .map(|file| file_row(app, texts, file))
        .collect();
    let aside = store.scans_in(ScanState::Aside, ASIDE_SHOWN).await?;
    if !aside.is_empty() {
        // Their notes may say something of customers.
        let detail = json!({ "pages": aside.len() });
        let listed = event(
            app,
            officer,
            "scans.listed",
            "scans/aside".to_owned(),
            detail,
        );
        store.record_event(&listed).await?;
    }
    let aside: Vec<_> = aside
        .iter()
        .map(|found| {
            context! { id => found.scan.id.clone(), file => found.file_name.clone(), page => found.scan.page, why => found.reason.clone() }
        })
        .collect();
    let max = size(texts, app.portal.limits.scan_bytes_max);
    let page = context! {
        notice, errors => gate::faults(wrong), max, files, aside,
        waiting => (counts.waiting > 0).then(|| counted(texts, counts.waiting)),
        undo => undo(app, officer, texts).await?,
    };
    render(app, visitor, Some(officer), "staff/scans.html", page)
}

/// How many pages wait, as far as they are counted.
fn counted(texts: &Texts, pages: u64) -> String {
    if pages > SCANS_COUNTED_MAX {
        return format!("{}+", texts.count(SCANS_COUNTED_MAX));
    }
    texts.count(pages)
}

fn file_row(app: &App, texts: &Texts, file: &ScanFileRecord) -> Value {
    let count = |key: &str, pages: u32| {
        (pages > 0).then(|| texts.say(key, &[("count", &texts.count(pages.into()))]))
    };
    let mut said = Vec::new();
    let mut faults = Vec::new();
    match &file.report {
        Some(report) => {
            said.extend(count("staff-scan-kept", report.kept));
            said.extend(count("staff-scan-without", report.without_code));
            said.extend(count("staff-scan-known", report.known));
            said.extend(count("staff-scan-blank", report.blank));
            for fault in report.faults.iter().take(FAULTS_SHOWN) {
                let what = texts.say(&format!("staff-scan-fault-{}", fault.word), &[]);
                faults.push(match fault.page {
                    Some(page) => {
                        let page = page.to_string();
                        texts.say("staff-scan-page-fault", &[("page", &page), ("what", &what)])
                    }
                    None => what,
                });
            }
        }
        None => {
            let now = app.portal.clock.now();
            let key = match file.read_until {
                Some(until) if until > now => "staff-scan-reading",
                _ if file.stored => "staff-scan-in-line",
                _ => "staff-scan-cut-off",
            };
            said.push(texts.say(key, &[]));
        }
    }
    let by = file.file.by.trim_start_matches("console:");
    let at = texts.moment(file.file.at, &app.portal.time_zone);
    let again = given_up(file).then(|| file.file.id.as_str().to_owned());
    context! { name => file.file.name.clone(), by, at, said => said.join(" · "), faults, again }
}

/// What was given up is still in the archive.
fn given_up(file: &ScanFileRecord) -> bool {
    file.stored && file.finished_at.is_some()
}

/// What this clerk decided a moment ago, if it may be taken back.
async fn undo(app: &App, officer: &Officer, texts: &Texts) -> Result<Option<Value>, Failure> {
    let last = app.portal.store.last_scan_of(&officer.login).await?;
    let Some((last, (_, at))) = last.and_then(|last| last.decided.clone().map(|by| (last, by)))
    else {
        return Ok(None);
    };
    if at + UNDO < app.portal.clock.now() {
        return Ok(None);
    }
    let key = match last.state {
        ScanState::Confirmed => "staff-scan-did-confirmed",
        ScanState::Refused => "staff-scan-did-refused",
        _ => "staff-scan-did-aside",
    };
    let number = last.scan.account.as_ref().map(ToString::to_string);
    let number = number.unwrap_or_default();
    let page = last.scan.page.to_string();
    let what = texts.say(key, &[("number", &number), ("page", &page)]);
    Ok(Some(
        context! { id => last.scan.id.clone(), version => last.version, what },
    ))
}

/// The next page into this hand, and to it.
async fn to_next(app: &App, officer: &Officer) -> Result<Response, Failure> {
    let now = app.portal.clock.now();
    let held = app
        .portal
        .store
        .hold_scan(&officer.login, WantedScan::Next, now, now + LEASE)
        .await?;
    Ok(match held {
        Some(found) => to_page(&found.scan.id, ""),
        None => see_other(format!("{HERE}?done=empty")),
    })
}

fn to_page(id: &str, query: &str) -> Response {
    see_other(format!("{HERE}/{id}{query}"))
}

fn see_other(to: String) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

#[derive(Deserialize)]
pub(crate) struct NextForm {
    #[serde(default)]
    form_token: String,
    /// This page; without one, the oldest that waits.
    #[serde(default)]
    scan: String,
}

pub(crate) async fn next(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<NextForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    if form.scan.is_empty() {
        return to_next(&app, &officer).await;
    }
    let found = the_scan(&app, &form.scan).await?;
    let now = app.portal.clock.now();
    let wanted = WantedScan::This(&found.scan.id);
    // Where it is in somebody else's hand, its page says so.
    app.portal
        .store
        .hold_scan(&officer.login, wanted, now, now + LEASE)
        .await?;
    Ok(to_page(&found.scan.id, ""))
}

#[derive(Deserialize)]
pub(crate) struct AgainForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    file: String,
}

/// Has a file that was given up tried again. Where it waits already, the list says so.
pub(crate) async fn again(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<AgainForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let file: EntryId = form.file.parse().map_err(|_| Failure::NotFound)?;
    let subject = format!("scans/{file}");
    let told = event(&app, &officer, "scans.retried", subject, json!({}));
    app.portal.store.retry_scan_file(&file, &told).await?;
    Ok(see_other(format!("{HERE}?done=again")))
}

#[derive(Deserialize)]
pub(crate) struct RemoveForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    file: String,
    /// Said on the page that asks why.
    why: Option<String>,
}

/// Lets a file go that was given up, by whoever says why: it may be all that is left of the paper.
pub(crate) async fn remove(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<RemoveForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let store = &app.portal.store;
    let file: EntryId = form.file.parse().map_err(|_| Failure::NotFound)?;
    let not_removed = || see_other(format!("{HERE}?done=not-removed"));
    let why = form.why.as_deref().map(plain);
    let long = why.as_ref().map(|why| why.chars().count());
    if long.is_none_or(|long| !(1..=WHY_CHARS_MAX).contains(&long)) {
        let found = store.scan_file(&file).await?.ok_or(Failure::NotFound)?;
        if !given_up(&found) {
            return Ok(not_removed());
        }
        let wrong = why.as_ref().map(|_| ("why", "staff-error-scan-why"));
        let errors = gate::faults(wrong.as_slice());
        let page = context! { id => file.as_str(), file => found.file.name, why, errors };
        let page = render(
            &app,
            &visitor,
            Some(&officer),
            "staff/scan-remove.html",
            page,
        )?;
        return Ok(match wrong {
            Some(_) => (StatusCode::UNPROCESSABLE_ENTITY, page).into_response(),
            None => page,
        });
    }
    let subject = format!("scans/{file}");
    let told = event(
        &app,
        &officer,
        "scans.removed",
        subject,
        json!({ "why": why }),
    );
    let report = ScanReport {
        faults: vec![ScanFault {
            page: None,
            word: "removed".to_owned(),
        }],
        ..ScanReport::default()
    };
    Ok(if store.remove_scan_file(&file, &report, &told).await? {
        see_other(format!("{HERE}?done=removed"))
    } else {
        not_removed()
    })
}

#[derive(Deserialize)]
pub(crate) struct UndoForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    scan: String,
    #[serde(default)]
    version: u64,
}

/// Takes back what this clerk decided last.
pub(crate) async fn take_back(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<UndoForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let found = the_scan(&app, &form.scan).await?;
    let hand = ScanHand {
        id: &found.scan.id,
        login: &officer.login,
        version: form.version,
    };
    let detail = json!({ "scan": short(&found) });
    let undone = event(&app, &officer, "scan.undone", subject(&found), detail);
    let until = app.portal.clock.now() + LEASE;
    let undone = app.portal.store.undo_scan(hand, until, &undone).await?;
    Ok(match undone {
        ScanUndo::TooLate => see_other(format!("{HERE}?done=late")),
        // Pressed twice, or somebody else was quicker: its page says how it is.
        ScanUndo::Done | ScanUndo::Outdated => to_page(&found.scan.id, ""),
    })
}

#[derive(Deserialize)]
pub(crate) struct PageQuery {
    #[serde(default)]
    done: String,
}

pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Failure> {
    let found = the_scan(&app, &id).await?;
    let number = found.scan.account.as_ref().map(ToString::to_string);
    let form = ScanForm::new(number.unwrap_or_default(), desk::new_entry(&app));
    let notice = (query.done == "outdated").then_some("staff-outdated");
    scan_page(&app, &visitor, &officer, &found, &form, notice, None, &[]).await
}

/// A page beside its form, for who has it in hand. Whose data it shows is written down before it is shown.
#[allow(clippy::too_many_arguments, reason = "what a page shows")]
async fn scan_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    found: &ScanRecord,
    form: &ScanForm,
    notice: Option<&'static str>,
    suggestion: Option<String>,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    if !found.state.is_open() || !is_held_by(app, found, officer) {
        return elsewhere(app, visitor, officer, found);
    }
    let customer = match gate::typed_number(&form.number) {
        Some(number) => shown_customer(app, visitor, officer, found, &number).await?,
        None => None,
    };
    let counts = app.portal.store.scan_counts().await?;
    let code = found.scan.code.as_ref().map(|code| code.on.clone());
    let page = context! {
        notice, errors => gate::faults(wrong), suggestion, customer, code,
        id => found.scan.id.clone(), version => found.version, file => found.file_name.clone(), no => found.scan.page,
        came => texts.moment(found.scan.at, &app.portal.time_zone), why => found.reason.clone(),
        waiting => counted(texts, counts.waiting), reasons => decide::reasons(texts),
        number => form.number.clone(), email => form.email.clone(), entry => form.entry.clone(),
        signed => form.signed.is_some(), reason => form.reason.clone(), note => form.note.clone(),
        undo => undo(app, officer, texts).await?,
    };
    render(app, visitor, Some(officer), "staff/scan.html", page)
}

/// Where a page is that is not in this hand.
fn elsewhere(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    found: &ScanRecord,
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let now = app.portal.clock.now();
    let who = |by: &Option<(kvit_billing::StaffLogin, Timestamp)>| {
        by.as_ref()
            .map(|(who, at)| (who.to_string(), texts.moment(*at, &app.portal.time_zone)))
    };
    let held = found.holder.as_ref().is_some_and(|(_, until)| *until > now);
    let key = match found.state {
        ScanState::Confirmed => "staff-scan-is-confirmed",
        ScanState::Refused => "staff-scan-is-refused",
        _ if held => "staff-scan-is-held",
        _ => {
            let page = context! { id => found.scan.id.clone(), file => found.file_name.clone(), no => found.scan.page };
            return render(app, visitor, Some(officer), "staff/scan-free.html", page);
        }
    };
    let by = if found.state.is_open() {
        &found.holder
    } else {
        &found.decided
    };
    let (who, when) = who(by).unwrap_or_default();
    let title = texts.say("staff-scan-elsewhere", &[]);
    let text = texts.say(key, &[("who", &who), ("when", &when)]);
    let what = (StatusCode::CONFLICT, title.as_str(), text.as_str());
    said(app, visitor, officer, what, HERE)
}

/// Whose declaration it is said to be, with what helps to judge it.
async fn shown_customer(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    found: &ScanRecord,
    number: &CustomerNumber,
) -> Result<Option<Value>, Failure> {
    let store = &app.portal.store;
    let texts = app.pages.texts(visitor.language);
    let Some(record) = store.customer(number).await? else {
        return Ok(None);
    };
    let detail = json!({ "scan": short(found) });
    viewed(app, officer.login.to_string(), number, detail).await?;
    let (state, email) = match store.enrolment_of(number).await? {
        EnrolmentState::None => (None, String::new()),
        EnrolmentState::Pending(record) => {
            (Some("staff-way-pending"), masked(record.email.expose()))
        }
        EnrolmentState::Active(record) => (Some("staff-way-active"), masked(record.email.expose())),
    };
    let state = state.map(|key| texts.say(key, &[("email", &email)]));
    let others = store.scans_of(number, OTHERS).await?;
    let before: Vec<_> = others
        .iter()
        .filter(|other| other.scan.id != found.scan.id)
        .map(|other| {
            let when = texts.moment(other.scan.at, &app.portal.time_zone);
            texts.say(state_text(other.state), &[("when", &when)])
        })
        .collect();
    Ok(Some(context! {
        number => number.as_str(), name => record.customer.name.clone(), address => address(&record.customer), state, before,
        consent => store.consent_version(number).await?,
    }))
}

/// What came of a declaration, as its customer's page tells it.
pub(super) const fn state_text(state: ScanState) -> &'static str {
    match state {
        ScanState::Waiting | ScanState::Aside => "staff-scan-of-waiting",
        ScanState::Confirmed => "staff-scan-of-confirmed",
        ScanState::Refused => "staff-scan-of-refused",
    }
}

async fn the_scan(app: &App, id: &str) -> Result<ScanRecord, Failure> {
    let found = app.portal.store.scan(id).await?;
    found.ok_or(Failure::NotFound)
}

/// Whether a page is in the hand of somebody now.
fn is_held_by(app: &App, found: &ScanRecord, officer: &Officer) -> bool {
    let now = app.portal.clock.now();
    matches!(&found.holder, Some((holder, until)) if *holder == officer.login && *until > now)
}

/// As trails name a page.
fn short(found: &ScanRecord) -> String {
    format!(
        "{}/{}",
        &found.scan.id[..12.min(found.scan.id.len())],
        found.scan.page
    )
}

/// Whom a page is about, as far as it is known.
fn subject(found: &ScanRecord) -> String {
    match &found.scan.account {
        Some(account) => format!("customer/{account}"),
        None => format!("scan/{}", found.scan.id),
    }
}
