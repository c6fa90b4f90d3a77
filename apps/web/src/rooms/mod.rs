//! What each address of the portal does, a room a file.

pub(crate) mod again;
pub(crate) mod autopay;
pub(crate) mod bills;
pub(crate) mod code;
pub(crate) mod copies;
pub(crate) mod enrol;
pub(crate) mod info;
pub(crate) mod language;
pub(crate) mod links;
pub(crate) mod mine;
pub(crate) mod paper;
pub(crate) mod passkeys;
pub(crate) mod password;
pub(crate) mod pay;
pub(crate) mod pay_calls;
pub(crate) mod payments;
pub(crate) mod points;
pub(crate) mod readers;
pub(crate) mod reminders;
pub(crate) mod sessions;
pub(crate) mod sign_in;
pub(crate) mod usage;
pub(crate) mod year;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{Timestamp, civil::Time};
use kvit_billing::{BillKind, CustomerNumber, Language, reference::CreditorReference};
use kvit_store::{BillRecord, CustomerRecord, Event};
use minijinja::{Value, context};
use serde_json::json;

use crate::{App, front::Visitor};

/// To another page, by GET.
pub(crate) fn go(path: &'static str) -> Response {
    let to = [(header::LOCATION, HeaderValue::from_static(path))];
    (StatusCode::SEE_OTHER, to).into_response()
}

/// What a customer does, for the trail.
pub(crate) fn act(app: &App, visitor: &Visitor, customer: &CustomerNumber, what: &str) -> Event {
    let subject = format!("customer/{customer}");
    Event {
        at: app.portal.clock.now(),
        who: subject.clone(),
        what: what.to_owned(),
        subject,
        detail: json!({ "address": visitor.address }),
    }
}

/// When the party came that has this number now, where another had it before: what is older is none of its business.
pub(crate) fn came_at(app: &App, customer: &CustomerRecord) -> Option<Timestamp> {
    let since = customer.holder_since?;
    let midnight = since.to_datetime(Time::midnight());
    app.portal.time_zone.to_timestamp(midnight).ok()
}

/// The text that names a kind of bill.
pub(crate) const fn kind_text(kind: BillKind) -> &'static str {
    match kind {
        BillKind::Invoice => "kind-invoice",
        BillKind::CreditNote => "kind-credit",
        BillKind::DebitNote => "kind-debit",
    }
}

/// A bill as pages show it.
pub(crate) fn shown(app: &App, language: Language, bill: &BillRecord) -> Value {
    let texts = app.pages.texts(language);
    let kind = kind_text(bill.kind);
    let sha256 = hex::encode(bill.sha256);
    // In groups, on one line.
    let reference = CreditorReference::of(bill.number)
        .to_string()
        .replace(' ', "\u{a0}");
    context! {
        number => bill.number.to_string(), kind => texts.say(kind, &[]),
        period => texts.period(bill.period), due => texts.date(bill.due_date),
        issued => texts.date(bill.issue_date), to_pay => texts.money(bill.to_pay, &bill.currency),
        gross => texts.money(bill.gross, &bill.currency),
        payable => bill.kind != BillKind::CreditNote && bill.to_pay.get() > 0,
        reference, sha256,
    }
}
