//! The auditor's page: who did what, to whom, when.

use axum::{Extension, Form, extract::State, response::Response};
use jiff::Timestamp;
use kvit_billing::Role;
use kvit_store::{Event, EventFilter};
use minijinja::{Value, context};
use serde::Deserialize;

use super::{door::Officer, money, plain, render, role_name, who_may};
use crate::{App, failure::Failure, front::Visitor};

const EVENTS_SHOWN: usize = 50;
const WISH_CHARS_MAX: usize = 80;

#[derive(Default, Deserialize)]
pub(crate) struct FilterForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    who: String,
    #[serde(default)]
    subject: String,
    /// Where the page before this one ended: microseconds, and how many of that moment it showed.
    #[serde(default)]
    until: String,
    #[serde(default)]
    skip: String,
}

pub(crate) async fn latest(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
) -> Result<Response, Failure> {
    page(&app, &visitor, &officer, &FilterForm::default()).await
}

pub(crate) async fn filtered(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<FilterForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    page(&app, &visitor, &officer, &form).await
}

async fn page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    form: &FilterForm,
) -> Result<Response, Failure> {
    let wish = |text: &str| -> Option<String> {
        let text: String = plain(text).chars().take(WISH_CHARS_MAX).collect();
        (!text.is_empty()).then_some(text)
    };
    let until = form.until.parse().ok();
    let skip = form.skip.parse().unwrap_or(0);
    let filter = EventFilter {
        who: wish(&form.who),
        subject: wish(&form.subject),
        until: until.and_then(|at| Timestamp::from_microsecond(at).ok()),
        skip,
    };
    // One more than is shown says whether there are earlier ones.
    let asked = u32::try_from(EVENTS_SHOWN + 1).unwrap_or(u32::MAX);
    let found = app.portal.store.audit(&filter, asked).await?;
    let shown = &found[..found.len().min(EVENTS_SHOWN)];
    let next = match (shown.last(), found.len() > EVENTS_SHOWN) {
        (Some(last), true) => Some(after(shown, last, filter.until, skip)),
        _ => None,
    };
    let events: Vec<Value> = shown
        .iter()
        .map(|event| entry(app, visitor, officer.role, event))
        .collect();
    let page = context! { events, next, who => filter.who, subject => filter.subject };
    render(app, visitor, Some(officer), "staff/audit.html", page)
}

/// Where the next page begins: several events may have happened in one moment.
fn after(shown: &[Event], last: &Event, until: Option<Timestamp>, skip: u32) -> Value {
    let same = shown.iter().filter(|event| event.at == last.at).count();
    let before = if until == Some(last.at) { skip } else { 0 };
    let skip = before.saturating_add(u32::try_from(same).unwrap_or(u32::MAX));
    context! { until => last.at.as_microsecond().to_string(), skip => skip.to_string() }
}

/// A value of an event's detail, in words where it is one of ours.
fn said(app: &App, visitor: &Visitor, name: &str, value: &serde_json::Value) -> String {
    let texts = app.pages.texts(visitor.language);
    let word = |text: &str| texts.get(&["staff-word-", text].concat(), &[]);
    match value {
        serde_json::Value::Array(all) => {
            let all: Vec<_> = all
                .iter()
                .map(|one| said(app, visitor, name, one))
                .collect();
            all.join(", ")
        }
        serde_json::Value::String(text) => match (name, Role::parse(text)) {
            ("role" | "role_before", Some(role)) => role_name(app, visitor, role),
            ("until", _) => text.parse().map_or_else(
                |_| text.clone(),
                |at| texts.moment(at, &app.portal.time_zone),
            ),
            // Elsewhere the word says by what way, here why somebody reads along no longer.
            ("why", _) if text == "paper" => word("back-on-paper").unwrap_or_else(|| text.clone()),
            ("by" | "channel" | "after" | "recognised_by" | "way" | "why", _) => {
                word(text).unwrap_or_else(|| text.clone())
            }
            _ => text.clone(),
        },
        serde_json::Value::Bool(is) => {
            word(if *is { "yes" } else { "no" }).unwrap_or_else(|| is.to_string())
        }
        other => other.to_string(),
    }
}

/// The second too: an auditor compares with other logs.
fn entry(app: &App, visitor: &Visitor, role: Role, event: &Event) -> Value {
    let texts = app.pages.texts(visitor.language);
    let at = event.at.to_zoned_datetime(app.portal.time_zone.clone());
    let detail = match event.detail.as_object() {
        Some(detail) => detail
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| {
                let label = texts.get(&["staff-detail-", name].concat(), &[]);
                let label = label.unwrap_or_else(|| name.clone());
                format!("{label}: {}", said(app, visitor, name, value))
            })
            .collect::<Vec<_>>()
            .join("; "),
        None => String::new(),
    };
    let key = format!("staff-did-{}", event.what.replace('.', "-"));
    let what = texts.get(&key, &[]).unwrap_or_else(|| event.what.clone());
    context! {
        date => texts.date(at.date()), time => at.strftime("%H:%M:%S").to_string(),
        who => event.who.clone(), what, subject => event.subject.clone(), detail,
        page => page_of(&event.subject, role),
    }
}

/// Where what an event is about is shown, if it has a page and this role may see it.
fn page_of(subject: &str, role: Role) -> Option<String> {
    let (kind, id) = subject.split_once('/')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    // What payment systems call a transaction may hold anything.
    if id.is_empty() || (kind != "notice" && !id.chars().all(plain)) {
        return None;
    }
    let (route, page) = match kind {
        "customer" => (
            "/staff/customers/{number}",
            format!("/staff/customers/{id}"),
        ),
        "debit-file" => ("/staff/debits/{number}", format!("/staff/debits/{id}")),
        "layout" => ("/staff/layouts/{no}", format!("/staff/layouts/{id}")),
        "notice" => ("/staff/money/notice", money::address_of(id)),
        "run" => ("/staff/runs/{run}", format!("/staff/runs/{id}")),
        "statement" => ("/staff/statements/{id}", format!("/staff/statements/{id}")),
        "texts" => ("/staff/texts/{no}", format!("/staff/texts/{id}")),
        _ => return None,
    };
    let may = who_may("GET", route).is_some_and(|who| who.lets(role));
    may.then_some(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_leads_to_its_page_where_the_role_may_go() {
        let auditor = |subject| page_of(subject, Role::Auditor);
        for (subject, page) in [
            ("customer/1000001", "/staff/customers/1000001"),
            ("run/2026-11-b2", "/staff/runs/2026-11-b2"),
            ("notice/ebg/77", "/staff/money/notice?notice=ebg%2F77"),
            ("debit-file/3", "/staff/debits/3"),
            ("layout/2", "/staff/layouts/2"),
            ("texts/1", "/staff/texts/1"),
            ("statement/0f", "/staff/statements/0f"),
        ] {
            assert_eq!(auditor(subject).as_deref(), Some(page), "{subject}");
        }
        for none in [
            "staff/ana",
            "books",
            "customer/",
            "customer/../people",
            "api/crm",
            "run/?x",
        ] {
            assert_eq!(auditor(none), None, "{none}");
        }
        assert_eq!(page_of("run/2026-11-b2", Role::Administrator), None);
        assert_eq!(page_of("customer/1000001", Role::Administrator), None);
    }
}
