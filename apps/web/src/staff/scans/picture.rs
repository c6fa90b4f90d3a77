//! The picture of a page: written by Kvit, never the bytes that came, and under rules that let it do nothing.

use axum::{
    Extension,
    extract::{Path, Query, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use kvit_store::ScanRecord;
use serde_json::json;

use super::{
    super::{contact::in_contact, customers, door::Officer, event},
    is_held_by, short, subject, the_scan,
};
use crate::{App, failure::Failure};

const RULES: &str = "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'";

/// For the clerk who has the page in hand.
pub(crate) async fn in_hand(
    State(app): State<App>,
    Extension(officer): Extension<Officer>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let found = the_scan(&app, &id).await?;
    if !is_held_by(&app, &found, &officer) {
        return Err(Failure::NotFound);
    }
    shown(&app, &officer, &found).await
}

/// For who has the customer on the telephone or at the desk.
pub(crate) async fn of_customer(
    State(app): State<App>,
    Extension(officer): Extension<Officer>,
    Path((number, id)): Path<(String, String)>,
    Query(query): Query<customers::PageQuery>,
) -> Result<Response, Failure> {
    let (record, _) = in_contact(&app, &officer, &number, &query.call).await?;
    let found = the_scan(&app, &id).await?;
    if found.scan.account.as_ref() != Some(&record.customer.number) {
        return Err(Failure::NotFound);
    }
    shown(&app, &officer, &found).await
}

/// That it was looked at is written down before it is shown.
async fn shown(app: &App, officer: &Officer, found: &ScanRecord) -> Result<Response, Failure> {
    let detail = json!({ "scan": short(found) });
    let viewed = event(app, officer, "scan.viewed", subject(found), detail);
    app.portal.store.record_event(&viewed).await?;
    let picture = app.portal.scans.picture(&found.scan).await?;
    let kind = if found.scan.object.ends_with(".png") {
        "image/png"
    } else {
        "image/jpeg"
    };
    Ok(inert(picture, kind))
}

/// A picture that can do nothing, whatever is in it.
pub(in crate::staff) fn inert(picture: Vec<u8>, kind: &'static str) -> Response {
    let mut response = picture.into_response();
    let headers = response.headers_mut();
    let mut set = |name, value| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_TYPE, kind);
    set(header::CONTENT_SECURITY_POLICY, RULES);
    set(header::CONTENT_DISPOSITION, "inline");
    response
}
