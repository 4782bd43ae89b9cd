//! From an HTTP request to an answer: finds the route, reads headers and body, and leaves the rest to [`crate::collect`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use footfall_proto::reason;
use footfall_proto::relay::DropReason;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, HeaderValue, IF_NONE_MATCH, ORIGIN, REFERER, USER_AGENT, VARY,
};
use http::{Method, Request, StatusCode, request};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::json;

use crate::admit::origin_authority;
use crate::answer::{self, Answer, refusal};
use crate::assets::Asset;
use crate::collect::{Caller, Outcome, collect};
use crate::content_encoding::{Encoding, InflateError, inflate};
use crate::edge::{Edge, now_ms};
use crate::protocol::{footfall, pixel};
use crate::submission::{DecodeError, Submission};

pub mod body;

use body::BodyError;

/// Answers one request; never fails.
pub async fn answer(edge: Arc<Edge>, request: Request<Incoming>, socket: SocketAddr) -> Answer {
    let began = Instant::now();
    let (head, body) = request.into_parts();
    let (route, answer) = match (&head.method, head.uri.path()) {
        (&Method::POST, "/e") => ("e", events(&edge, &head, body, socket).await),
        (&Method::OPTIONS, "/e") => ("preflight", preflight(&edge, &head)),
        (_, "/e") => ("e", not_allowed("POST, OPTIONS")),
        (&Method::GET, "/p.gif") => ("pixel", image(&edge, &head, socket).await),
        (_, "/p.gif") => ("pixel", not_allowed("GET")),
        (&Method::GET | &Method::HEAD, path) => match edge.assets.get(path) {
            Some(asset) => ("asset", file(asset, &head)),
            None => inside(&edge, &head, socket),
        },
        _ => ("none", answer::empty(StatusCode::NOT_FOUND)),
    };
    if matches!(route, "e" | "pixel") {
        edge.telemetry.answer_seconds.observe(began.elapsed().as_secs_f64());
    }
    edge.telemetry.answer(route, answer.status().as_u16());
    answer
}

async fn events(edge: &Arc<Edge>, head: &request::Parts, body: Incoming, socket: SocketAddr) -> Answer {
    let origin = text(&head.headers, &ORIGIN);
    let read = match read(edge, &head.headers, body).await {
        Ok(submission) => submission,
        Err(mut refused) => {
            let known = match (origin.and_then(origin_authority), edge.policies.current()) {
                (Some(authority), Some(policy)) => policy.knows_origin(authority),
                (origin, _) => origin.is_some(),
            };
            answer::share_with(&mut refused, head.headers.get(ORIGIN).filter(|_| known).cloned());
            return refused;
        }
    };
    let outcome = collect(edge, read, caller(edge, head, socket)).await;
    let wants_json = text(&head.headers, &ACCEPT).is_some_and(|accept| accept.contains("application/json"));
    let mut answer = answer::outcome(&outcome, wants_json);
    let shared = !matches!(outcome, Outcome::Refused(_));
    answer::share_with(&mut answer, head.headers.get(ORIGIN).filter(|_| shared).cloned());
    answer
}

/// Reads, inflates and decodes a body. The bytes it holds are accounted for until it is decoded.
async fn read(edge: &Edge, headers: &HeaderMap, body: Incoming) -> Result<Submission, Answer> {
    let encoding = headers
        .get(CONTENT_ENCODING)
        .map_or(Some(Encoding::Identity), |header| header.to_str().ok().and_then(Encoding::parse));
    let Some(encoding) = encoding else {
        edge.telemetry.drop_events(DropReason::Undecodable, 1);
        body::throw_away(body).await;
        let sentence = "the body may be packed with gzip, zstd or br";
        return Err(refusal(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            reason::name(DropReason::Undecodable),
            sentence,
        ));
    };
    let (bytes, _share) = body::read(body, &edge.bodies).await.map_err(|error| refuse_body(edge, &error))?;
    edge.telemetry.body_bytes.inc_by(bytes.len() as u64);
    let plain = inflate(encoding, bytes).map_err(|error| match error {
        InflateError::TooLarge => {
            refuse(edge, StatusCode::PAYLOAD_TOO_LARGE, DropReason::TooLarge, 1, &error)
        }
        InflateError::Damaged(_) => refuse(edge, StatusCode::BAD_REQUEST, DropReason::Undecodable, 1, &error),
    })?;
    footfall::read(plain).map_err(|error| match &error {
        DecodeError::TooMany { tracking_id, count } => {
            if let Some(policy) = edge.policies.current()
                && let Some(site) = policy.site(tracking_id)
            {
                edge.tallies.add(&site.website_id, policy.id, DropReason::TooLarge, *count as u64);
            }
            refuse(edge, StatusCode::PAYLOAD_TOO_LARGE, DropReason::TooLarge, *count, &error)
        }
        _ => refuse(edge, StatusCode::BAD_REQUEST, DropReason::Undecodable, 1, &error),
    })
}

