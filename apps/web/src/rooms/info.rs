//! Pages that need nobody signed in: home, help, privacy, whether a bill is genuine, and files.

use axum::{
    Extension,
    extract::{Path, Query, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use kvit_billing::{BillNumber, code::TokenPurpose};
use minijinja::context;
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::{go, pay, shown};
use crate::{App, failure::Failure, front::Visitor, passkeys::scripted};

#[derive(Deserialize)]
pub(crate) struct Left {
    /// Whether the visitor has just signed out.
    left: Option<String>,
}

pub(crate) async fn home(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Query(query): Query<Left>,
) -> Result<Response, Failure> {
    let notice = query.left.map(|_| "home-left");
    let session_minutes = app.portal.limits.session_minutes;
    let page = app.pages.render(
        &visitor,
        "home.html",
        context! { notice, session_minutes, passkeys => app.passkeys.is_some() },
    )?;
    Ok(page.into_response())
}

/// For who reloads the answer to a form by its address.
pub(crate) async fn to_home() -> Response {
    go("/")
}

/// A form's answer has an address where nothing lies to be read: who changes the language there, or comes
/// back to it, goes to the page on which the form stands.
pub(crate) async fn not_that_way(
    method: Method,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    match visitor.path.rsplit_once('/') {
        Some((page, _)) if method == Method::GET && visitor.path.starts_with("/staff/") => {
            (StatusCode::SEE_OTHER, [(header::LOCATION, page.to_owned())]).into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

pub(crate) async fn help(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    let page = app.pages.render(&visitor, "help.html", context! {})?;
    Ok(page.into_response())
}

pub(crate) async fn privacy(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    let session_minutes = app.portal.limits.session_minutes;
    let page = app
        .pages
        .render(&visitor, "privacy.html", context! { session_minutes })?;
    Ok(page.into_response())
}

pub(crate) async fn asset(
    State(app): State<App>,
    Path(name): Path<String>,
    asked: HeaderMap,
) -> Result<Response, Failure> {
    let asset = app.pages.assets.get(&name).ok_or(Failure::NotFound)?;
    // A drawing may style itself, and do nothing else.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'; base-uri 'none'";
    let headers = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::VARY, "accept-encoding"),
    ];
    Ok(match &asset.gzip {
        Some(packed) if unpacks_gzip(&asked) => {
            let packed = packed.clone();
            let how = [(header::CONTENT_ENCODING, "gzip")];
            (headers, how, packed).into_response()
        }
        _ => (headers, asset.bytes.clone()).into_response(),
    })
}

/// Whether the browser takes what is packed by gzip.
fn unpacks_gzip(asked: &HeaderMap) -> bool {
    let all = asked.get_all(header::ACCEPT_ENCODING).into_iter();
    let all = all.filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(',')).any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        let weight = weight.trim().trim_start_matches("q=");
        name.trim().eq_ignore_ascii_case("gzip") && weight.parse() != Ok(0.0_f32)
    })
}

/// Whether a bill is ours, and the way to pay it, for who scanned the code on it: `<bill number>-<token>`. What else the
/// code has, the browser keeps to itself (`assets/filled.js`). Whose bill it is the page does not say: the address is also
/// for whoever was shown the bill.
pub(crate) async fn verify(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(slug): Path<String>,
) -> Result<Response, Failure> {
    let (number, token) = slug.split_once('-').unwrap_or_default();
    let bill = match number.parse::<BillNumber>() {
        Ok(number) => {
            let right = app
                .portal
                .key
                .token(TokenPurpose::Verify, &number.to_string());
            let ours = bool::from(right.expose().as_bytes().ct_eq(token.as_bytes()));
            match ours {
                true => app.portal.store.bill(number).await?,
                false => None,
            }
        }
        Err(_) => None,
    };
    if let Some(bill) = bill {
        let standing = pay::standing(&app, &bill).await?;
        let pay = (standing == "open").then(|| pay::path(&app, bill.number));
        let bill = shown(&app, visitor.language, &bill);
        let page = app.pages.render(
            &visitor,
            "verify.html",
            context! { bill, pay, paid => standing == "paid" },
        )?;
        return Ok(scripted(page.into_response()));
    }
    let texts = app.pages.texts(visitor.language);
    let operator = app.portal.operator.name.get(visitor.language);
    let links = [context! { href => "/help", text => texts.say("nav-help", &[]) }];
    let page = app.pages.render(
        &visitor,
        "said.html",
        context! {
            good => false, title => texts.say("verify-not-title", &[]), links, bill => (),
            text => texts.say("verify-not-text", &[("operator", operator)]),
            more => texts.say("verify-not-typed", &[]),
        },
    )?;
    Ok((StatusCode::NOT_FOUND, page).into_response())
}
