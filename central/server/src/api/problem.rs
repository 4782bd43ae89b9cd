//! What the API says when it cannot answer: a status and `{"error": "one sentence"}`. Details that help only us go to the log.

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use footfall_clickhouse::QueryError;
use footfall_daemon::fault::Classify as _;
use footfall_live::LiveError;
use serde_json::json;

/// An answer that is no answer.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    sentence: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into() }
    }

    pub(super) fn bad_request(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence)
    }

    /// Too much is under way; trying again in a second may do.
    pub(super) fn busy(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, sentence)
    }
}

impl From<footfall_metadata::Error> for Problem {
    fn from(error: footfall_metadata::Error) -> Self {
        tracing::warn!(%error, "the metadata database did not answer the API");
        if error.is_transient() {
            Self::busy("the metadata database is busy; try again")
        } else {
            Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the metadata database did not answer; central's log says why",
            )
        }
    }
}

impl From<Arc<footfall_query::Error>> for Problem {
    fn from(error: Arc<footfall_query::Error>) -> Self {
        tracing::warn!(%error, "a report was not answered");
        match &*error {
            footfall_query::Error::TooMany(_) => Self::bad_request(error.to_string()),
            footfall_query::Error::Busy => Self::busy("too many reports are running; try again"),
            footfall_query::Error::Read(QueryError::Unavailable(_)) => {
                Self::busy("the event store does not answer; it may be starting, try again")
            }
            footfall_query::Error::Read(QueryError::LimitExceeded(_)) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
            }
            footfall_query::Error::Read(QueryError::Refused(_)) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the event store refused the report; central's log says why",
            ),
        }
    }
}

impl From<LiveError> for Problem {
    fn from(error: LiveError) -> Self {
        tracing::warn!(%error, "the live view was not read");
        Self::busy("the live view's server does not answer; /readyz says more")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({ "error": self.sentence }))).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
