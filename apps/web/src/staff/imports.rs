//! Run files and bank statements that billing uploads, and layouts of administrators: kept as they come in, then read in the background.

use std::time::Duration;

use axum::{
    Extension, Router,
    body::Bytes,
    extract::{Path, Request, State},
    http::{HeaderName, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::post,
};
use kvit_billing::EntryId;
use kvit_pay::statement::Fault;
use minijinja::{Value, context};
use serde_json::json;
use tokio::time::{error::Elapsed, timeout};

use super::{
    door::{self, Officer, come_again},
    event, layouts,
    multipart::{BadForm, Parts},
    render, say, statements,
    upkeep::apart,
};
use crate::{
    App, FileKind, ImportState, ImportView, LayoutFault, NewFile, NoUpload,
    doors::Doors,
    failure::Failure,
    findings::{place, tell},
    front::Visitor,
    reason,
    rooms::info,
    texts::Texts,
};

/// An upload of which nothing comes for so long is given up.
pub(super) const UPLOAD_IDLE_SECONDS: u64 = 60;
/// The longest that an upload may take.
pub(super) const UPLOAD_HOURS_MAX: u64 = 4;
/// What a form may have besides its file, in bytes.
const FORM_BYTES_MAX: u64 = 16 * 1024;
pub(super) const TOKEN_BYTES_MAX: usize = 64;
/// The longest name of a file that is kept, in characters.
const NAME_CHARS_MAX: usize = 120;
/// Seconds after which the page of an import that goes on comes again.
const FOLLOW_SECONDS: u16 = 3;
/// Uploads shown beside the form.
const UPLOADS_SHOWN: usize = 20;

/// The addresses at which a request may be large and take long.
pub(crate) fn router(doors: &Doors) -> Router<Doors> {
    Router::new()
        .route("/staff/imports/file", post(upload_run))
        .route("/staff/layouts/file", post(upload_layout))
        .route("/staff/statements/file", post(upload_statement))
        .route_layer(middleware::from_fn_with_state(doors.clone(), door::guard))
        .method_not_allowed_fallback(info::not_that_way)
}

pub(crate) async fn form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
) -> Result<Response, Failure> {
    form_page(&app, &visitor, &officer, None)
}

fn form_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    wrong: Option<&'static str>,
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let uploads = uploads(app, texts, FileKind::Run);
    let errors: Vec<_> = wrong
        .into_iter()
        .map(|text| context! { field => "file", text })
        .collect();
    let max = size(texts, app.portal.limits.upload_bytes_max);
    let page = context! { uploads, errors, max };
    render(app, visitor, Some(officer), "staff/imports.html", page)
}

/// The latest uploads of a kind.
pub(super) fn uploads(app: &App, texts: &Texts, kind: FileKind) -> Vec<Value> {
    let known = app.portal.imports.known();
    let known = known.iter().filter(|view| view.file.kind == kind);
    known
        .take(UPLOADS_SHOWN)
        .map(|view| row(app, view, texts))
        .collect()
}

pub(super) fn row(app: &App, view: &ImportView, texts: &Texts) -> Value {
    let run = match &view.state {
        ImportState::Checked(run) | ImportState::Rejected(run) | ImportState::Already(run) => {
            Some(run.as_str().to_owned())
        }
        _ => None,
    };
    let state = match &view.state {
        ImportState::Waiting => "staff-import-waiting",
        ImportState::Reading { .. } => "staff-run-importing",
        ImportState::Checked(_) => "staff-run-checked",
        ImportState::Rejected(_) => "staff-run-rejected",
        ImportState::Already(_) => "staff-import-already",
        ImportState::Failed(_) => "staff-import-failed",
        ImportState::Booked { first: true, .. } => "staff-statement-booked",
        ImportState::Booked { first: false, .. } => "staff-statement-known",
        ImportState::Faulty { .. } | ImportState::LayoutFaulty(_) => "staff-run-rejected",
        ImportState::Brought { first: true, .. } => "staff-layout-kept",
        ImportState::Brought { first: false, .. } => "staff-layout-known",
    };
    let statement = match &view.state {
        ImportState::Booked { statement, .. } => Some(statement.clone()),
        _ => None,
    };
    context! {
        statement,
        id => view.id.as_str(), file => view.file.name.clone(), size => size(texts, view.file.bytes), run,
        by => view.file.by.clone(), at => texts.moment(view.file.at, &app.portal.time_zone),
        state => texts.say(state, &[]),
    }
}

