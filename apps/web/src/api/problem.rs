//! What went wrong, as RFC 9457 writes it: what it is, and what to do.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use kvit_store::{ApiAnswer, StoreError};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{App, DocumentError, failure::Failure};

pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// A refused or failed call.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// Which problem it is: `urn:kvit:problem:` and a word that stays.
    #[serde(rename = "type")]
    kind: String,
    /// The same in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What was found, and what to do.
    detail: String,
    /// Every fault of what was sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    errors: Vec<Fault>,
    #[serde(skip)]
    retry_after_s: Option<i64>,
}

/// One fault of what was sent.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Fault {
    /// Where: a JSON pointer into the body, a parameter or a header.
    pub(crate) at: String,
    /// What was expected.
    pub(crate) detail: String,
}

/// Which problem: status, word, title.
pub(crate) type Kind = (StatusCode, &'static str, &'static str);

pub(crate) const BAD: Kind = (
    StatusCode::UNPROCESSABLE_ENTITY,
    "not-valid",
    "What was sent is not valid",
);
pub(crate) const NO_TOKEN: Kind = (
    StatusCode::UNAUTHORIZED,
    "no-token",
    "No token that works was sent",
);
pub(crate) const NO_SCOPE: Kind = (
    StatusCode::FORBIDDEN,
    "no-scope",
    "The token has no scope for this",
);
pub(crate) const NOT_FOUND: Kind = (StatusCode::NOT_FOUND, "not-found", "There is no such thing");
pub(crate) const NO_METHOD: Kind = (
    StatusCode::METHOD_NOT_ALLOWED,
    "no-method",
    "This address does not take this method",
);
pub(crate) const TOO_MANY: Kind = (
    StatusCode::TOO_MANY_REQUESTS,
    "too-many",
    "Too many calls in a short time",
);
pub(crate) const LOCKED: Kind = (
    StatusCode::TOO_MANY_REQUESTS,
    "locked",
    "Too many wrong codes",
);
pub(crate) const NO_KEY: Kind = (
    StatusCode::BAD_REQUEST,
    "no-key",
    "A change needs an Idempotency-Key",
);
pub(crate) const KEY_REUSED: Kind = (
    StatusCode::UNPROCESSABLE_ENTITY,
    "key-reused",
    "Under this Idempotency-Key something else was asked for",
);
pub(crate) const UNDER_WAY: Kind = (
    StatusCode::CONFLICT,
    "under-way",
    "The same change is being made",
);
pub(crate) const NO_VERSION: Kind = (
    StatusCode::PRECONDITION_REQUIRED,
    "no-version",
    "The change needs If-Match",
);
pub(crate) const OUTDATED: Kind = (
    StatusCode::PRECONDITION_FAILED,
    "outdated",
    "Somebody changed it since",
);
pub(crate) const SAME: Kind = (
    StatusCode::CONFLICT,
    "same-address",
    "The bills go to this address already",
);
pub(crate) const NO_EBILL: Kind = (
    StatusCode::CONFLICT,
    "no-ebill",
    "This customer's bills come on paper",
);
pub(crate) const ON_ITS_WAY: Kind = (
    StatusCode::CONFLICT,
    "on-its-way",
    "A mail with this bill waits to be sent",
);

impl Problem {
    pub(crate) fn new((status, word, title): Kind, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:kvit:problem:{word}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_s: None,
        }
    }

    /// What was sent has these faults.
    pub(crate) fn faults(errors: Vec<Fault>) -> Self {
        Self {
            errors,
            ..Self::new(
                BAD,
                "Put right what errors names, and send it again. Nothing was changed.",
            )
        }
    }

    /// It may be tried again then.
    pub(crate) fn until(self, until: Timestamp, now: Timestamp) -> Self {
        let wait = until.duration_since(now).max(SignedDuration::from_secs(1));
        Self {
            retry_after_s: Some(wait.as_secs()),
            ..self
        }
    }

    /// The problem of an answer that has no words of its own.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let (word, title, detail) = match status {
            StatusCode::NOT_FOUND => {
                return Self::new(
                    NOT_FOUND,
                    "Look at the address; /api/v1/openapi.json lists all of them.",
                );
            }
            StatusCode::REQUEST_TIMEOUT => (
                "slow",
                "It took too long",
                "Send it again; a change under the same Idempotency-Key.",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => (
                "too-large",
                "The body is too large",
                "No call takes more than 16 KiB.",
            ),
            status if status.is_server_error() => (
                "inside",
                "Something went wrong here",
                "Send it again later, a change under the same Idempotency-Key. The operator's log says what it was.",
            ),
            _ => (
                "not-understood",
                "The call was not understood",
                "Hold it against /api/v1/openapi.json.",
            ),
        };
        Self::new((status, word, title), detail)
    }

    /// As it is kept with a change.
    pub(crate) fn answer(&self) -> ApiAnswer {
        ApiAnswer {
            status: self.status,
            body: serde_json::to_string(self).unwrap_or_default(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let retry = self.retry_after_s;
        let mut response = answered(self.answer());
        let headers = response.headers_mut();
        if let Some(seconds) = retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if response.status() == StatusCode::UNAUTHORIZED {
            let headers = response.headers_mut();
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// An answer as it travels.
pub(crate) fn answered(answer: ApiAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let media_type = match status.is_success() {
        true => "application/json",
        false => MEDIA_TYPE,
    };
    (status, [(header::CONTENT_TYPE, media_type)], answer.body).into_response()
}

/// Why a call got no answer of its own.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The caller can do something about it.
    Problem(Box<Problem>),
    /// The caller cannot.
    Failure(Failure),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<DocumentError> for Refused {
    fn from(error: DocumentError) -> Self {
        Self::Failure(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Failure(failure) => failure.into_response(),
        }
    }
}

/// Too many of something until then.
pub(crate) fn wait(app: &App, kind: Kind, until: Timestamp, detail: &str) -> Problem {
    Problem::new(kind, detail).until(until, app.portal.clock.now())
}
