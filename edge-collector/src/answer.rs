//! What the answers of several protocols have in common: empty ones, JSON, rejections and their reasons.

use bytes::Bytes;
use footfall_proto::reason;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::outcome::{Dropped, Rejection};

/// What the edge answers with.
pub type Answer = Response<Full<Bytes>>;

/// Says in one word why something was refused or dropped.
pub const REASON: HeaderName = HeaderName::from_static("x-footfall-reason");

/// Seconds after which a client may try again.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("5");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An empty answer.
#[must_use]
pub fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

/// An answer in JSON.
#[must_use]
pub fn json(status: StatusCode, body: &serde_json::Value) -> Answer {
    let mut answer = Response::new(Full::from(body.to_string()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, JSON);
    answer
}

/// Why nothing was taken: the reason as a header, and one sentence as JSON.
#[must_use]
pub fn rejection(rejection: &Rejection) -> Answer {
    let reason = rejection.reason.map_or("unavailable", reason::name);
    let mut answer = json(rejection.status, &json!({ "error": rejection.sentence, "reason": reason }));
    answer.headers_mut().insert(REASON, HeaderValue::from_static(reason));
    if matches!(rejection.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        answer.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
    }
    answer
}

/// Names the reason of the first dropped event in a header.
pub fn name_first_reason(answer: &mut Answer, dropped: &[Dropped]) {
    if let Some(first) = dropped.first() {
        answer.headers_mut().insert(REASON, HeaderValue::from_static(reason::name(first.reason)));
    }
}
