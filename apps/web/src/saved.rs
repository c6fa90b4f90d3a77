//! Answers that a browser keeps as a file.

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};

pub(crate) const CSV: &str = "text/csv; charset=utf-8";
pub(crate) const XML: &str = "application/xml";

/// A file that the browser saves, whole or while it is made. `name` is made by us, of letters, digits, dashes and
/// a dot.
pub(crate) fn saved_as(name: &str, media_type: &'static str, body: impl Into<Body>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (headers, body.into()).into_response()
}
