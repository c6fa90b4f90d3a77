//! The API for the operator's own systems, such as a CRM and a telephone robot, under `/api/v1`.
//!
//! [`API_OPERATIONS`] says what there is and which scope it needs. The door lets nothing through that is
//! not in it, and the OpenAPI document is made of it: an operation that somebody forgets to list is closed
//! to everybody and documented to nobody.

mod change;
mod document;
mod door;
mod problem;
mod read;
mod tokens;
mod verify;
mod views;

use std::time::Duration;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware,
    routing::{any, get, post},
};
use kvit_store::{ApiScope, Event};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

use crate::{App, BODY_MAX_BYTES, REQUEST_MAX_SECONDS, doors::Doors};
pub use document::openapi;
use door::Caller;
pub(crate) use door::Rates;
pub use door::TOKEN_PREFIX as API_TOKEN_PREFIX;
pub use tokens::{
    MadeToken, TokenState, end_of_token, last_day_of_token, make_token, scopes_detail,
};

/// One thing that the API does.
pub struct Operation {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Its address.
    pub path: &'static str,
    /// The scope that a token needs; none where nobody is asked who they are.
    pub scope: Option<ApiScope>,
    name: &'static str,
    summary: &'static str,
    query: &'static [document::Parameter],
    /// What it takes in its body.
    takes: Option<Shape>,
    /// What it gives, and with which status.
    gives: Gives,
    kind: What,
}

/// What an operation does to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Nothing.
    Reads,
    /// It reads, and its answer has a version.
    ReadsVersion,
    /// It changes something, once under an Idempotency-Key.
    Changes,
    /// The same, and it needs the version of what is changed.
    ChangesVersion,
}

#[derive(Clone, Copy)]
enum Gives {
    Json(u16, Shape),
    /// A sealed bill.
    Pdf,
    /// The document of the API.
    Document,
}

type Shape = fn(&mut SchemaGenerator) -> Schema;

fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

impl Operation {
    /// Whether it changes something, and so needs an Idempotency-Key.
    #[must_use]
    pub fn changes(&self) -> bool {
        matches!(self.kind, What::Changes | What::ChangesVersion)
    }
}

const OPENAPI: &str = "/api/v1/openapi.json";

