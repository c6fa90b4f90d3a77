//! Billing runs: the list.

use axum::{Extension, extract::State, response::Response};
use kvit_store::{RunRecord, RunState};
use minijinja::{Value, context};

use super::{door::Officer, render};
use crate::{App, failure::Failure, front::Visitor};

const RUNS_SHOWN: u32 = 60;

pub(crate) async fn list(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
) -> Result<Response, Failure> {
    let runs = app.portal.store.runs(RUNS_SHOWN).await?;
    let runs: Vec<_> = runs.iter().map(|run| row(&app, &visitor, run)).collect();
    let page = context! { runs };
    render(&app, &visitor, Some(&officer), "staff/runs.html", page)
}

fn row(app: &App, visitor: &Visitor, run: &RunRecord) -> Value {
    let texts = app.pages.texts(visitor.language);
    context! {
        id => run.id.as_str(), period => texts.period(run.period), state => texts.say(state(run.state), &[]),
        bills => run.orders.to_string(), sum => texts.money(run.sum_cents, &run.currency),
        imported_by => run.imported_by.clone(), released_by => run.released_by.clone(),
        imported => texts.moment(run.imported_at, &app.portal.time_zone),
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
