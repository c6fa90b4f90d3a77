//! Mails and pages as a version of the texts would have them, about nobody's bill.

use axum::{
    Extension,
    extract::{Path, Query, State},
    http::{HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use kvit_billing::Language;
use minijinja::context;
use serde::Deserialize;

use super::{changed_in, known, name};
use crate::{
    App, NoSample,
    doors::pages_saying,
    failure::Failure,
    front::Visitor,
    staff::{door::Officer, render},
};

/// What can be looked at: mails, then pages.
pub(crate) const NAMES: &[&str] = &[
    "bill",
    "nothing",
    "reminder-before",
    "reminder-after",
    "paid",
    "back",
    "home",
    "help",
];
/// A mail may style itself, and do nothing else.
const MAIL_RULES: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'; base-uri 'none'";
/// A page has its own style, letters and pictures, for which it must be of this origin (no script runs); its forms and
/// links lead nowhere.
const PAGE_RULES: &str = "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; sandbox allow-same-origin; frame-ancestors 'none'; base-uri 'none'";

#[derive(Deserialize)]
pub(crate) struct SampleQuery {
    /// The mail as most people see it, by itself.
    html: Option<String>,
}

pub(crate) async fn show(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path((no, language, sample)): Path<(u32, String, String)>,
    Query(query): Query<SampleQuery>,
) -> Result<Response, Failure> {
    let language = Language::from_tag(&language).ok_or(Failure::NotFound)?;
    if !NAMES.contains(&sample.as_str()) {
        return Err(Failure::NotFound);
    }
    known(&app, no).await?;
    let changed = changed_in(&app, no).await?;
    if ["home", "help"].contains(&sample.as_str()) {
        let pages = pages_saying(&app, changed).await?;
        let mut stranger = visitor;
        stranger.language = language;
        stranger.path = "/".to_owned();
        stranger.query = String::new();
        stranger.customer = None;
        stranger.points = Vec::new();
        let session_minutes = app.portal.limits.session_minutes;
        let passkeys = app.passkeys.is_some();
        let values = context! { notice => "staff-wording-sample-note", session_minutes, passkeys };
        let page = pages.render(&stranger, &format!("{sample}.html"), values)?;
        return Ok(ruled(page, PAGE_RULES));
    }
    let letters = std::sync::Arc::clone(&app.portal.letters);
    let made = tokio::task::spawn_blocking(move || {
        let mails = letters.mails(&changed)?;
        mails
            .samples(language)
            .map_err(|error| NoSample(Box::new(error)))
    });
    let samples = made.await.map_err(|died| NoSample(Box::new(died)))??;
    let mail = samples.into_iter().find(|one| one.name == sample);
    let mail = mail.ok_or(Failure::NotFound)?;
    if query.html.is_some() {
        return Ok(ruled(Html(mail.html), MAIL_RULES));
    }
    let texts = app.pages.texts(visitor.language);
    let page = context! {
        no => no.to_string(), version => name(texts, no), sample => sample.as_str(),
        title => texts.say(&format!("staff-wording-sample-{sample}"), &[]),
        subject => mail.subject, text => mail.text.trim(), language => language.tag(),
    };
    render(
        &app,
        &visitor,
        Some(&officer),
        "staff/texts-sample.html",
        page,
    )
}

fn ruled(page: impl IntoResponse, rules: &'static str) -> Response {
    let mut response = page.into_response();
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(rules),
    );
    response
}
