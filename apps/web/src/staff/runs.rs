//! Billing runs: what came in, what stands out, release by a second person, how far it has come, and
//! the balance sheet at the end.

use std::sync::Arc;

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use kvit_billing::{Cents, Currency, NoForm, OrderSeq, Role, RunId};
use kvit_flow::summary::{RunSummary, change_per_mille};
use kvit_store::{
    BalanceLine, BalanceSheet, Close, CopyCounts, Release, ReleaseError, RunRecord, RunState,
    same_person,
};
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{
    door::{Officer, come_again},
    event, relay, render,
    samples::{examples, has_samples},
    say,
};
use crate::{App, failure::Failure, findings::tell, front::Visitor, no_form, texts::Texts};

const RUNS_SHOWN: u32 = 60;
const FINDINGS_SHOWN: usize = 200;
/// Seconds after which a page that is being followed comes again.
const FOLLOW_SECONDS: u16 = 5;

pub(crate) async fn list(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
) -> Result<Response, Failure> {
    let runs = app.portal.store.runs(RUNS_SHOWN).await?;
    let runs: Vec<_> = runs.iter().map(|run| row(&app, &visitor, run)).collect();
    let may_import = officer.role == Role::Billing;
    let page = context! { runs, may_import };
    render(&app, &visitor, Some(&officer), "staff/runs.html", page)
}

fn row(app: &App, visitor: &Visitor, run: &RunRecord) -> Value {
    let texts = app.pages.texts(visitor.language);
    let numbers = run.numbers.map(|(first, last)| format!("{first} – {last}"));
    context! {
        id => run.id.as_str(), period => texts.period(run.period), state => texts.say(state(run.state), &[]),
        bills => texts.count(run.orders), sum => texts.money(run.sum_cents, &run.currency), numbers,
        imported_by => run.imported_by.clone(), released_by => run.released_by.clone(),
        imported => texts.moment(run.imported_at, &app.portal.time_zone),
        released => run.issued_at.map(|at| texts.moment(at, &app.portal.time_zone)),
        file => run.file_name.clone(),
    }
}

const fn state(state: RunState) -> &'static str {
    match state {
        RunState::Importing => "staff-run-importing",
        RunState::Rejected => "staff-run-rejected",
        RunState::Checked => "staff-run-checked",
        RunState::Released => "staff-run-released",
        RunState::Issued => "staff-run-issued",
    }
}

#[derive(Deserialize)]
pub(crate) struct RunQuery {
    /// Whether the page comes again by itself: only for who asked for it.
    follow: Option<String>,
    #[serde(default)]
    done: String,
}

pub(super) async fn the_run(app: &App, run: &str) -> Result<RunRecord, Failure> {
    let run: RunId = run.parse().map_err(|_| Failure::NotFound)?;
    let found = app.portal.store.run(&run).await?;
    found
        .filter(|run| run.state != RunState::Importing)
        .ok_or(Failure::NotFound)
}

pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(run): Path<String>,
    Query(query): Query<RunQuery>,
) -> Result<Response, Failure> {
    let run = the_run(&app, &run).await?;
    let texts = app.pages.texts(visitor.language);
    let store = &app.portal.store;
    // What stands out and what is wrong name customers, so looking is written down. A page that comes
    // again by itself would be a look every few seconds: it does not name them.
    let named = query.follow.is_none() && (run.summary.is_some() || run.report.is_some());
    if named {
        let subject = format!("run/{}", run.id);
        let viewed = event(&app, &officer, "run.viewed", subject, json!({}));
        store.record_event(&viewed).await?;
    }
    let out = matches!(run.state, RunState::Released | RunState::Issued);
    let (progress, sheet, closing) = if out {
        let progress = store.run_progress(&run.id).await?;
        let done = (progress.bills * 100)
            .checked_div(progress.orders)
            .unwrap_or(0);
        let closing = store.closing_of(&run.id).await?;
        // A closed run shows what it was closed with, whatever came after.
        let sheet = match &closing {
            Some(closing) => closing.sheet,
            None => store.balance(&run.id).await?,
        };
        let closing = closing.map(|closing| {
            let at = texts.moment(closing.at, &app.portal.time_zone);
            context! { by => closing.by, at }
        });
        let copies = store.copies_of_run(&run.id).await?;
        let any = copies != CopyCounts::default();
        let copies = any.then(|| {
            context! {
                sent => texts.count(copies.sent), waiting => texts.count(copies.waiting),
                failed => texts.count(copies.failed),
            }
        });
        let progress = context! {
            copies,
            bills => texts.count(progress.bills), orders => texts.count(progress.orders), done => done.to_string(),
            queued => texts.count(progress.mail_queued), confirmed => texts.count(progress.confirmed),
            twice => texts.count(progress.possibly_twice),
        };
        let settled = sheet.is_settled() && run.state == RunState::Issued;
        (Some(progress), Some((sheet, settled)), closing)
    } else {
        (None, None, None)
    };
    let previous = match run.state {
        RunState::Rejected => None,
        _ => store.previous_run(&run.id).await?,
    };
    let notice = match query.done.as_str() {
        "imported" if run.state == RunState::Checked => Some("staff-run-done-imported"),
        "released" => Some("staff-run-done-released"),
        "closed" => Some("staff-run-done-closed"),
        "relaid" => Some("staff-run-done-relaid"),
        "open" => Some("staff-run-not-closed"),
        "unprinted" => Some("staff-run-unprinted"),
        _ => None,
    };
    let moving = run.state == RunState::Released
        || sheet
            .as_ref()
            .is_some_and(|(sheet, _)| sheet.held.bills > 0);
    let follow = query.follow.is_some() && moving;
    let is_billing = officer.role == Role::Billing;
    let mine = same_person(&run.imported_by, officer.login.as_str());
    // Samples are told by whose they are, so they come with what names customers.
    let drawable = named && is_billing && has_samples(run.state);
    let samples = summary(&run).filter(|_| drawable);
    let samples = samples.map(|summary| examples(&summary, texts));
    let no_forms = match out {
        true => store.no_forms(&run.id).await?,
        false => Vec::new(),
    };
    let page = context! {
        no_forms => no_forms.iter().map(|reason| no_form_row(reason, texts)).collect::<Vec<_>>(),
        samples, drawable,
        run => row(&app, &visitor, &run), state => run.state.as_str(), findings => named.then(|| findings(&run, texts)).flatten(),
        compared => compared(&run, previous.as_ref(), texts), outliers => named.then(|| outliers(&run, texts)).flatten(),
        progress, sheet => sheet.as_ref().map(|(sheet, _)| sheet_rows(sheet, &run.currency, texts)),
        may_release => is_billing && run.state == RunState::Checked && !mine,
        mine => is_billing && run.state == RunState::Checked && mine,
        beside => sheet.as_ref().map(|(sheet, _)| sheet.beside.bills),
        to_print => sheet.as_ref().filter(|_| closing.is_none()).map(|(sheet, _)| sheet.to_print()),
        may_close => is_billing && closing.is_none() && sheet.is_some_and(|(_, settled)| settled),
        closing, notice, follow, moving, layout => relay::shown(&app, &officer, &run, texts).await?,
    };
    let mut response = render(&app, &visitor, Some(&officer), "staff/run.html", page)?;
    if follow {
        come_again(&visitor, FOLLOW_SECONDS, &mut response);
    }
    Ok(response)
}