/// `4,2 GB`: tenths are enough.
pub(super) fn size(texts: &Texts, bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_000_000 => (1_000, "staff-size-kb"),
        1_000_000..1_000_000_000 => (1_000_000, "staff-size-mb"),
        _ => (1_000_000_000, "staff-size-gb"),
    };
    let tenths = (bytes.saturating_mul(10) / unit).max(1);
    let whole = texts.count(tenths / 10);
    texts.say(
        name,
        &[("whole", &whole), ("tenth", &(tenths % 10).to_string())],
    )
}

/// Why an upload was given up. Nothing of it is left.
pub(super) enum GivenUp {
    /// The form is not one of ours.
    Foreign,
    /// Nothing came with it.
    NoFile,
    TooLarge,
    /// It ended in the middle, or nothing more came.
    CutOff,
    Refused(NoUpload),
}

impl From<BadForm> for GivenUp {
    fn from(fault: BadForm) -> Self {
        match fault {
            BadForm::Malformed => Self::Foreign,
            BadForm::CutOff | BadForm::Broken(_) => Self::CutOff,
        }
    }
}

impl From<Elapsed> for GivenUp {
    fn from(_: Elapsed) -> Self {
        Self::CutOff
    }
}

impl From<NoUpload> for GivenUp {
    fn from(refused: NoUpload) -> Self {
        Self::Refused(refused)
    }
}

async fn upload_run(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    request: Request,
) -> Result<Response, Failure> {
    upload(&app, &visitor, &officer, request, FileKind::Run).await
}

async fn upload_statement(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    request: Request,
) -> Result<Response, Failure> {
    upload(&app, &visitor, &officer, request, FileKind::Statement).await
}

async fn upload_layout(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    request: Request,
) -> Result<Response, Failure> {
    upload(&app, &visitor, &officer, request, FileKind::Layout).await
}

/// Keeps a file as it comes in. Its import goes on when this is over, and when nobody waits for it.
async fn upload(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    request: Request,
    kind: FileKind,
) -> Result<Response, Failure> {
    let id: EntryId = app
        .random_token()
        .expose()
        .parse()
        .map_err(|_| Failure::NotFound)?;
    let limit = Duration::from_hours(UPLOAD_HOURS_MAX);
    let kept = timeout(limit, keep(app, visitor, officer, &id, request, kind)).await;
    let given_up = match kept.unwrap_or(Ok(Err(GivenUp::CutOff)))? {
        Ok(()) => return Ok(to_import(&id, kind)),
        Err(given_up) => given_up,
    };
    let (status, text) = match given_up {
        GivenUp::Foreign => return Err(Failure::Foreign),
        GivenUp::NoFile => (
            StatusCode::UNPROCESSABLE_ENTITY,
            match kind {
                FileKind::Run | FileKind::Scans => "staff-error-import-file",
                FileKind::Statement => "staff-error-statement-file",
                FileKind::Layout => "staff-error-layout-file",
            },
        ),
        GivenUp::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            match kind {
                FileKind::Layout => "staff-error-layout-large",
                _ => "staff-error-import-large",
            },
        ),
        GivenUp::CutOff => (StatusCode::BAD_REQUEST, "staff-error-import-cut"),
        GivenUp::Refused(NoUpload::Busy) => {
            (StatusCode::SERVICE_UNAVAILABLE, "staff-error-import-busy")
        }
        GivenUp::Refused(fault) => {
            let error = &fault as &dyn std::error::Error;
            tracing::error!(error, "an upload cannot be kept");
            match fault {
                NoUpload::Full(_) => (StatusCode::INSUFFICIENT_STORAGE, "staff-error-import-full"),
                _ => (StatusCode::INTERNAL_SERVER_ERROR, "staff-error-import-kept"),
            }
        }
    };
    let page = match kind {
        FileKind::Run | FileKind::Scans => form_page(app, visitor, officer, Some(text))?,
        FileKind::Statement => statements::list_page(app, visitor, officer, Some(text)).await?,
        FileKind::Layout => layouts::list_page(app, visitor, officer, Some(text), None).await?,
    };
    Ok((status, page).into_response())
}

async fn keep(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    id: &EntryId,
    request: Request,
    kind: FileKind,
) -> Result<Result<(), GivenUp>, Failure> {
    let file = match receive(app, visitor, officer, id, request, kind).await {
        Ok(file) => file,
        Err(given_up) => return Ok(Err(given_up)),
    };
    let (upload, file) = file;
    let detail = json!({ "file": file.name, "bytes": file.bytes });
    let what = match kind {
        FileKind::Run | FileKind::Scans => "run.uploaded",
        FileKind::Statement => "pay.statement-uploaded",
        FileKind::Layout => "layout.uploaded",
    };
    let uploaded = event(app, officer, what, format!("import/{id}"), detail);
    // Hours may have passed: nothing comes of a file whose account was closed meanwhile, or has another role.
    if !door::still_may(app, officer).await? {
        return Ok(Err(GivenUp::Foreign));
    }
    // On record before anything comes of it. Where that fails, the file goes with `upload`.
    app.portal.store.record_event(&uploaded).await?;
    Ok(upload.finish(file).await.map_err(GivenUp::Refused))
}

