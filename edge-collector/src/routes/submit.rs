//! A request that sends events, whatever its protocol: its body is read and decompressed, its submissions are decoded and
//! collected, their outcomes become one answer.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use footfall_proto::relay::DropReason;
use http::header::{CONTENT_ENCODING, HeaderName, ORIGIN, USER_AGENT};
use http::{StatusCode, request};
use hyper::body::Incoming;

use super::body::{self, BodyError};
use super::{cors, forwarded, text};
use crate::answer::Answer;
use crate::collect::{RequestFacts, collect};
use crate::content_encoding::{Encoding, InflateError, inflate};
use crate::edge::{Edge, now_ms};
use crate::outcome::{Outcome, Outcomes, Rejection};
use crate::protocol::{BodyLimit, DecodeError, Protocol};
use crate::submission::Submissions;

/// Answers a request of `protocol`.
pub(super) async fn submit(
    edge: &Arc<Edge>,
    protocol: &Protocol,
    head: &request::Parts,
    body: Incoming,
    socket: SocketAddr,
) -> Answer {
    let result = match read(edge, protocol, head, body).await {
        Ok(submissions) => Ok(collect(edge, submissions, facts(edge, head, socket)).await),
        Err(rejection) => Err(rejection),
    };
    if let Err(Rejection { reason: Some(reason), .. }) = &result {
        edge.note_refusal(*reason, "", text(&head.headers, &ORIGIN));
    }
    if protocol.cors.is_none() {
        return (protocol.answer)(head, result);
    }
    // What was not refused came from a page of the site that it names. A refusal is told to the pages of every site: whoever gave a
    // wrong tracking id or a site that is paused is to read so.
    let taken = |outcomes: &Outcomes| outcomes.iter().any(|outcome| !matches!(outcome, Outcome::Refused(_)));
    let readable = result.as_ref().is_ok_and(taken) || cors::is_known_origin(edge, &head.headers);
    let mut answer = (protocol.answer)(head, result);
    cors::share(&mut answer, &head.headers, readable);
    answer
}

/// The submissions of a request. The bytes that its body holds are accounted for until it is decoded.
async fn read(
    edge: &Edge,
    protocol: &Protocol,
    head: &request::Parts,
    body: Incoming,
) -> Result<Submissions, Rejection> {
    let decode = |plain| (protocol.decode)(head, plain).map_err(|error| undecodable(edge, &error));
    let Some(BodyLimit { received, plain }) = protocol.body else { return decode(Bytes::new()) };
    let encoding = head
        .headers
        .get(CONTENT_ENCODING)
        .map_or(Some(Encoding::Identity), |header| header.to_str().ok().and_then(Encoding::parse));
    let Some(encoding) = encoding else {
        body::discard(body).await;
        let sentence = "the body may be packed with gzip, zstd or br";
        return Err(reject(edge, StatusCode::UNSUPPORTED_MEDIA_TYPE, DropReason::Undecodable, 1, &sentence));
    };
    let (bytes, _reservation) =
        body::read(body, received, &edge.body_memory).await.map_err(|error| unread(edge, &error))?;
    edge.telemetry.body_bytes.inc_by(bytes.len() as u64);
    decode(inflate(encoding, bytes, plain).map_err(|error| uninflated(edge, &error))?)
}

fn unread(edge: &Edge, error: &BodyError) -> Rejection {
    let (status, reason) = match error {
        BodyError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, DropReason::TooLarge),
        BodyError::Slow => (StatusCode::REQUEST_TIMEOUT, DropReason::Undecodable),
        BodyError::Broken(_) => (StatusCode::BAD_REQUEST, DropReason::Undecodable),
        // The client tries again: nothing is dropped.
        BodyError::Overloaded => {
            let sentence = error.to_string().into();
            return Rejection { status: StatusCode::SERVICE_UNAVAILABLE, reason: None, sentence };
        }
    };
    reject(edge, status, reason, 1, error)
}

fn uninflated(edge: &Edge, error: &InflateError) -> Rejection {
    let (status, reason) = match error {
        InflateError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, DropReason::TooLarge),
        InflateError::Damaged(_) => (StatusCode::BAD_REQUEST, DropReason::Undecodable),
    };
    reject(edge, status, reason, 1, error)
}

fn undecodable(edge: &Edge, error: &DecodeError) -> Rejection {
    let DecodeError::TooMany { tracking_id, count } = error else {
        return reject(edge, StatusCode::BAD_REQUEST, DropReason::Undecodable, 1, error);
    };
    if let Some(policy) = edge.policies.current()
        && let Some(site) = policy.site(tracking_id)
    {
        edge.tallies.add(&site.website_id, policy.id, DropReason::TooLarge, *count as u64);
    }
    reject(edge, StatusCode::PAYLOAD_TOO_LARGE, DropReason::TooLarge, *count, error)
}

/// Counts what is dropped with the request.
fn reject(
    edge: &Edge,
    status: StatusCode,
    reason: DropReason,
    count: usize,
    sentence: &dyn Display,
) -> Rejection {
    edge.telemetry.drop_events(reason, count as u64);
    Rejection { status, reason: Some(reason), sentence: sentence.to_string().into() }
}

fn facts<'a>(edge: &Edge, head: &'a request::Parts, socket: SocketAddr) -> RequestFacts<'a> {
    let headers = &head.headers;
    let flag = |name: &HeaderName| text(headers, name).is_some_and(|value| value.trim() == "1");
    RequestFacts {
        now_ms: now_ms(),
        address: edge.peers.client(socket.ip(), forwarded(headers)),
        user_agent: text(headers, &USER_AGENT).unwrap_or_default(),
        origin: headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default()),
        gpc: flag(&HeaderName::from_static("sec-gpc")),
        dnt: flag(&HeaderName::from_static("dnt")),
        hint_platform: text(headers, &HeaderName::from_static("sec-ch-ua-platform")),
        hint_mobile: text(headers, &HeaderName::from_static("sec-ch-ua-mobile")),
    }
}
