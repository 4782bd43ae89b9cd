//! Health, readiness and metrics, on a listener of their own: whatever carries the world's requests to the other one carries nobody here.
//! For programs of this machine and for names that the configuration gives; no web page of another origin may ask. Changes nothing.

use std::future::ready;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use footfall_daemon::guard::Guard;
use footfall_http_server::{Limits, Metrics, RequestBody, Server};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::answer::{self, Answer};
use crate::edge::{Edge, now_ms};

/// Connections at most: a scraper, a supervisor and a person are three.
const MOST_CONNECTIONS: usize = 64;
/// How long answers under way may take at the end.
const DRAIN: Duration = Duration::from_secs(1);

/// Serves until `stop`.
///
/// # Errors
/// When the listener is none.
pub async fn serve(
    edge: Arc<Edge>,
    names: Vec<String>,
    listener: TcpListener,
    stop: CancellationToken,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let guard = Arc::new(Guard::new(names));
    let limits = Limits { drain: DRAIN, ..Limits::of(MOST_CONNECTIONS) };
    let answer = move |request: Request<RequestBody>, _| {
        let answer = answer(&edge, &guard, request.method(), request.uri(), request.headers());
        edge.telemetry.answer("inside", answer.status().as_u16());
        ready(answer)
    };
    // Whoever reads metrics is not counted among the visitors' connections.
    Server::new(limits, |_| false, Metrics::default()).serve(listener, answer, stop).await;
    Ok(())
}

fn answer(edge: &Edge, guard: &Guard, method: &Method, uri: &Uri, headers: &HeaderMap) -> Answer {
    let mut answer = match guard.judge(method, uri, headers, false) {
        Err(refusal) => answer::json(StatusCode::FORBIDDEN, &json!({ "error": refusal.to_string() })),
        Ok(()) if !matches!(*method, Method::GET | Method::HEAD) => {
            let mut answer = answer::empty(StatusCode::METHOD_NOT_ALLOWED);
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            answer
        }
        Ok(()) => match uri.path() {
            "/healthz" => answer::json(StatusCode::OK, &json!({ "alive": true })),
            "/readyz" => readiness(edge),
            "/metrics" => metrics(edge),
            _ => answer::json(
                StatusCode::NOT_FOUND,
                &json!({ "error": "only /metrics, /healthz and /readyz are here" }),
            ),
        },
    };
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn readiness(edge: &Edge) -> Answer {
    let missing = edge.missing();
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let warnings = edge.warnings(now_ms());
    answer::json(status, &json!({ "ready": missing.is_empty(), "missing": missing, "warnings": warnings }))
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
