//! Signing the declaration on a tablet or another screen, in place of paper: the page that is handed to the customer, and what
//! was signed, for who serves them later.

pub(crate) mod sheet;
pub(crate) mod strokes;

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kvit_billing::{CustomerNumber, EnrolmentId};
use kvit_store::{EnrolmentRecord, SignedSheet};
use minijinja::context;
use serde_json::json;

use super::{
    consent::{EnrolForm, Ready, keep_consent, read_back},
    contact::in_contact,
    customers::{self, PageQuery},
    desk::subject,
    door::Officer,
    event, render,
    scans::picture::inert,
};
use crate::{App, failure::Failure, front::Visitor, gate, passkeys::scripted};
use strokes::{HEIGHT, POINTS_MAX, STROKES_MAX, Strokes, WIDTH};

/// A form with the longest signature, its commas written as three letters.
pub(super) const FORM_BYTES_MAX: usize = 64 * 1024;
/// Consents that are looked through for signed sheets.
const CONSENTS_SHOWN: u32 = 50;

/// Shows the declaration to the customer; the press under the signature keeps the consent.
pub(crate) async fn sign(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Form(mut form): Form<EnrolForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let ready = match read_back(&app, &visitor, &officer, &number, &mut form).await? {
        Ok(ready) => ready,
        Err(page) => return Ok(page),
    };
    let id: EnrolmentId = form.entry.parse().map_err(|_| Failure::Foreign)?;
    let Some(written) = &form.strokes else {
        let number = &ready.record.customer.number;
        let detail = json!({ "reference": ready.contact.reference });
        let shown = event(&app, &officer, "declaration.shown", subject(number), detail);
        app.portal.store.record_event(&shown).await?;
        return sign_page(&app, &visitor, &ready, &form, &[]);
    };
    match Strokes::parse(written) {
        Ok(strokes) => {
            keep_consent(&app, &visitor, &officer, &ready, &form, id, Some(&strokes)).await
        }
        Err(why) => {
            let wrong = [("signature", why.text())];
            let page = sign_page(&app, &visitor, &ready, &form, &wrong)?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// Without the console's menu: the page is in the customer's hands.
fn sign_page(
    app: &App,
    visitor: &Visitor,
    ready: &Ready,
    form: &EnrolForm,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let customer = &ready.record.customer;
    let page = context! {
        number => customer.number.as_str(), name => customer.name.clone(), address => customers::address(customer),
        email => ready.email.as_str(), call => form.call.clone(), version => form.version, language => form.language.clone(),
        sure => form.sure.clone(), entry => form.entry.clone(), errors => gate::faults(wrong),
        declaration_version => app.portal.declaration_version.clone(),
        width => WIDTH, height => HEIGHT, strokes_max => STROKES_MAX, points_max => POINTS_MAX,
    };
    let page = render(app, visitor, None, "staff/sign.html", page)?;
    Ok(scripted(page))
}

/// A customer's consents that were signed on a screen, newest first.
pub(super) async fn sheets_of(
    app: &App,
    number: &CustomerNumber,
) -> Result<Vec<(EnrolmentRecord, SignedSheet)>, Failure> {
    let all = app
        .portal
        .store
        .enrolments_of(number, CONSENTS_SHOWN)
        .await?;
    let signed = all.into_iter().filter_map(|facts| {
        let sheet = SignedSheet::of(&facts.evidence)?;
        Some((facts.record, sheet))
    });
    Ok(signed.collect())
}

/// What was signed, for who has the customer on the telephone or at the desk. That it was looked at is written down first.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(officer): Extension<Officer>,
    Path((number, id)): Path<(String, String)>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Failure> {
    let (record, _) = in_contact(&app, &officer, &number, &query.call).await?;
    let number = &record.customer.number;
    let sheets = sheets_of(&app, number).await?;
    let found = sheets
        .into_iter()
        .find(|(given, _)| given.id.as_str() == id);
    let (given, sheet) = found.ok_or(Failure::NotFound)?;
    let detail = json!({ "enrolment": given.id.as_str(), "sha256": hex::encode(sheet.sha256) });
    let viewed = event(
        &app,
        &officer,
        "declaration.viewed",
        subject(number),
        detail,
    );
    app.portal.store.record_event(&viewed).await?;
    let svg = app.portal.scans.signed(&sheet).await?;
    Ok(inert(svg, "image/svg+xml"))
}
