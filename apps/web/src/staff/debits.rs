//! Direct debits: what is announced, the files for the bank, which two people make, and what came back.

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{ToSpan, civil::Date};
use kvit_billing::{Cents, Role};
use kvit_flow::debits::SILENT_DAYS;
use kvit_store::{
    DebitFate, DebitFileRecord, DebitPreview, DebitRecord, DebitState, DebitTerms, DebitWord,
    Debits, Deed, Dropped, same_person,
};
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{door::Officer, event, money::WHY_CHARS_MAX, plain, render};
use crate::{
    App,
    failure::Failure,
    front::Visitor,
    saved::{XML, saved_as},
    texts::Texts,
};

/// Rows of each list.
const SHOWN: usize = 50;
/// Rows of a file's page.
const OF_FILE: usize = 500;

#[derive(Deserialize)]
pub(crate) struct ListQuery {
    #[serde(default)]
    done: String,
}

pub(crate) async fn list(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Failure> {
    let done = match query.done.as_str() {
        "none" => Some("staff-debit-none-to-collect"),
        "seen" => Some("staff-debit-done-seen"),
        "outdated" => Some("staff-refund-outdated"),
        _ => None,
    };
    let bad = matches!(query.done.as_str(), "none" | "outdated");
    let more = context! { done, bad, wrong => "", typed => "" };
    list_page(&app, &visitor, &officer, more).await
}

async fn list_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    more: Value,
) -> Result<Response, Failure> {
    let store = &app.portal.store;
    let people = store.debits(Debits::ForPeople(silent(app)), SHOWN).await?;
    let waiting = store.debits(Debits::Waiting, SHOWN).await?;
    let mut latest = store.debits(Debits::Latest, SHOWN).await?;
    latest.retain(|one| {
        let shown = [&people, &waiting];
        !shown
            .iter()
            .any(|list| list.iter().any(|it| it.number == one.number))
    });
    listed(
        app,
        officer,
        people.len() + waiting.len() + latest.len(),
        "",
    )
    .await?;
    let texts = app.pages.texts(visitor.language);
    let files = store.debit_files(SHOWN).await?;
    let mut shown = Vec::with_capacity(files.len());
    for one in &files {
        let preview = preview(app, one).await?;
        shown.push(file_row(app, texts, one, preview.as_ref()));
    }
    let rows = |list: &[DebitRecord]| -> Vec<Value> {
        list.iter().map(|one| row(app, texts, one)).collect()
    };
    let page = context! {
        people => rows(&people), waiting => rows(&waiting), latest => rows(&latest), files => shown,
        on => app.portal.debits.is_some(), may => officer.role == Role::Billing, ..more
    };
    render(app, visitor, Some(officer), "staff/debits.html", page)
}

/// Who saw so many customers' debits is in the trail before they are shown.
async fn listed(app: &App, officer: &Officer, shown: usize, file: &str) -> Result<(), Failure> {
    if shown > 0 {
        let subject = format!("staff/{}", officer.login);
        let detail = json!({ "debits": shown, "file": file });
        let listed = event(app, officer, "pay.listed", subject, detail);
        app.portal.store.record_event(&listed).await?;
    }
    Ok(())
}

/// Debits before that day of which the bank has said nothing are for people.
fn silent(app: &App) -> Date {
    app.today().saturating_sub(SILENT_DAYS.days())
}

fn terms(app: &App) -> Result<DebitTerms, Failure> {
    // Its buttons are not shown where nothing is collected.
    let rules = app.portal.debits.as_ref().ok_or(Failure::NotFound)?;
    Ok(rules.terms(&app.portal.operator, app.today()))
}

/// What a file that waits would come to now; none where it waits no more, or nothing is collected.
async fn preview(app: &App, one: &DebitFileRecord) -> Result<Option<DebitPreview>, Failure> {
    if !one.waits() || app.portal.debits.is_none() {
        return Ok(None);
    }
    let (terms, now) = (terms(app)?, app.portal.clock.now());
    let store = &app.portal.store;
    Ok(Some(store.preview_debits(one.number, &terms, now).await?))
}

/// A debit in a file that waits: how much of it leaves, or why it does not.
fn previewed(app: &App, texts: &Texts, one: &DebitRecord, fate: Option<&DebitFate>) -> Value {
    let shown = row(app, texts, one);
    let (amount, state) = match fate {
        None if one.dropped.is_none() => return shown,
        None => return context! { amount => "–", ..shown },
        Some(DebitFate::Collected(cents)) => (Some(*cents), "staff-debit-will-leave"),
        Some(DebitFate::Waits) => (None, "staff-debit-will-wait"),
        Some(DebitFate::Dropped(Dropped::Off)) => (None, "staff-debit-off"),
        Some(DebitFate::Dropped(Dropped::Paid)) => (None, "staff-debit-paid"),
        Some(DebitFate::Dropped(Dropped::Unannounced)) => (None, "staff-debit-unannounced"),
        Some(DebitFate::Dropped(Dropped::Late)) => (None, "staff-debit-late"),
    };
    let amount = amount.map_or_else(
        || "–".to_owned(),
        |cents| texts.money(cents, &app.portal.operator.currency),
    );
    context! { amount, state => texts.say(state, &[]), ..shown }
}

