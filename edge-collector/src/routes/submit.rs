//! A request that sends events, whatever its protocol: its body is read and decompressed, its submissions are decoded and
//! collected, their outcomes become one answer.

use std::borrow::Cow;
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use footfall_proto::limits::MAX_EVENTS_PER_BATCH;
use footfall_proto::relay::DropReason;
use http::header::{CONTENT_ENCODING, HeaderMap, HeaderName, ORIGIN, USER_AGENT};
use http::{StatusCode, request};
use hyper::body::Incoming;

use super::body::{self, BodyError};
use super::{cors, forwarded};
use crate::answer::Answer;
use crate::collect::{RequestFacts, collect};
use crate::content_encoding::{Encoding, InflateError, inflate};
use crate::decoding::DecodingError;
use crate::edge::{Edge, now_ms};
use crate::header_text;
use crate::memory_budget::{Exhausted, Reservation};
use crate::outcome::{Outcome, Outcomes, Rejection};
use crate::protocol::{BodyLimit, DecodeError, Protocol};
use crate::submission::Submissions;

/// A body that is no larger and not compressed is decoded at once, where it was read: that takes less than a millisecond, whatever it holds.
const LIGHT_BYTES: usize = 16 * 1024;
/// What is made of a plain byte, at most: its texts, and once more in the encoded event.
const MADE_OF_A_BYTE: usize = 2;
/// What is made of an event beside its texts, at most: its fields and slots, as written and as read.
const MADE_OF_AN_EVENT: usize = 4 * 1024;

/// Answers a request of `protocol`.
pub(super) async fn submit(
    edge: &Arc<Edge>,
    protocol: &'static Protocol,
    head: &request::Parts,
    body: Incoming,
    socket: SocketAddr,
) -> Answer {
    let result = match read(edge, protocol, head, body).await {
        Ok(submissions) => {
            let texts = Texts::of(&head.headers);
            Ok(collect(edge, submissions, texts.facts(edge, head, socket)).await)
        }
        Err(rejection) => Err(rejection),
    };
    if let Err(Rejection { reason: Some(reason), .. }) = &result {
        edge.note_refusal(*reason, "", header_text::named(&head.headers, &ORIGIN).as_deref());
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

/// The submissions of a request. The bytes that its body holds are accounted for until it is decoded, those of a heavy one until its
/// submissions are decided.
async fn read(
    edge: &Edge,
    protocol: &'static Protocol,
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
    let (bytes, memory) =
        body::read(body, received, &edge.body_memory).await.map_err(|error| unread(edge, &error))?;
    edge.telemetry.body_bytes.inc_by(bytes.len() as u64);
    if encoding == Encoding::Identity && bytes.len() <= LIGHT_BYTES {
        return decode(bytes);
    }
    let heavy = Heavy { protocol, head: head.clone(), encoding, bytes, limit: plain, memory };
    match edge.decoding.run(move || heavy.decode()).await {
        Ok(decoded) => decoded.map_err(|error| match error {
            HeavyError::Inflate(error) => uninflated(edge, &error),
            HeavyError::Decode(error) => undecodable(edge, &error),
            HeavyError::Overloaded(error) => later(&error),
        }),
        Err(error @ DecodingError::Full) => Err(later(&error)),
        Err(error @ DecodingError::Broken) => {
            Err(reject(edge, StatusCode::BAD_REQUEST, DropReason::Undecodable, 1, &error))
        }
    }
}

/// A body that is decompressed and decoded beside the thread that serves its connection.
struct Heavy {
    protocol: &'static Protocol,
    head: request::Parts,
    encoding: Encoding,
    bytes: Bytes,
    /// What it may be when it is plain, bytes.
    limit: usize,
    memory: Reservation,
}

impl Heavy {
    fn decode(mut self) -> Result<Submissions, HeavyError> {
        let plain = inflate(self.encoding, self.bytes, self.limit, &mut self.memory)?;
        self.memory.grow(MADE_OF_A_BYTE * plain.len() + MAX_EVENTS_PER_BATCH * MADE_OF_AN_EVENT)?;
        let mut submissions = (self.protocol.decode)(&self.head, plain)?;
        if let Some(last) = submissions.last_mut() {
            last.memory = Some(self.memory);
        }
        Ok(submissions)
    }
}

/// Why a heavy body became no submissions.
#[derive(Debug, thiserror::Error)]
enum HeavyError {
    #[error(transparent)]
    Inflate(#[from] InflateError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Overloaded(#[from] Exhausted),
}

fn unread(edge: &Edge, error: &BodyError) -> Rejection {
    let (status, reason) = match error {
        BodyError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, DropReason::TooLarge),
        BodyError::Slow => (StatusCode::REQUEST_TIMEOUT, DropReason::Undecodable),
        BodyError::Broken(_) => (StatusCode::BAD_REQUEST, DropReason::Undecodable),
        BodyError::Overloaded(_) => return later(error),
    };
    reject(edge, status, reason, 1, error)
}

fn uninflated(edge: &Edge, error: &InflateError) -> Rejection {
    let (status, reason) = match error {
        InflateError::TooLarge { .. } | InflateError::Expands => {
            (StatusCode::PAYLOAD_TOO_LARGE, DropReason::TooLarge)
        }
        InflateError::Damaged(_) => (StatusCode::BAD_REQUEST, DropReason::Undecodable),
        InflateError::Overloaded(_) => return later(error),
    };
    reject(edge, status, reason, 1, error)
}

/// The client tries again: nothing is dropped.
fn later(error: &dyn Display) -> Rejection {
    Rejection { status: StatusCode::SERVICE_UNAVAILABLE, reason: None, sentence: error.to_string().into() }
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

/// What a request's headers say of the visitor, as text.
struct Texts<'a> {
    user_agent: Option<Cow<'a, str>>,
    origin: Option<Cow<'a, str>>,
    hint_platform: Option<Cow<'a, str>>,
    hint_mobile: Option<Cow<'a, str>>,
    hint_brands: Option<Cow<'a, str>>,
}

impl<'a> Texts<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let hint = |name| header_text::named(headers, &HeaderName::from_static(name));
        Self {
            user_agent: header_text::named(headers, &USER_AGENT),
            origin: header_text::named(headers, &ORIGIN),
            hint_platform: hint("sec-ch-ua-platform"),
            hint_mobile: hint("sec-ch-ua-mobile"),
            hint_brands: hint("sec-ch-ua"),
        }
    }

    fn facts(&self, edge: &Edge, head: &request::Parts, socket: SocketAddr) -> RequestFacts<'_> {
        let headers = &head.headers;
        let flag = |name| {
            let name = HeaderName::from_static(name);
            headers.get_all(name).iter().any(|value| value.as_bytes().trim_ascii() == b"1")
        };
        RequestFacts {
            now_ms: now_ms(),
            address: edge.peers.client(socket.ip(), forwarded(headers)),
            user_agent: self.user_agent.as_deref().unwrap_or_default(),
            origin: self.origin.as_deref(),
            gpc: flag("sec-gpc"),
            dnt: flag("dnt"),
            hint_platform: self.hint_platform.as_deref(),
            hint_mobile: self.hint_mobile.as_deref(),
            hint_brands: self.hint_brands.as_deref(),
        }
    }
}
