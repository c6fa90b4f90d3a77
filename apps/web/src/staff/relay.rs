//! The layout of a released run: which it has, and another one for the rest of it by a second person's word.

use std::sync::Arc;

use axum::{
    Extension, Form,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use kvit_billing::{LayoutNo, Role};
use kvit_store::{Relaid, RelayRun, RunRecord, RunState, same_person};
use minijinja::{Value, context};
use serde::Deserialize;

use super::{door::Officer, layouts, runs::the_run, say};
use crate::{App, failure::Failure, front::Visitor, texts::Texts};

/// What the run's page says about its layout, from release on; where another one counts by now, who may give it
/// to the rest of the run.
pub(super) async fn shown(
    app: &App,
    officer: &Officer,
    run: &RunRecord,
    texts: &Texts,
) -> Result<Option<Value>, Failure> {
    let Some(own) = run.layout else {
        return Ok(None);
    };
    let current = app.portal.store.current_layout().await?;
    let other =
        run.state == RunState::Released && officer.role == Role::Billing && current != own.no;
    let released_by = run.released_by.as_deref().unwrap_or_default();
    let mine = same_person(released_by, officer.login.as_str());
    Ok(Some(context! {
        name => layouts::name(texts, own.no), other => other && !mine, mine => other && mine,
        current => layouts::name(texts, current), seen => current.to_string(),
    }))
}

#[derive(Deserialize)]
pub(crate) struct RelayForm {
    #[serde(default)]
    form_token: String,
    /// The version that counted when the page was made.
    #[serde(default)]
    seen: u32,
}

/// Has the bills that are not issued yet made in the layout that counts.
pub(crate) async fn relay(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(run): Path<String>,
    Form(form): Form<RelayForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let run = the_run(&app, &run).await?;
    let portal = &app.portal;
    let seen = LayoutNo(form.seen);
    // One that this program cannot use would help no run.
    let (status, text) = match app.sampling.draw(&app, portal.layouts.try_out(seen)).await {
        Some(Ok(())) => {
            let word = RelayRun {
                run: run.id.clone(),
                seen,
                by: officer.login.to_string(),
                who: officer.login.to_string(),
                at: portal.clock.now(),
                base: Arc::clone(&portal.layout_base),
            };
            match portal.store.relay_run(&word).await? {
                Relaid::Done { .. } => {
                    let to = format!("/staff/runs/{}?done=relaid", run.id);
                    return Ok((StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response());
                }
                Relaid::Already(_) => (StatusCode::CONFLICT, "staff-relay-already"),
                Relaid::SamePerson => (StatusCode::FORBIDDEN, "staff-relay-mine"),
                Relaid::NotReleased => (StatusCode::CONFLICT, "staff-relay-over"),
                Relaid::Outdated => (StatusCode::CONFLICT, "staff-relay-outdated"),
            }
        }
        Some(Err(fault)) => {
            let error = &fault as &dyn std::error::Error;
            tracing::error!(layout = seen.0, error, "a layout does not work");
            (StatusCode::CONFLICT, "staff-layout-broken")
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "staff-sample-slow"),
    };
    let back = format!("/staff/runs/{}", run.id);
    let what = (status, "staff-relay-not", text);
    say(&app, &visitor, &officer, what, &back)
}
