//! Layouts: which counts, which versions there are and what their check found, samples, their files, and a second
//! person's word that a version is to count.

use std::collections::BTreeSet;

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use kvit_billing::{LayoutNo, NoForm, Role};
use kvit_store::{Beside, ChooseLayout, LayoutChosen, LayoutRecord, same_person};
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{
    door::{Officer, come_again},
    event,
    imports::{size, uploads},
    render, samples, say,
};
use crate::{
    App, FileKind, LAYOUT_BYTES_MAX,
    failure::Failure,
    front::{Done, Visitor},
    no_form,
    saved::saved_as,
    texts::Texts,
};

/// Changes of the layout that are listed.
const CHOICES_SHOWN: u32 = 30;
/// Seconds after which a page comes again whose layout is being checked.
const FOLLOW_SECONDS: u16 = 3;

pub(crate) async fn list(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Query(query): Query<Done>,
) -> Result<Response, Failure> {
    let done = match query.done.as_str() {
        "chosen" => Some("staff-layout-done-chosen"),
        _ => None,
    };
    list_page(&app, &visitor, &officer, None, done).await
}

pub(super) async fn list_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    wrong: Option<&'static str>,
    done: Option<&'static str>,
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let store = &app.portal.store;
    let (current, choices) = (
        store.current_layout().await?,
        store.layout_choices(CHOICES_SHOWN).await?,
    );
    let (known, counted) = (store.layouts().await?, store.layouts_that_counted().await?);
    let name = |no: LayoutNo| name(texts, no);
    let moment = |at| texts.moment(at, &app.portal.time_zone);
    let builtin = context! {
        no => "0", name => name(LayoutNo::BUILTIN), state => state(texts, LayoutNo::BUILTIN, current, &counted),
        counts => current == LayoutNo::BUILTIN,
    };
    let mut versions: Vec<_> = known
        .iter()
        .map(|one| {
            context! {
                no => one.no.to_string(), name => name(one.no), file => one.name.clone(),
                brought => texts.say("staff-layout-brought", &[("who", &one.brought_by), ("when", &moment(one.brought_at))]),
                state => state(texts, one.no, current, &counted), counts => one.no == current,
                slow => texts.count(slow(&one.report)),
            }
        })
        .collect();
    versions.push(builtin);
    let runs: Vec<_> = store
        .layouts_in_use()
        .await?
        .into_iter()
        .map(|one| context! { run => one.run.as_str(), no => one.layout.to_string(), name => name(one.layout) })
        .collect();
    let since = choices.first().map(|choice| moment(choice.at));
    let history: Vec<_> = choices
        .iter()
        .map(
            |one| context! { name => name(one.layout), by => one.by.clone(), at => moment(one.at) },
        )
        .collect();
    let errors: Vec<_> = wrong
        .into_iter()
        .map(|text| context! { field => "file", text })
        .collect();
    let may = officer.role == Role::Administrator;
    let page = context! {
        current => context! { no => current.to_string(), name => name(current), since },
        versions, runs, history, errors, may, done,
        uploads => if may { uploads(app, texts, FileKind::Layout) } else { Vec::new() },
        max => size(texts, bytes_max(app)),
    };
    render(app, visitor, Some(officer), "staff/layouts.html", page)
}

/// The largest file of a layout that may be uploaded, in bytes.
pub(super) fn bytes_max(app: &App) -> u64 {
    app.portal.limits.upload_bytes_max.min(LAYOUT_BYTES_MAX)
}

pub(super) fn name(texts: &Texts, no: LayoutNo) -> String {
    match no {
        LayoutNo::BUILTIN => texts.say("staff-layout-builtin", &[]),
        no => texts.say("staff-layout-version", &[("no", &no.to_string())]),
    }
}

/// Whether it counts, did, or never has.
fn state(texts: &Texts, no: LayoutNo, current: LayoutNo, counted: &BTreeSet<LayoutNo>) -> String {
    let key = match (no == current, has_counted(no, counted)) {
        (true, _) => "staff-layout-counts",
        (false, true) => "staff-layout-counted",
        (false, false) => "staff-layout-waits",
    };
    texts.say(key, &[])
}

fn has_counted(no: LayoutNo, counted: &BTreeSet<LayoutNo>) -> bool {
    no == LayoutNo::BUILTIN || counted.contains(&no)
}