/// Everything that the API does, and the scope that it needs.
pub const API_OPERATIONS: &[Operation] = &[
    Operation {
        method: "GET",
        path: OPENAPI,
        scope: None,
        name: "document",
        summary: "This document.",
        query: &[],
        takes: None,
        gives: Gives::Document,
        kind: What::Reads,
    },
    Operation {
        method: "POST",
        path: "/api/v1/customers/search",
        scope: Some(ApiScope::CustomersRead),
        name: "findCustomers",
        summary: "Finds customers by telephone number. It travels in the body: addresses get into logs.",
        query: &[],
        takes: Some(shape::<views::Wanted>),
        gives: Gives::Json(200, shape::<views::Found>),
        kind: What::Reads,
    },
    Operation {
        method: "GET",
        path: "/api/v1/customers/{customer}",
        scope: Some(ApiScope::CustomersRead),
        name: "getCustomer",
        summary: "A customer by number.",
        query: &[],
        takes: None,
        gives: Gives::Json(200, shape::<views::Customer>),
        kind: What::Reads,
    },
    Operation {
        method: "GET",
        path: "/api/v1/customers/{customer}/enrolment",
        scope: Some(ApiScope::CustomersRead),
        name: "getEnrolment",
        summary: "How a customer's bills travel. The ETag is the version that a change needs.",
        query: &[],
        takes: None,
        gives: Gives::Json(200, shape::<views::Enrolment>),
        kind: What::ReadsVersion,
    },
    Operation {
        method: "POST",
        path: "/api/v1/customers/{customer}/enrolment",
        scope: Some(ApiScope::EnrolmentsWrite),
        name: "enrol",
        summary: "Hands in a consent to e-bills, or another address of who has them. The address counts once its owner pressed the button behind the link that is mailed to it.",
        query: &[],
        takes: Some(shape::<views::Consent>),
        gives: Gives::Json(202, shape::<views::Enrolled>),
        kind: What::ChangesVersion,
    },
    Operation {
        method: "POST",
        path: "/api/v1/customers/{customer}/paper",
        scope: Some(ApiScope::EnrolmentsWrite),
        name: "toPaper",
        summary: "Back to paper, at once.",
        query: &[],
        takes: Some(shape::<views::ToPaper>),
        gives: Gives::Json(200, shape::<views::OnPaper>),
        kind: What::ChangesVersion,
    },
    Operation {
        method: "GET",
        path: "/api/v1/customers/{customer}/history",
        scope: Some(ApiScope::CustomersRead),
        name: "getHistory",
        summary: "What happened with a customer, in words.",
        query: &[document::LANGUAGE],
        takes: None,
        gives: Gives::Json(200, shape::<views::History>),
        kind: What::Reads,
    },
    Operation {
        method: "GET",
        path: "/api/v1/customers/{customer}/bills",
        scope: Some(ApiScope::BillsRead),
        name: "listBills",
        summary: "A customer's bills, newest first, page by page.",
        query: &[document::CURSOR, document::LIMIT],
        takes: None,
        gives: Gives::Json(200, shape::<views::Bills>),
        kind: What::Reads,
    },
    Operation {
        method: "GET",
        path: "/api/v1/customers/{customer}/balance",
        scope: Some(ApiScope::BillsRead),
        name: "getBalance",
        summary: "What a customer owes, and for which bills.",
        query: &[],
        takes: None,
        gives: Gives::Json(200, shape::<views::Balance>),
        kind: What::Reads,
    },
    Operation {
        method: "GET",
        path: "/api/v1/bills/{bill}",
        scope: Some(ApiScope::BillsRead),
        name: "getBill",
        summary: "A bill, what is open of it, and how it travelled.",
        query: &[],
        takes: None,
        gives: Gives::Json(200, shape::<views::BillState>),
        kind: What::Reads,
    },
    Operation {
        method: "GET",
        path: "/api/v1/bills/{bill}/pdf",
        scope: Some(ApiScope::BillsDocument),
        name: "getBillPdf",
        summary: "The sealed document of a bill as the customer has it. Their authorization code is printed on it: whoever reads it can act for them.",
        query: &[],
        takes: None,
        gives: Gives::Pdf,
        kind: What::Reads,
    },
    Operation {
        method: "POST",
        path: "/api/v1/bills/{bill}/send",
        scope: Some(ApiScope::BillsSend),
        name: "sendBill",
        summary: "Sends a bill once more, to the address that gets the bills now.",
        query: &[],
        takes: None,
        gives: Gives::Json(202, shape::<views::Sent>),
        kind: What::Changes,
    },
    Operation {
        method: "POST",
        path: "/api/v1/codes/verify",
        scope: Some(ApiScope::CodesVerify),
        name: "verifyCode",
        summary: "Whether a customer number and an authorization code belong together. Wrong codes count: for the number, for the caller, and everywhere.",
        query: &[],
        takes: Some(shape::<views::Said>),
        gives: Gives::Json(200, shape::<views::Verified>),
        kind: What::Reads,
    },
];

/// The operation at this address.
fn operation(method: &str, path: &str) -> Option<&'static Operation> {
    let here = |one: &&Operation| one.method == method && one.path == path;
    API_OPERATIONS.iter().find(here)
}

pub(crate) fn router(doors: Doors) -> Router {
    Router::new()
        .route(OPENAPI, get(document::document))
        .route("/api/v1/customers/search", post(read::find))
        .route("/api/v1/customers/{customer}", get(read::customer))
        .route(
            "/api/v1/customers/{customer}/enrolment",
            get(read::enrolment).post(change::enrol),
        )
        .route("/api/v1/customers/{customer}/paper", post(change::paper))
        .route("/api/v1/customers/{customer}/history", get(read::history))
        .route("/api/v1/customers/{customer}/bills", get(read::bills))
        .route("/api/v1/customers/{customer}/balance", get(read::balance))
        .route("/api/v1/bills/{bill}", get(read::bill))
        .route("/api/v1/bills/{bill}/pdf", get(read::pdf))
        .route("/api/v1/bills/{bill}/send", post(change::send))
        .route("/api/v1/codes/verify", post(verify::verify))
        .route_layer(middleware::from_fn_with_state(doors.clone(), door::guard))
        .route("/api/{*rest}", any(|| async { StatusCode::NOT_FOUND }))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            Duration::from_secs(REQUEST_MAX_SECONDS),
        ))
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(doors.clone(), door::outer))
        .with_state(doors)
}

/// An entry of the audit trail: what this caller does now.
fn event(
    app: &App,
    caller: &Caller,
    what: &str,
    subject: String,
    detail: serde_json::Value,
) -> Event {
    Event {
        at: app.portal.clock.now(),
        who: caller.who(),
        what: what.to_owned(),
        subject,
        detail,
    }
}
