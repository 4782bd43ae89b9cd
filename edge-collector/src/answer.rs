//! The answers that clients see: statuses, headers and the JSON that says what became of each event.

use bytes::Bytes;
use footfall_proto::reason;
use footfall_proto::relay::DropReason;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_TYPE, HeaderName,
    HeaderValue, RETRY_AFTER, VARY,
};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::collect::{Dropped, Outcome};

/// What the edge answers with.
pub type Answer = Response<Full<Bytes>>;

/// Says in one word why something was refused or dropped.
pub const REASON: HeaderName = HeaderName::from_static("x-footfall-reason");

/// Seconds after which a client may try again.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("5");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EXPOSED: HeaderValue = HeaderValue::from_static("Retry-After, X-Footfall-Reason");

/// The smallest transparent GIF.
const PIXEL: [u8; 43] = *b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

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

/// A refusal with its reason as a header and one sentence as JSON.
#[must_use]
pub fn refusal(status: StatusCode, reason: &'static str, sentence: &str) -> Answer {
    let mut answer = json(status, &json!({ "error": sentence, "reason": reason }));
    answer.headers_mut().insert(REASON, HeaderValue::from_static(reason));
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        answer.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
    }
    answer
}

/// What became of a `POST /e`.
#[must_use]
pub fn outcome(outcome: &Outcome, wants_json: bool) -> Answer {
    match outcome {
        Outcome::Taken { dropped, .. } if dropped.is_empty() && !wants_json => empty(StatusCode::NO_CONTENT),
        Outcome::Taken { accepted, dropped } => {
            let rows: Vec<_> = dropped
                .iter()
                .map(|dropped| json!({ "index": dropped.index, "reason": reason::name(dropped.reason) }))
                .collect();
            let mut answer = json(StatusCode::OK, &json!({ "accepted": accepted, "dropped": rows }));
            name_first(&mut answer, dropped);
            answer
        }
        Outcome::Refused(why) => {
            let sentence = match why {
                DropReason::UnknownSite => "no site has this tracking id",
                DropReason::PausedSite => "this site takes no events at the moment",
                DropReason::Origin => "pages of this origin may not send events for this site",
                _ => "these events are not taken",
            };
            refusal(StatusCode::FORBIDDEN, reason::name(*why), sentence)
        }
        Outcome::TooLarge => refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            reason::name(DropReason::TooLarge),
            "the events are too large together",
        ),
        Outcome::Unavailable(why) => refusal(StatusCode::SERVICE_UNAVAILABLE, "unavailable", why),
    }
}

/// What became of a `GET /p.gif`: an image unless it was refused, so that a page shows nothing broken.
#[must_use]
pub fn pixel(result: &Outcome) -> Answer {
    let mut answer = match result {
        Outcome::Taken { dropped, .. } => {
            let mut answer = Response::new(Full::from(Bytes::from_static(&PIXEL)));
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/gif"));
            name_first(&mut answer, dropped);
            answer
        }
        refused => outcome(refused, false),
    };
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store, max-age=0"));
    answer
}

fn name_first(answer: &mut Answer, dropped: &[Dropped]) {
    if let Some(first) = dropped.first() {
        answer.headers_mut().insert(REASON, HeaderValue::from_static(reason::name(first.reason)));
    }
}

/// Lets a page of `origin` read the answer; `None` when it may not, or when no page asked.
pub fn share_with(answer: &mut Answer, origin: Option<HeaderValue>) {
    let headers = answer.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