pub(super) fn header_text<'a>(request: &'a Request, name: &HeaderName) -> &'a str {
    let value = request.headers().get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

type Received = (Box<dyn crate::Upload>, NewFile);

async fn receive(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    id: &EntryId,
    request: Request,
    kind: FileKind,
) -> Result<Received, GivenUp> {
    let max = match kind {
        FileKind::Layout => layouts::bytes_max(app),
        _ => app.portal.limits.upload_bytes_max,
    };
    let announced: Option<u64> = header_text(&request, &header::CONTENT_LENGTH).parse().ok();
    let content_type = header_text(&request, &header::CONTENT_TYPE).to_owned();
    let idle = Duration::from_secs(UPLOAD_IDLE_SECONDS);
    let mut parts = Parts::new(&content_type, request.into_body())?;
    let mut token = String::new();
    let part = loop {
        let Some(part) = timeout(idle, parts.next()).await?? else {
            return Err(GivenUp::NoFile);
        };
        match part.name.as_str() {
            "form_token" => token = timeout(idle, parts.text(TOKEN_BYTES_MAX)).await??,
            "file" => break part,
            _ => return Err(GivenUp::Foreign),
        }
    };
    visitor.own_form(&token).map_err(|_| GivenUp::Foreign)?;
    if announced.is_some_and(|bytes| bytes > max.saturating_add(FORM_BYTES_MAX)) {
        return Err(GivenUp::TooLarge);
    }
    let Some(first) = timeout(idle, parts.chunk()).await?? else {
        return Err(GivenUp::NoFile);
    };
    let mut upload = app.portal.imports.begin(id.clone()).await?;
    let bytes = write(upload.as_mut(), &mut parts, first, max).await?;
    // Nothing but its end comes after the file.
    if timeout(idle, parts.next()).await??.is_some() {
        return Err(GivenUp::Foreign);
    }
    let file = NewFile {
        kind,
        name: shown_name(part.file_name.as_deref().unwrap_or_default(), "run"),
        by: officer.login.to_string(),
        at: app.portal.clock.now(),
        bytes,
    };
    Ok((upload, file))
}

/// Writes a file as it comes, `first` being what came of it. Gives its length in bytes.
pub(super) async fn write(
    upload: &mut dyn crate::Upload,
    parts: &mut Parts,
    first: Bytes,
    max: u64,
) -> Result<u64, GivenUp> {
    let idle = Duration::from_secs(UPLOAD_IDLE_SECONDS);
    let mut bytes = 0;
    let mut next = Some(first);
    while let Some(chunk) = next {
        bytes += chunk.len() as u64;
        if bytes > max {
            return Err(GivenUp::TooLarge);
        }
        upload.write(chunk).await?;
        next = timeout(idle, parts.chunk()).await??;
    }
    Ok(bytes)
}

/// What a stranger's computer calls a file, fit to be shown: without folders, and without signs that hide
/// or turn others.
pub(super) fn shown_name(name: &str, otherwise: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let hides = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let shown: String = last
        .chars()
        .filter(|c| !hides(*c))
        .take(NAME_CHARS_MAX)
        .collect();
    match shown.trim() {
        "" | "." | ".." => otherwise.to_owned(),
        shown => shown.to_owned(),
    }
}