/// Why a run was rejected: the place, what was found, what to do.
fn findings(run: &RunRecord, texts: &Texts) -> Option<Value> {
    let report = run.report.as_ref()?;
    let count = |name: &str| report[name].as_u64().unwrap_or(0);
    let list = report["diagnostics"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let rows: Vec<_> = list
        .iter()
        .take(FINDINGS_SHOWN)
        .map(|fault| {
            let word = |name: &str| fault[name].as_str().unwrap_or_default().to_owned();
            let told = tell(texts, &word("code"), &word("found"), &word("expected"));
            context! {
                file => word("file"), line => fault["line"].to_string(), field => word("field"),
                found => told.found, expected => told.expected, remedy => told.remedy,
            }
        })
        .collect();
    let more = list.len() > FINDINGS_SHOWN;
    Some(context! {
        rows, more, errors => texts.count(count("errors")), warnings => texts.count(count("warnings")),
    })
}

/// Why bills were laid out one by one.
fn no_form_row((why, bills): &(NoForm, u64), texts: &Texts) -> Value {
    let told = no_form::tell(texts, why);
    context! { place => told.place, what => told.what, remedy => told.remedy, bills => texts.count(*bills) }
}

fn summary(run: &RunRecord) -> Option<RunSummary> {
    serde_json::from_value(run.summary.clone()?).ok()
}

type Count = fn(&RunSummary) -> u64;
type Sum = fn(&RunSummary) -> Cents;

/// Counts and sums beside those of the run before.
fn compared(run: &RunRecord, previous: Option<&RunRecord>, texts: &Texts) -> Option<Value> {
    let now = summary(run)?;
    let then = previous.and_then(summary);
    let mut rows = Vec::new();
    let counts: [(&str, Count); 5] = [
        ("staff-sum-invoices", |s| s.invoices),
        ("staff-sum-credit", |s| s.credit_notes),
        ("staff-sum-debit", |s| s.debit_notes),
        ("staff-sum-nothing", |s| s.nothing_to_pay),
        ("staff-sum-estimated", |s| s.estimated),
    ];
    for (label, of) in counts {
        let before = then.as_ref().map(of);
        let change = before.and_then(|before| {
            let (before, now) = (
                Cents::new(before.cast_signed()),
                Cents::new(of(&now).cast_signed()),
            );
            change_per_mille(before, now)
        });
        rows.push(context! {
            label => texts.say(label, &[]), now => texts.count(of(&now)),
            then => before.map(|before| texts.count(before)), change => change.map(|change| texts.change(change)),
        });
    }
    let sums: [(&str, Sum); 4] = [
        ("staff-sum-net", |s| s.net),
        ("staff-sum-vat", |s| s.vat),
        ("staff-sum-gross", |s| s.gross),
        ("staff-sum-to-pay", |s| s.to_pay),
    ];
    for (label, of) in sums {
        let before = then.as_ref().map(of);
        let change = before.and_then(|before| change_per_mille(before, of(&now)));
        rows.push(context! {
            label => texts.say(label, &[]), now => texts.money(of(&now), &run.currency),
            then => before.map(|before| texts.money(before, &run.currency)), change => change.map(|change| texts.change(change)),
        });
    }
    let before = previous.map(|previous| previous.id.as_str().to_owned());
    Some(context! { rows, before })
}

fn place(seq: Option<OrderSeq>) -> Option<String> {
    seq.map(|seq| seq.0.to_string())
}

/// What stands out: the largest bills, and consumptions unlike those of a year ago.
fn outliers(run: &RunRecord, texts: &Texts) -> Option<Value> {
    let summary = summary(run)?;
    let largest: Vec<_> = summary
        .largest
        .iter()
        .map(|large| {
            let gross = texts.money(large.gross, &run.currency);
            context! { account => large.account.as_str(), gross, seq => place(large.seq) }
        })
        .collect();
    let unusual: Vec<_> = summary
        .unusual
        .iter()
        .map(|unusual| {
            let now = unusual.now.normalize().to_string();
            let then = unusual.year_ago.normalize().to_string();
            context! { account => unusual.account.as_str(), now, then, seq => place(unusual.seq) }
        })
        .collect();
    let count = texts.count(summary.unusual_count);
    Some(context! { largest, unusual, count })
}

/// Issued = accepted + paper + held + failed, in counts and money; what is on paper stands in two lines.
fn sheet_rows(sheet: &BalanceSheet, currency: &Currency, texts: &Texts) -> Vec<Value> {
    let line = |label: &str, line: BalanceLine, total: bool| {
        let sum = texts.money(line.sum, currency);
        context! { label => texts.say(label, &[]), bills => texts.count(line.bills), sum, total }
    };
    let printed = BalanceLine {
        bills: sheet.paper.bills - sheet.unprinted.bills,
        sum: sheet.paper.sum - sheet.unprinted.sum,
    };
    vec![
        line("staff-sheet-accepted", sheet.accepted, false),
        line("staff-sheet-printed", printed, false),
        line("staff-sheet-unprinted", sheet.unprinted, false),
        line("staff-sheet-held", sheet.held, false),
        line("staff-sheet-failed", sheet.failed, false),
        line("staff-sheet-issued", sheet.issued, true),
        line("staff-sheet-ordered", sheet.ordered, false),
    ]
}

#[derive(Deserialize)]
pub(crate) struct RunForm {
    #[serde(default)]
    form_token: String,
}

fn to_run(run: &RunId, done: &str) -> Response {
    let to = format!("/staff/runs/{run}?done={done}");
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

/// The second person's word. Who it is comes from the session, not from a form.
pub(crate) async fn release(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(run): Path<String>,
    Form(form): Form<RunForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let run = the_run(&app, &run).await?;
    let portal = &app.portal;
    let at = portal.clock.now();
    let release = Release {
        by: officer.login.to_string(),
        who: officer.login.to_string(),
        at,
        series: portal.numbers.series.clone(),
        first_if_new: portal.numbers.first,
        base: Arc::clone(&portal.layout_base),
    };
    match portal.store.release_run(&run.id, &release).await {
        Ok(_) => Ok(to_run(&run.id, "released")),
        Err(ReleaseError::Store(fault)) => Err(fault.into()),
        Err(refused) => not_released(&app, &visitor, &officer, &run, &refused),
    }
}

fn not_released(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    run: &RunRecord,
    refused: &ReleaseError,
) -> Result<Response, Failure> {
    let text = match refused {
        ReleaseError::SamePerson(_) => "staff-release-same",
        ReleaseError::WrongState(..) | ReleaseError::NotFound(_) => "staff-release-state",
        ReleaseError::Empty(_) => "staff-release-empty",
        ReleaseError::SeriesExhausted(_) | ReleaseError::NumbersTaken { .. } => {
            "staff-release-numbers"
        }
        ReleaseError::Store(_) => "staff-release-state",
    };
    let what = (StatusCode::CONFLICT, "staff-release-not", text);
    let back = format!("/staff/runs/{}", run.id);
    say(app, visitor, officer, what, &back)
}

#[derive(Deserialize)]
pub(crate) struct CloseForm {
    #[serde(default)]
    form_token: String,
    /// How many bills who closes it knows not to be printed, and wants it closed all the same.
    #[serde(default)]
    unprinted: String,
}

/// Puts a run aside whose balance sheet has nothing open. With bills that are still to be printed only for who says so.
pub(crate) async fn close(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(run): Path<String>,
    Form(form): Form<CloseForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let run = the_run(&app, &run).await?;
    let subject = format!("run/{}", run.id);
    let unprinted = form.unprinted.parse().unwrap_or(0);
    let detail = match unprinted {
        0 => json!({}),
        unprinted => json!({ "unprinted": unprinted }),
    };
    let closed = event(&app, &officer, "run.closed", subject, detail);
    let store = &app.portal.store;
    Ok(match store.close_run(&run.id, unprinted, &closed).await? {
        Close::Closed => to_run(&run.id, "closed"),
        Close::Open => to_run(&run.id, "open"),
        Close::Unprinted => to_run(&run.id, "unprinted"),
    })
}
