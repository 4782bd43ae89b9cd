//! What only operators see: health, readiness, metrics. Changes nothing.

use std::net::SocketAddr;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode, request};
use http_body_util::Full;
use serde_json::json;

use super::forwarded;
use crate::answer::{self, Answer};
use crate::edge::{Edge, now_ms};

/// The answer to a GET; `None` when the path is none of these.
pub(super) fn answer(edge: &Edge, head: &request::Parts, socket: SocketAddr) -> Option<Answer> {
    let path = head.uri.path();
    if !matches!(path, "/healthz" | "/readyz" | "/metrics") {
        return None;
    }
    if !edge.peers.may_administer(socket.ip(), forwarded(&head.headers)) {
        return Some(answer::empty(StatusCode::FORBIDDEN));
    }
    let mut answer = match path {
        "/healthz" => answer::json(StatusCode::OK, &json!({ "alive": true })),
        "/readyz" => {
            let missing = edge.missing();
            let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let warnings = edge.warnings(now_ms());
            answer::json(
                status,
                &json!({ "ready": missing.is_empty(), "missing": missing, "warnings": warnings }),
            )
        }
        _ => metrics(edge),
    };
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(answer)
}

fn metrics(edge: &Edge) -> Answer {
    let Ok(text) = edge.telemetry.render(&edge.snapshot()) else {
        return answer::empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut answer = Response::new(Full::from(text));
    let openmetrics = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, openmetrics);
    answer
}
