//! Samples of the bills of a run, for the eyes of who releases it.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Path, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use kvit_billing::{OrderSeq, RunId};
use kvit_flow::summary::{RunSummary, Sort};
use kvit_store::RunState;
use minijinja::{Value, context};
use serde_json::json;
use tokio::sync::Semaphore;

use super::{door::Officer, event, runs::the_run, say};
use crate::{App, NoSample, failure::Failure, front::Visitor, texts::Texts};

/// Samples drawn at once; the others wait. Each takes a core that issues bills otherwise.
const AT_ONCE: usize = 2;

/// What the browser's own viewer needs of a page's rules: its style, and nothing from anywhere.
const VIEWER_RULES: &str = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/// A place where samples are drawn, few at a time.
pub(crate) struct Sampling(Arc<Semaphore>);

impl Default for Sampling {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Sampling {
    /// `None` where it took too long. A sample that nobody waits for any more keeps its place until it is
    /// done: a typesetter cannot be stopped.
    pub(super) async fn draw<T: Send + 'static>(
        &self,
        app: &App,
        work: BoxFuture<'static, Result<T, NoSample>>,
    ) -> Option<Result<T, NoSample>> {
        let places = Arc::clone(&self.0);
        let drawn = async move {
            let place = places.acquire_owned().await;
            let done = tokio::spawn(async move {
                let _place = place;
                work.await
            });
            done.await
                .unwrap_or_else(|died| Err(NoSample(Box::new(died))))
        };
        let limit = Duration::from_secs(app.portal.limits.sample_seconds.into());
        tokio::time::timeout(limit, drawn).await.ok()
    }
}

/// Whether the bills of such a run can be looked at: those that are issued are documents.
pub(super) const fn has_samples(state: RunState) -> bool {
    matches!(state, RunState::Checked | RunState::Released)
}

/// One bill of each sort, by its place in the run.
pub(super) fn examples(summary: &RunSummary, texts: &Texts) -> Vec<Value> {
    let found = Sort::ALL.into_iter().filter_map(|sort| {
        let example = summary.examples.iter().find(|one| one.sort == sort)?;
        let text = match sort {
            Sort::Invoice => "staff-sample-invoice",
            Sort::Estimated => "staff-sample-estimated",
            Sort::NothingToPay => "staff-sample-nothing",
            Sort::CreditNote => "staff-sample-credit",
            Sort::DebitNote => "staff-sample-debit",
        };
        let text = texts.say(text, &[]);
        Some(context! { text, account => example.account.as_str(), seq => example.seq.0.to_string() })
    });
    found.collect()
}

/// A sample as a PDF. Whose data it shows is written down before it is shown.
pub(crate) async fn sample(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path((run, seq)): Path<(String, u64)>,
) -> Result<Response, Failure> {
    let run = the_run(&app, &run).await?;
    if !has_samples(run.state) {
        return not_drawn(&app, &visitor, &officer, &run.id, "staff-sample-issued");
    }
    let work = app.portal.samples.sample(run.id.clone(), OrderSeq(seq));
    let sample = match app.sampling.draw(&app, work).await {
        Some(Ok(Some(sample))) => sample,
        Some(Ok(None)) => return Err(Failure::NotFound),
        Some(Err(fault)) => {
            let error = &fault as &dyn std::error::Error;
            tracing::error!(run = %run.id, seq, error, "a sample cannot be drawn");
            return not_drawn(&app, &visitor, &officer, &run.id, "staff-sample-failed");
        }
        None => return not_drawn(&app, &visitor, &officer, &run.id, "staff-sample-slow"),
    };
    let subject = format!("customer/{}", sample.account);
    let seen = event(
        &app,
        &officer,
        "run.sampled",
        subject,
        json!({ "run": run.id.as_str() }),
    );
    app.portal.store.record_event(&seen).await?;
    let name = format!("sample-{}", sample.account);
    Ok(shown(sample.pdf, &name))
}

/// A PDF of ours for the browser's own viewer.
pub(super) fn shown(pdf: Vec<u8>, name: &str) -> Response {
    let name = format!("inline; filename=\"{name}.pdf\"");
    let mut response = pdf.into_response();
    let headers = response.headers_mut();
    let mut set = |header: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(header, value);
        }
    };
    set(header::CONTENT_TYPE, "application/pdf");
    set(header::CONTENT_DISPOSITION, &name);
    set(header::CONTENT_SECURITY_POLICY, VIEWER_RULES);
    response
}

fn not_drawn(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    run: &RunId,
    why: &str,
) -> Result<Response, Failure> {
    let status = match why {
        "staff-sample-issued" => StatusCode::CONFLICT,
        "staff-sample-slow" => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let what = (status, "staff-sample-not", why);
    say(app, visitor, officer, what, &format!("/staff/runs/{run}"))
}
