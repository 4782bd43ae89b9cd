//! Footfall's own protocol, `POST /e`: a `BeaconBatch` or the documented JSON, one submission either way. The answer is
//! empty when every event was accepted, else JSON that says what became of each.

mod json;
mod protobuf;

use bytes::Bytes;
use footfall_proto::limits::{MAX_BODY_BYTES, MAX_PLAIN_BODY_BYTES};
use footfall_proto::reason;
use http::header::ACCEPT;
use http::{Method, StatusCode, request};
use serde_json::json;
use smallvec::smallvec;

use super::{BodyLimit, Cors, DecodeError, Protocol};
use crate::answer::{self, Answer};
use crate::outcome::{self, Outcomes, Rejection, Taken};
use crate::submission::Submission;

/// What the beacon speaks, and whoever writes JSON by hand.
pub static PROTOCOL: Protocol = Protocol {
    name: "e",
    paths: &["/e"],
    methods: &[Method::POST],
    cors: Some(Cors { request_headers: "Content-Type, Content-Encoding, Accept" }),
    body: Some(BodyLimit { received: MAX_BODY_BYTES, plain: MAX_PLAIN_BODY_BYTES }),
    decode: |_, body| read(body).map(|submission| smallvec![submission]),
    answer,
};

/// Reads a plain body: JSON when it begins like it, else protobuf, no batch of which begins so.
fn read(body: Bytes) -> Result<Submission, DecodeError> {
    match body.first() {
        None => Err(DecodeError::Empty),
        Some(b'{' | b'[') => json::read(&body),
        Some(_) => protobuf::read(body),
    }
}

fn answer(head: &request::Parts, result: Result<Outcomes, Rejection>) -> Answer {
    let Taken { accepted, dropped } = match outcome::of_one(result) {
        Ok(taken) => taken,
        Err(rejection) => return answer::rejection(&rejection),
    };
    let accept = head.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let wants_json = accept.is_some_and(|accept| accept.contains("application/json"));
    if dropped.is_empty() && !wants_json {
        return answer::empty(StatusCode::NO_CONTENT);
    }
    let rows: Vec<_> = dropped
        .iter()
        .map(|dropped| json!({ "index": dropped.index, "reason": reason::name(dropped.reason) }))
        .collect();
    let mut answer = answer::json(StatusCode::OK, &json!({ "accepted": accepted, "dropped": rows }));
    answer::name_first_reason(&mut answer, &dropped);
    answer
}