fn row(app: &App, texts: &Texts, one: &DebitRecord) -> Value {
    let state = match (one.state(), one.dropped) {
        (DebitState::Announced, _) => "staff-debit-announced",
        (DebitState::Prepared, _) => "staff-debit-prepared",
        (DebitState::Ordered, _) => "staff-debit-ordered",
        (DebitState::Settled, _) => "staff-debit-settled",
        (DebitState::Returned, _) => "staff-debit-returned",
        (DebitState::Dropped, Some((_, Dropped::Off))) => "staff-debit-off",
        (DebitState::Dropped, Some((_, Dropped::Paid))) => "staff-debit-paid",
        (DebitState::Dropped, Some((_, Dropped::Unannounced))) => "staff-debit-unannounced",
        (DebitState::Dropped, _) => "staff-debit-late",
    };
    context! {
        number => one.number.to_string(), account => one.account.as_str(), bill => one.bill.to_string(),
        amount => texts.money(one.cents(), &app.portal.operator.currency), day => texts.date(one.day),
        state => texts.say(state, &[]), reason => one.reason.clone(), file => one.file.map(|file| file.to_string()),
    }
}

fn file_row(
    app: &App,
    texts: &Texts,
    one: &DebitFileRecord,
    preview: Option<&DebitPreview>,
) -> Value {
    let money = |cents| texts.money(cents, &app.portal.operator.currency);
    // What waits shows what will leave, not what was prepared.
    let (count, cents) = preview.map_or((one.debits, one.cents), DebitPreview::collected);
    let wait = preview.map_or(0, DebitPreview::waiting);
    let dropped = one.debits.saturating_sub(count + wait);
    let differs = preview.is_some() && (count, cents) != (one.debits, one.cents);
    let state = if one.approved.is_some() {
        "staff-debit-file-approved"
    } else if one.refused.is_some() {
        "staff-refund-refused"
    } else {
        "staff-refund-proposed"
    };
    context! {
        number => one.number.to_string(), state => texts.say(state, &[]), approved => one.approved.is_some(),
        sum => money(cents), count => texts.count(count), shown => context! { count, cents => cents.get() }, wait => (wait > 0).then(|| texts.count(wait)),
        dropped => (dropped > 0).then(|| texts.count(dropped)),
        prepared => differs.then(|| context! { sum => money(one.cents), count => texts.count(one.debits) }),
        settled => texts.count(one.settled), day => one.day.map(|day| texts.date(day)),
        by => one.prepared.by.clone(), when => texts.moment(one.prepared.at, &app.portal.time_zone),
    }
}

#[derive(Deserialize)]
pub(crate) struct PressForm {
    #[serde(default)]
    form_token: String,
    /// `approve` or `refuse`.
    #[serde(default)]
    act: String,
    /// What was shown to leave, when somebody approves it.
    #[serde(default)]
    count: String,
    #[serde(default)]
    cents: String,
    /// The debit that somebody saw to, and why.
    #[serde(default)]
    debit: String,
    #[serde(default)]
    why: String,
}

/// Puts what is announced and due into a file.
pub(crate) async fn prepare(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<PressForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let (terms, now) = (terms(&app)?, app.portal.clock.now());
    let store = &app.portal.store;
    let made = store
        .prepare_debits(&terms, officer.login.as_str(), now)
        .await?;
    Ok(see(&match made.file {
        Some(file) => format!("/staff/debits/{}?done=prepared", file.number),
        None => "/staff/debits?done=none".to_owned(),
    }))
}

