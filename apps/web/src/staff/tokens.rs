//! The administrator's page for the tokens by which the operator's own systems use the API.

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{Timestamp, civil::Date};
use kvit_billing::ApiName;
use kvit_store::{ApiScope, ApiTokenView, api_subject};
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{
    door::{Officer, first, fresh, must_be_fresh},
    event, render,
};
use crate::{
    App,
    api::{MadeToken, TokenState, end_of_token, last_day_of_token, make_token, scopes_detail},
    failure::Failure,
    front::{Done, Visitor},
    gate,
};

const HERE: &str = "/staff/tokens";

/// What a token may do, in the words of who gives it out.
const fn words_of(scope: ApiScope) -> &'static str {
    match scope {
        ApiScope::CustomersRead => "staff-scope-customers-read",
        ApiScope::BillsRead => "staff-scope-bills-read",
        ApiScope::BillsDocument => "staff-scope-bills-document",
        ApiScope::BillsSend => "staff-scope-bills-send",
        ApiScope::EnrolmentsWrite => "staff-scope-enrolments-write",
        ApiScope::CodesVerify => "staff-scope-codes-verify",
    }
}

pub(crate) async fn list(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Query(query): Query<Done>,
) -> Result<Response, Failure> {
    let notice = match query.done.as_str() {
        "revoked" => Some("staff-tokens-revoked"),
        "already" => Some("staff-tokens-already"),
        _ => None,
    };
    list_page(&app, &visitor, &officer, context! { notice }).await
}

async fn list_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    more: Value,
) -> Result<Response, Failure> {
    let now = app.portal.clock.now();
    let all = app.portal.store.api_tokens().await?;
    let (works, over): (Vec<_>, Vec<_>) = all
        .iter()
        .partition(|one| TokenState::of(&one.token, now) == TokenState::Works);
    let rows = |which: Vec<_>| -> Vec<_> {
        let rows = which.into_iter();
        rows.map(|one| row(app, visitor, one)).collect()
    };
    let scopes: Vec<_> = ApiScope::ALL
        .iter()
        .map(|scope| context! { id => scope.as_str(), words => words_of(*scope) })
        .collect();
    let page = context! {
        works => rows(works), over => rows(over), scopes, today => app.today().to_string(),
        fresh => fresh(app, officer), first => first(HERE), ..more
    };
    render(app, visitor, Some(officer), "staff/tokens.html", page)
}

fn row(app: &App, visitor: &Visitor, one: &ApiTokenView) -> Value {
    let texts = app.pages.texts(visitor.language);
    let zone = &app.portal.time_zone;
    let date = |at: Timestamp| texts.date(at.to_zoned_datetime(zone.clone()).date());
    let token = &one.token;
    let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.as_str()).collect();
    let until = token.expires_at.map(|end| last_day_of_token(end, zone));
    context! {
        name => token.name.as_str(), scopes, added_by => one.added_by.clone(), added => date(token.created_at),
        until => until.map(|day| texts.date(day)), revoked => token.revoked_at.map(date), revoked_by => one.revoked_by.clone(),
        used => one.used_at.map(|at| texts.moment(at, zone)),
    }
}

/// What somebody wants to give out, as they typed it.
#[derive(Default)]
struct NewForm {
    form_token: String,
    name: String,
    /// The last day.
    until: String,
    scopes: Vec<String>,
}

impl NewForm {
    fn of(pairs: Vec<(String, String)>) -> Self {
        let mut form = Self::default();
        for (field, value) in pairs {
            match field.as_str() {
                "form_token" => form.form_token = value,
                "name" => form.name = value.trim().to_lowercase(),
                "until" => form.until = value.trim().to_owned(),
                "scope" => form.scopes.push(value),
                _ => {}
            }
        }
        form
    }

    fn typed(&self) -> Value {
        context! { name => self.name.clone(), until => self.until.clone(), scopes => self.scopes.clone() }
    }