fn refuse_body(edge: &Edge, error: &BodyError) -> Answer {
    match error {
        BodyError::TooLarge => refuse(edge, StatusCode::PAYLOAD_TOO_LARGE, DropReason::TooLarge, 1, error),
        BodyError::Slow => refuse(edge, StatusCode::REQUEST_TIMEOUT, DropReason::Undecodable, 1, error),
        BodyError::Broken(_) => refuse(edge, StatusCode::BAD_REQUEST, DropReason::Undecodable, 1, error),
        // The client tries again: nothing is dropped.
        BodyError::Overloaded => refusal(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &error.to_string()),
    }
}

fn refuse(
    edge: &Edge,
    status: StatusCode,
    reason: DropReason,
    count: usize,
    error: &dyn std::error::Error,
) -> Answer {
    edge.telemetry.drop_events(reason, count as u64);
    refusal(status, reason::name(reason), &error.to_string())
}

async fn image(edge: &Arc<Edge>, head: &request::Parts, socket: SocketAddr) -> Answer {
    let submission = pixel::read(head.uri.query().unwrap_or_default(), text(&head.headers, &REFERER));
    // An image's request names no origin; the page that embeds it stands in the URL and the referrer.
    let outcome = collect(edge, submission, caller(edge, head, socket)).await;
    answer::pixel(&outcome)
}

fn caller<'a>(edge: &Edge, head: &'a request::Parts, socket: SocketAddr) -> Caller<'a> {
    let headers = &head.headers;
    let flag = |name: &HeaderName| text(headers, name).is_some_and(|value| value.trim() == "1");
    Caller {
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

fn forwarded(headers: &HeaderMap) -> impl DoubleEndedIterator<Item = &str> {
    let name = HeaderName::from_static("x-forwarded-for");
    headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The browser asks before it sends: all that is known yet is the origin.
fn preflight(edge: &Edge, head: &request::Parts) -> Answer {
    let authority = text(&head.headers, &ORIGIN).and_then(origin_authority);
    let known = match (authority, edge.policies.current()) {
        (Some(authority), Some(policy)) => policy.knows_origin(authority),
        (authority, _) => authority.is_some(),
    };
    let mut answer = answer::empty(StatusCode::NO_CONTENT);
    answer::share_with(&mut answer, head.headers.get(ORIGIN).filter(|_| known).cloned());
    if known {
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, OPTIONS"));
        headers.insert(
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("Content-Type, Content-Encoding, Accept"),
        );
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
    answer
}

fn file(asset: &Asset, head: &request::Parts) -> Answer {
    let unchanged = text(&head.headers, &IF_NONE_MATCH).is_some_and(|tags| {
        tags.split(',').any(|tag| tag.trim().trim_start_matches("W/").as_bytes() == asset.etag.as_bytes())
    });
    let brotli = asset.brotli.as_ref().filter(|_| accepts_brotli(&head.headers));
    let mut answer = if unchanged {
        answer::empty(StatusCode::NOT_MODIFIED)
    } else {
        http::Response::new(Full::from(brotli.unwrap_or(&asset.plain).clone()))
    };
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, asset.content_type.clone());
    headers.insert(ETAG, asset.etag.clone());
    if brotli.is_some() && !unchanged {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    for (name, value) in [
        ("cache-control", "public, max-age=3600, stale-while-revalidate=86400"),
        ("vary", "Accept-Encoding"),
        ("access-control-allow-origin", "*"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("timing-allow-origin", "*"),
        ("x-content-type-options", "nosniff"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    answer
}

fn accepts_brotli(headers: &HeaderMap) -> bool {
    let offers = text(headers, &ACCEPT_ENCODING).unwrap_or_default();
    offers.split(',').map(|offer| offer.split(';').map(str::trim)).any(|mut offer| {
        offer.next() == Some("br")
            && !offer.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// What only operators see.
fn inside(edge: &Edge, head: &request::Parts, socket: SocketAddr) -> (&'static str, Answer) {
    let path = head.uri.path();
    if !matches!(path, "/healthz" | "/readyz" | "/metrics") {
        return ("none", answer::empty(StatusCode::NOT_FOUND));
    }
    if !edge.peers.may_administer(socket.ip(), forwarded(&head.headers)) {
        return ("inside", answer::empty(StatusCode::FORBIDDEN));
    }
    let mut answer = match path {
        "/healthz" => answer::json(StatusCode::OK, &json!({ "alive": true })),
        "/readyz" => {
            let missing = edge.missing();
            let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            answer::json(status, &json!({ "ready": missing.is_empty(), "missing": missing }))
        }
        _ => metrics(edge),
    };
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    ("inside", answer)
}

fn metrics(edge: &Edge) -> Answer {
    let Ok(text) = edge.telemetry.render(&edge.snapshot()) else {
        return answer::empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut answer = http::Response::new(Full::from(text));
    let openmetrics = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, openmetrics);
    answer
}

fn not_allowed(methods: &'static str) -> Answer {
    let mut answer = answer::empty(StatusCode::METHOD_NOT_ALLOWED);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    answer.headers_mut().insert(VARY, HeaderValue::from_static("Origin"));
    answer
}