fn to_import(id: &EntryId, kind: FileKind) -> Response {
    let to = match kind {
        FileKind::Run | FileKind::Scans => format!("/staff/imports/{id}"),
        FileKind::Statement => format!("/staff/statements/file/{id}"),
        FileKind::Layout => format!("/staff/layouts/file/{id}"),
    };
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

/// How far an import has come. The page comes again by itself while something changes.
pub(crate) async fn one(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    follow(&app, &visitor, &officer, &id, FileKind::Run)
}

/// The same of a statement.
pub(crate) async fn one_statement(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    follow(&app, &visitor, &officer, &id, FileKind::Statement)
}

/// The same of a layout.
pub(crate) async fn one_layout(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    follow(&app, &visitor, &officer, &id, FileKind::Layout)
}

fn follow(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    id: &str,
    kind: FileKind,
) -> Result<Response, Failure> {
    let form = match kind {
        FileKind::Run | FileKind::Scans => "/staff/imports",
        FileKind::Statement => "/staff/statements",
        FileKind::Layout => "/staff/layouts",
    };
    let known = app.portal.imports.known();
    let texts = app.pages.texts(visitor.language);
    let known = known
        .into_iter()
        .find(|view| view.id.as_str() == id && view.file.kind == kind);
    let Some(view) = known else {
        let text = match kind {
            FileKind::Run | FileKind::Scans => "staff-import-unknown-text",
            FileKind::Statement => "staff-statement-unknown-text",
            FileKind::Layout => "staff-layout-unknown-text",
        };
        let what = (StatusCode::NOT_FOUND, "staff-import-unknown", text);
        return say(app, visitor, officer, what, form);
    };
    let ended = match &view.state {
        ImportState::Checked(run) | ImportState::Rejected(run) => {
            Some(format!("/staff/runs/{run}?done=imported"))
        }
        ImportState::Booked { statement, first } => {
            let done = if *first { "booked" } else { "known" };
            Some(format!("/staff/statements/{statement}?done={done}"))
        }
        ImportState::Brought { layout, first } => {
            let done = if *first { "brought" } else { "known" };
            Some(format!("/staff/layouts/{layout}?done={done}"))
        }
        _ => None,
    };
    if let Some(to) = ended {
        return Ok((StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response());
    }
    let going_on = view.state.is_under_way();
    let (orders, promised, done) = match &view.state {
        ImportState::Reading { orders, promised } => {
            let done = promised.and_then(|promised| (orders * 100).checked_div(promised));
            (
                Some(texts.count(*orders)),
                promised.map(|promised| texts.count(promised)),
                done.map(|done| done.min(100).to_string()),
            )
        }
        _ => (None, None, None),
    };
    let why = match &view.state {
        ImportState::Failed(why) => {
            let told = reason::tell(texts, why);
            let (known, words) = apart(told.causes);
            Some(context! { what => told.what, known, remedy => told.remedy, words })
        }
        _ => None,
    };
    let findings = match &view.state {
        ImportState::Faulty { faults, counted } => Some(findings(texts, faults, *counted)),
        _ => None,
    };
    let layout_faults = match &view.state {
        ImportState::LayoutFaulty(faults) => Some(layout_faults(texts, faults)),
        _ => None,
    };
    let page = context! {
        layout_faults, is_layout => kind == FileKind::Layout,
        import => row(app, &view, texts), going_on, orders, promised, done, why, findings, form,
        is_statement => kind == FileKind::Statement,
        already => matches!(view.state, ImportState::Already(_)),
    };
    let mut response = render(app, visitor, Some(officer), "staff/import.html", page)?;
    if going_on {
        come_again(visitor, FOLLOW_SECONDS, &mut response);
    }
    Ok(response)
}

/// What is wrong with a layout, each fault with its place, and whether Typst says more of any.
fn layout_faults(texts: &Texts, faults: &[LayoutFault]) -> Value {
    let rows: Vec<_> = faults
        .iter()
        .map(|fault| {
            let told = crate::layouts::tell(texts, fault);
            context! {
                place => told.place, found => told.what, remedy => told.remedy, words => told.words,
            }
        })
        .collect();
    let more = faults.iter().any(|fault| !fault.words.is_empty());
    context! { rows, more }
}

/// What is wrong with a statement, each fault with its place.
fn findings(texts: &Texts, faults: &[Fault], counted: u64) -> Value {
    let rows: Vec<_> = faults
        .iter()
        .map(|fault| {
            let told = tell(texts, fault.code.as_str(), &fault.found, &fault.expected);
            context! {
                line => fault.line, place => place(texts, &fault.place),
                found => told.found, expected => told.expected, remedy => told.remedy,
            }
        })
        .collect();
    let more = counted > faults.len() as u64;
    context! { rows, counted => texts.count(counted), more }
}

#[cfg(test)]
mod tests {
    use super::shown_name;

    #[test]
    fn names_of_files_are_fit_to_be_shown() {
        for (name, shown) in [
            ("октомври 2026.ndjson", "октомври 2026.ndjson"),
            ("../../etc/passwd", "passwd"),
            ("C:\\billing\\run.zip", "run.zip"),
            ("a\r\nSet-Cookie: x\0", "aSet-Cookie: x"),
            ("nosjdn.\u{202e}exe", "nosjdn.exe"),
            ("", "run"),
            ("..", "run"),
            ("a/", "run"),
        ] {
            assert_eq!(shown_name(name, "run"), shown);
        }
        assert_eq!(shown_name(&"д".repeat(500), "run").chars().count(), 120);
    }
}
