//! Bank statements: which were brought, and what came of each.

use axum::{
    Extension,
    extract::{Path, Query, State},
    response::Response,
};
use kvit_billing::{Cents, Role};
use kvit_pay::statement::{Gap, Statement, gaps};
use kvit_store::{StatementRecord, StatementReport, Tally};
use minijinja::{Value, context};
use serde::Deserialize;

use super::{
    door::Officer,
    imports::{size, uploads},
    render,
};
use crate::{App, FileKind, failure::Failure, front::Visitor, texts::Texts};

/// Statements that are listed, and looked through for what is missing.
const SHOWN: usize = 100;

pub(crate) async fn list(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
) -> Result<Response, Failure> {
    list_page(&app, &visitor, &officer, None).await
}

pub(super) async fn list_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    wrong: Option<&'static str>,
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let records = app.portal.store.statements(SHOWN).await?;
    let facts: Vec<Statement> = records
        .iter()
        .flat_map(|record| record.facts.iter().cloned())
        .collect();
    let missing: Vec<_> = gaps(&facts)
        .iter()
        .map(|gap| missing(app, texts, gap))
        .collect();
    let statements: Vec<_> = records
        .iter()
        .map(|record| row(app, texts, record))
        .collect();
    let errors: Vec<_> = wrong
        .into_iter()
        .map(|text| context! { field => "file", text })
        .collect();
    let may = officer.role == Role::Billing;
    let page = context! {
        statements, missing, errors, may,
        uploads => if may { uploads(app, texts, FileKind::Statement) } else { Vec::new() },
        max => size(texts, app.portal.limits.upload_bytes_max),
    };
    render(app, visitor, Some(officer), "staff/statements.html", page)
}

fn missing(app: &App, texts: &Texts, gap: &Gap) -> String {
    let money = |cents: Cents| texts.money(cents, &app.portal.operator.currency);
    let values = [
        ("iban", gap.iban.clone()),
        ("after", texts.date(gap.after)),
        ("closing", money(gap.closing)),
        ("before", texts.date(gap.before)),
        ("opening", money(gap.opening)),
    ];
    let values = values.each_ref().map(|(name, text)| (*name, text.as_str()));
    texts.say("staff-statement-gap", &values)
}

fn row(app: &App, texts: &Texts, record: &StatementRecord) -> Value {
    let parts: Vec<_> = record
        .facts
        .iter()
        .map(|facts| part(app, texts, facts))
        .collect();
    context! {
        id => record.id.clone(), file => record.file.clone(), format => record.format.clone(), parts,
        by => record.imported_by.clone(), at => texts.moment(record.imported_at, &app.portal.time_zone),
        outcomes => record.report.as_ref().map(|report| outcomes(app, texts, report)),
        for_people => record.report.as_ref().is_some_and(|report| report.unmatched.count + report.unclear.count > 0),
    }
}

/// One statement of a file, as it says of itself.
fn part(app: &App, texts: &Texts, facts: &Statement) -> Value {
    let money = |cents| texts.money(cents, &app.portal.operator.currency);
    context! {
        id => facts.id.clone(), iban => facts.iban.clone(),
        from => facts.from.map(|day| texts.date(day)), to => facts.to.map(|day| texts.date(day)),
        opening => facts.opening.map(money), closing => facts.closing.map(money),
        entries => texts.count(facts.entries), ignored => (facts.ignored > 0).then(|| texts.count(facts.ignored)),
    }
}

/// What came of its transfers: only what there is.
fn outcomes(app: &App, texts: &Texts, report: &StatementReport) -> Vec<Value> {
    let row = |(key, tally): (&str, Tally)| {
        (tally.count > 0).then(|| {
            context! {
                what => texts.say(key, &[]), count => texts.count(tally.count),
                sum => texts.money(tally.cents, &app.portal.operator.currency),
            }
        })
    };
    let all = [
        ("staff-statement-matched", report.matched),
        ("staff-statement-unmatched", report.unmatched),
        ("staff-statement-payouts", report.payouts),
        ("staff-statement-taken-back", report.taken_back),
        ("staff-statement-refunded", report.refunded),
        ("staff-statement-came-back", report.came_back),
        ("staff-statement-debits-refused", report.debits_refused),
        ("staff-statement-unclear", report.unclear),
        ("staff-statement-repeated", report.repeated),
        ("staff-statement-undone", report.undone),
        ("staff-statement-spent", report.spent),
    ];
    all.into_iter().filter_map(row).collect()
}

#[derive(Deserialize)]
pub(crate) struct OneQuery {
    #[serde(default)]
    done: String,
}

pub(crate) async fn one(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(id): Path<String>,
    Query(query): Query<OneQuery>,
) -> Result<Response, Failure> {
    let mut found = app.portal.store.statements_named(&id).await?;
    let record = found
        .pop()
        .filter(|record| record.id == id)
        .ok_or(Failure::NotFound)?;
    let texts = app.pages.texts(visitor.language);
    let done = match query.done.as_str() {
        "booked" => Some("staff-statement-done-booked"),
        "known" => Some("staff-statement-done-known"),
        _ => None,
    };
    let page = context! { statement => row(&app, texts, &record), done };
    render(&app, &visitor, Some(&officer), "staff/statement.html", page)
}