    /// The token, or all that is wrong.
    fn make(&self, app: &App) -> Result<MadeToken, Vec<(&'static str, &'static str)>> {
        let at = app.portal.clock.now();
        let mut wrong = Vec::new();
        let name = self.name.parse::<ApiName>();
        if name.is_err() {
            wrong.push(("name", "staff-error-token-name"));
        }
        let scopes = self.scopes.iter().map(|scope| ApiScope::parse(scope));
        let scopes = scopes.collect::<Option<Vec<_>>>().unwrap_or_default();
        if scopes.is_empty() {
            wrong.push(("scope", "staff-error-token-scopes"));
        }
        let day = match self.until.as_str() {
            "" => Ok(None),
            until => until.parse::<Date>().map(Some),
        };
        let end = day.map(|day| day.map(|day| end_of_token(day, &app.portal.time_zone)));
        let end = match end {
            Ok(None) => None,
            Ok(Some(Some(end))) if end > at => Some(end),
            _ => {
                wrong.push(("until", "staff-error-token-until"));
                None
            }
        };
        match (name, wrong.is_empty()) {
            (Ok(name), true) => Ok(make_token(app.portal.rng.as_ref(), name, scopes, (at, end))),
            _ => Err(wrong),
        }
    }
}

/// Gives a token out, and shows it in this one answer: it is in no address, and sending the form again finds its name taken.
pub(crate) async fn add(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let form = NewForm::of(pairs);
    visitor.own_form(&form.form_token)?;
    must_be_fresh(&app, &officer, HERE)?;
    let wrong = match form.make(&app) {
        Ok(made) => {
            let subject = api_subject(&made.kept.name);
            let detail = scopes_detail(&made.kept.scopes);
            let added = event(&app, &officer, "api.token-added", subject, detail);
            if app.portal.store.add_api_token(&made.kept, &added).await? {
                return given(&app, &visitor, &officer, &made);
            }
            vec![("name", "staff-error-token-taken")]
        }
        Err(wrong) => wrong,
    };
    let more = context! { errors => gate::faults(&wrong), typed => form.typed() };
    let page = list_page(&app, &visitor, &officer, more).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

fn given(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    made: &MadeToken,
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let zone = &app.portal.time_zone;
    let scopes: Vec<_> = made.kept.scopes.iter().map(|one| one.as_str()).collect();
    let until = made.kept.expires_at.map(|end| last_day_of_token(end, zone));
    let page = context! {
        name => made.kept.name.as_str(), secret => made.secret.expose().clone(), scopes,
        until => until.map(|day| texts.date(day)),
        url => format!("{}/api/v1", app.portal.public_url.trim_end_matches('/')),
    };
    render(app, visitor, Some(officer), "staff/token-given.html", page)
}

/// Asks whether a token is to end, which its system notices at once.
pub(crate) async fn one(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(name): Path<String>,
) -> Result<Response, Failure> {
    let name: ApiName = name.parse().map_err(|_| Failure::NotFound)?;
    if !fresh(&app, &officer) {
        return Err(Failure::See(first(&format!("{HERE}/{name}"))));
    }
    let found = app.portal.store.api_token_called(&name).await?;
    let found = found.ok_or(Failure::NotFound)?;
    if found.token.revoked_at.is_some() {
        return Ok(to_list("already"));
    }
    let page = context! { one => row(&app, &visitor, &found) };
    render(
        &app,
        &visitor,
        Some(&officer),
        "staff/token-revoke.html",
        page,
    )
}

#[derive(Deserialize)]
pub(crate) struct RevokeForm {
    #[serde(default)]
    form_token: String,
}

/// Ends a token. Who comes second changes nothing, and is told so.
pub(crate) async fn revoke(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(name): Path<String>,
    Form(form): Form<RevokeForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let name: ApiName = name.parse().map_err(|_| Failure::NotFound)?;
    must_be_fresh(&app, &officer, &format!("{HERE}/{name}"))?;
    let subject = api_subject(&name);
    let revoked = event(&app, &officer, "api.token-revoked", subject, json!({}));
    if app.portal.store.revoke_api_token(&name, &revoked).await? {
        return Ok(to_list("revoked"));
    }
    let found = app.portal.store.api_token_called(&name).await?;
    found.ok_or(Failure::NotFound)?;
    Ok(to_list("already"))
}

fn to_list(done: &str) -> Response {
    let to = [(header::LOCATION, format!("{HERE}?done={done}"))];
    (StatusCode::SEE_OTHER, to).into_response()
}