/// Of how many kinds of bills a check says that they go through Typst.
fn slow(report: &serde_json::Value) -> u64 {
    let kinds = report["kinds"].as_array().map_or(&[][..], Vec::as_slice);
    let slow = kinds.iter().filter(|kind| !kind["slow_because"].is_null());
    slow.count() as u64
}

/// A version that there is: its record, or none of the layout that comes with Kvit.
async fn known(app: &App, no: u32) -> Result<(LayoutNo, Option<LayoutRecord>), Failure> {
    let no = LayoutNo(no);
    if no == LayoutNo::BUILTIN {
        return Ok((no, None));
    }
    let record = app.portal.store.layout(no).await?;
    let record = record.ok_or(Failure::NotFound)?;
    Ok((no, Some(record)))
}

pub(crate) async fn one(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(no): Path<u32>,
    Query(query): Query<Done>,
) -> Result<Response, Failure> {
    let (no, record) = known(&app, no).await?;
    let texts = app.pages.texts(visitor.language);
    let store = &app.portal.store;
    let current = store.current_layout().await?;
    let choices = store.layout_choices(u32::MAX).await?;
    let report = match &record {
        Some(record) => Some(record.report.clone()),
        None => app.portal.layouts.builtin_report(),
    };
    let moment = |at| texts.moment(at, &app.portal.time_zone);
    let mut places = 0..;
    let files: Vec<_> = store
        .layout_files_beside(no, current)
        .await?
        .into_iter()
        .map(|file| {
            let (at, beside) = match file.beside {
                Beside::Same => (places.next(), "staff-layout-file-same"),
                Beside::Changed => (places.next(), "staff-layout-file-changed"),
                Beside::New => (places.next(), "staff-layout-file-new"),
                Beside::Gone => (None, "staff-layout-file-gone"),
            };
            let differs = file.beside != Beside::Same;
            context! { at, differs, beside, name => file.name, size => size(texts, file.bytes) }
        })
        .collect();
    let facts = record.as_ref().map(|record| {
        context! {
            file => record.name.clone(), sha256 => hex::encode(record.sha256), files,
            by => record.brought_by.clone(), at => moment(record.brought_at),
        }
    });
    let counted = store.layouts_that_counted().await?;
    let has_counted = has_counted(no, &counted);
    // One person may go back by one step only.
    let is_back = no == LayoutNo::BUILTIN || no == store.layout_before().await?;
    let own = record
        .as_ref()
        .is_some_and(|record| same_person(&record.brought_by, officer.login.as_str()));
    let may = officer.role == Role::Administrator && no != current;
    let counts = choices
        .iter()
        .filter(|choice| choice.layout == no)
        .map(|choice| context! { by => choice.by.clone(), at => moment(choice.at) })
        .collect::<Vec<_>>();
    let done = match query.done.as_str() {
        "brought" => Some("staff-layout-done-brought"),
        "known" => Some("staff-layout-done-known"),
        _ => None,
    };
    let kinds = report.as_ref().map(|report| kinds(texts, report));
    let under_way = kinds.is_none();
    let page = context! {
        no => no.to_string(), name => name(texts, no), state => state(texts, no, current, &counted),
        is_current => no == current, facts, counts, kinds, done,
        slow => report.as_ref().map(|report| texts.count(slow(report))),
        may => may && (is_back || !own), back => has_counted, second => may && own && !is_back,
        seen => current.to_string(), current => name(texts, current),
    };
    let mut response = render(&app, &visitor, Some(&officer), "staff/layout.html", page)?;
    if under_way {
        come_again(&visitor, FOLLOW_SECONDS, &mut response);
    }
    Ok(response)
}

/// What a check found, a row for each kind of bill in each language.
fn kinds(texts: &Texts, report: &serde_json::Value) -> Vec<Value> {
    let all = report["kinds"].as_array().map_or(&[][..], Vec::as_slice);
    let row = |kind: &serde_json::Value| {
        let name = kind["kind"].as_str().unwrap_or_default();
        let (what, language) = name.rsplit_once('-').unwrap_or((name, ""));
        let text = texts.get(&format!("staff-kind-{what}"), &[]);
        let why = &kind["slow_because"];
        let told = NoForm::deserialize(why).map(|why| no_form::tell(texts, &why));
        let told = told.ok();
        context! {
            name, text => text.unwrap_or_else(|| what.to_owned()), language => language.to_uppercase(),
            bytes => kind["bytes"].as_u64().map(|bytes| size(texts, bytes)), is_slow => !why.is_null(),
            why => told.map(|told| context! { place => told.place, what => told.what, remedy => told.remedy }),
        }
    };
    all.iter().map(row).collect()
}