/// Somebody saw to a debit that came back.
pub(crate) async fn seen(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<PressForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let number = form.debit.parse::<u32>().map_err(|_| Failure::NotFound)?;
    let why = plain(&form.why);
    if why.is_empty() || why.chars().count() > WHY_CHARS_MAX {
        let field = format!("why-{number}");
        let errors = [context! { field, text => "staff-error-money-why" }];
        let more = context! { errors, wrong => number.to_string(), typed => form.why };
        let page = list_page(&app, &visitor, &officer, more).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let (now, by) = (app.portal.clock.now(), officer.login.as_str());
    let store = &app.portal.store;
    let said = store
        .see_debit(number.into(), &why, by, silent(&app), now)
        .await?;
    match said {
        DebitWord::Done => Ok(see("/staff/debits?done=seen")),
        DebitWord::Unknown => Err(Failure::NotFound),
        _ => Ok(see("/staff/debits?done=outdated")),
    }
}

/// One file and what is in it.
pub(crate) async fn one(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Failure> {
    let file = the_file(&app, &number).await?;
    let done = match query.done.as_str() {
        "prepared" => Some("staff-debit-done-prepared"),
        "approved" => Some("staff-debit-done-approved"),
        "refused" => Some("staff-debit-done-refused"),
        "empty" => Some("staff-debit-done-empty"),
        "changed" => Some("staff-debit-done-changed"),
        "outdated" => Some("staff-refund-outdated"),
        _ => None,
    };
    let store = &app.portal.store;
    let debits = store.debits(Debits::In(file.number), OF_FILE).await?;
    listed(&app, &officer, debits.len(), &file.number.to_string()).await?;
    let texts = app.pages.texts(visitor.language);
    let zone = &app.portal.time_zone;
    let deed = |deed: &Option<Deed>| {
        deed.as_ref()
            .map(|deed| context! { who => deed.by.clone(), when => texts.moment(deed.at, zone) })
    };
    let billing = officer.role == Role::Billing;
    let mine = same_person(&file.prepared.by, officer.login.as_str());
    let waits = file.waits();
    // Until it is approved, the one of the settings.
    let rules = app.portal.debits.as_ref().filter(|_| waits);
    let iban = file
        .iban
        .clone()
        .or_else(|| rules.map(|rules| rules.iban.clone()));
    let preview = preview(&app, &file).await?;
    let fate = |number| preview.as_ref().and_then(|it| it.fates.get(&number));
    let rows = debits
        .iter()
        .map(|one| previewed(&app, texts, one, fate(one.number)));
    let page = context! {
        iban => iban.map(|iban| iban.to_string()), waits,
        one => file_row(&app, texts, &file, preview.as_ref()), done, bad => matches!(query.done.as_str(), "empty" | "changed" | "outdated"),
        debits => rows.collect::<Vec<_>>(),
        all => debits.len() as u64 >= file.debits, mine => waits && mine,
        approved => deed(&file.approved), refused => deed(&file.refused),
        may_approve => billing && waits && !mine && app.portal.debits.is_some(), may_refuse => billing && waits,
        may_fetch => billing && file.approved.is_some(),
    };
    render(
        &app,
        &visitor,
        Some(&officer),
        "staff/debit-file.html",
        page,
    )
}

async fn the_file(app: &App, number: &str) -> Result<DebitFileRecord, Failure> {
    let number = number.parse::<u32>().map_err(|_| Failure::NotFound)?;
    let found = app.portal.store.debit_file(number.into()).await?;
    found.ok_or(Failure::NotFound)
}

/// Another person approves a file, or somebody does not agree.
pub(crate) async fn decide(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Form(form): Form<PressForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let file = the_file(&app, &number).await?;
    let (now, by) = (app.portal.clock.now(), officer.login.as_str());
    let store = &app.portal.store;
    let said = match form.act.as_str() {
        "approve" => {
            let terms = terms(&app)?;
            // A form that does not say what it showed showed nothing.
            let shown = (
                Some(form.count.parse().unwrap_or(0)),
                Some(Cents::new(form.cents.parse().unwrap_or(0))),
            );
            let number = file.number;
            store.approve_debits(number, &terms, shown, by, now).await?
        }
        "refuse" => store.refuse_debit_file(file.number, by, now).await?,
        _ => return Err(Failure::NotFound),
    };
    let done = match said {
        DebitWord::Approved => "approved",
        DebitWord::Done => "refused",
        DebitWord::Empty => "empty",
        DebitWord::Outdated => "changed",
        // Its button is not shown to them.
        DebitWord::SamePerson | DebitWord::Unknown => return Err(Failure::NotFound),
        DebitWord::Over => {
            // A second press finds what the first one did.
            let now = the_file(&app, &number).await?;
            let mine =
                |deed: &Option<Deed>| deed.as_ref().is_some_and(|deed| same_person(&deed.by, by));
            match form.act.as_str() {
                "approve" if mine(&now.approved) => "approved",
                "refuse" if mine(&now.refused) => "refused",
                _ => "outdated",
            }
        }
    };
    Ok(see(&format!("/staff/debits/{}?done={done}", file.number)))
}

/// An approved file for the bank, with the same bytes each time.
pub(crate) async fn file(
    State(app): State<App>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number: u32 = number.parse().map_err(|_| Failure::NotFound)?;
    let now = app.portal.clock.now();
    let store = &app.portal.store;
    let bytes = store
        .fetch_debit_file(number.into(), officer.login.as_str(), now)
        .await?;
    let name = format!("debits-{number}.xml");
    Ok(saved_as(&name, XML, bytes.ok_or(Failure::NotFound)?))
}

fn see(to: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, to.to_owned())]).into_response()
}
