//! What goes wrong while a page is made. The front door turns it into a page in the visitor's
//! language; the visitor never sees the cause.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use kvit_store::StoreError;

use crate::{DocumentError, NoSample, credentials::HashError};

/// Why a request got no page of its own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no such page")]
    NotFound,
    #[error("a form of another site, or an old one")]
    Foreign,
    #[error("a form that was made for another customer number")]
    OtherNumber,
    /// Not here: at this address stands what has to be done first.
    #[error("see {0}")]
    See(String),
    #[error("the store did not answer")]
    Store(#[from] StoreError),
    #[error("a page could not be made")]
    Page(#[source] minijinja::Error),
    #[error("a document could not be read")]
    Document(#[from] DocumentError),
    #[error("a password could not be hashed")]
    Password(#[from] HashError),
    #[error("our key at a payment system does not sign")]
    PayKey(#[source] kvit_pay::KeyError),
    #[error(transparent)]
    Sample(#[from] NoSample),
    #[error("documents could not be put into one file")]
    Zip(#[source] zip::result::ZipError),
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND.into_response(),
            Self::Foreign => StatusCode::FORBIDDEN.into_response(),
            Self::OtherNumber => StatusCode::CONFLICT.into_response(),
            Self::See(to) => (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response(),
            fault => {
                let mut chain = fault.to_string();
                let mut cause = std::error::Error::source(&fault);
                while let Some(inner) = cause {
                    chain.push_str(": ");
                    chain.push_str(&inner.to_string());
                    cause = inner.source();
                }
                tracing::error!(error = %chain, "portal request failed");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}