/// A sample of an invented bill. It shows nobody's data.
pub(crate) async fn sample(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path((no, kind)): Path<(u32, String)>,
) -> Result<Response, Failure> {
    let (no, _) = known(&app, no).await?;
    let work = app.portal.layouts.sample(no, kind.clone());
    let why = match app.sampling.draw(&app, work).await {
        Some(Ok(Some(pdf))) => return Ok(samples::shown(pdf, &format!("layout-{no}-{kind}"))),
        Some(Ok(None)) => return Err(Failure::NotFound),
        Some(Err(fault)) => {
            let error = &fault as &dyn std::error::Error;
            tracing::error!(layout = no.0, error, "a sample cannot be drawn");
            (StatusCode::INTERNAL_SERVER_ERROR, "staff-layout-broken")
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "staff-sample-slow"),
    };
    told(&app, &visitor, &officer, "staff-sample-not", why, no)
}

/// A file of a version, by its place among them in the order of names: a version never changes.
pub(crate) async fn file(
    State(app): State<App>,
    Extension(officer): Extension<Officer>,
    Path((no, at)): Path<(u32, usize)>,
) -> Result<Response, Failure> {
    let (no, _) = known(&app, no).await?;
    let store = &app.portal.store;
    let files = store.layout_files(no).await?.ok_or(Failure::NotFound)?;
    let (name, body) = files.into_iter().nth(at).ok_or(Failure::NotFound)?;
    let detail = json!({ "file": name });
    let fetched = event(
        &app,
        &officer,
        "layout.fetched",
        format!("layout/{no}"),
        detail,
    );
    // On record before anything is handed out.
    store.record_event(&fetched).await?;
    // Text is read where it is; whatever it says, the rules of our pages let it run and load nothing.
    Ok(match String::from_utf8(body) {
        Ok(text) => {
            let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            (plain, text).into_response()
        }
        Err(other) => {
            let name = format!("layout-{no}-{}", ascii(&name));
            saved_as(&name, "application/octet-stream", other.into_bytes())
        }
    })
}

/// The last part of a file's name, of letters, digits, dashes and dots.
fn ascii(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or_default();
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() || c == '.' => c,
        _ => '-',
    };
    last.chars().map(plain).collect()
}

#[derive(Deserialize)]
pub(crate) struct ChooseForm {
    #[serde(default)]
    form_token: String,
    /// The version that counted when the page was made.
    #[serde(default)]
    seen: u32,
}

/// Makes a version count for the runs that are released from now on.
pub(crate) async fn choose(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(no): Path<u32>,
    Form(form): Form<ChooseForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let (no, _) = known(&app, no).await?;
    let title = "staff-layout-not-chosen";
    // It may have been checked by another program than this one.
    let work = app.portal.layouts.try_out(no);
    let why = match app.sampling.draw(&app, work).await {
        Some(Ok(())) => {
            let word = ChooseLayout {
                layout: no,
                seen: LayoutNo(form.seen),
                by: officer.login.to_string(),
                who: officer.login.to_string(),
                at: app.portal.clock.now(),
            };
            match app.portal.store.choose_layout(&word).await? {
                LayoutChosen::Done | LayoutChosen::Already => {
                    let to = [(header::LOCATION, "/staff/layouts?done=chosen")];
                    return Ok((StatusCode::SEE_OTHER, to).into_response());
                }
                LayoutChosen::SamePerson => (StatusCode::FORBIDDEN, "staff-layout-second"),
                LayoutChosen::Outdated => (StatusCode::CONFLICT, "staff-layout-outdated"),
                LayoutChosen::Unknown => return Err(Failure::NotFound),
            }
        }
        Some(Err(fault)) => {
            let error = &fault as &dyn std::error::Error;
            tracing::error!(layout = no.0, error, "a layout does not work");
            (StatusCode::CONFLICT, "staff-layout-broken")
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "staff-sample-slow"),
    };
    told(&app, &visitor, &officer, title, why, no)
}

fn told(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    title: &str,
    (status, text): (StatusCode, &str),
    no: LayoutNo,
) -> Result<Response, Failure> {
    let back = format!("/staff/layouts/{no}");
    say(app, visitor, officer, (status, title, text), &back)
}
