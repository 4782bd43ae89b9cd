//! Health, readiness and metrics, on a listener of their own: whatever carries the world's requests to the other one carries nobody here.
//! For programs of this machine and for names that the configuration gives; no web page of another origin may ask. Changes nothing.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use footfall_daemon::guard::Guard;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::answer::{self, Answer};
use crate::edge::{Edge, now_ms};

/// Open connections at most: a scraper, a supervisor and a person are three.
const MOST_CONNECTIONS: usize = 64;
/// Longest wait for a request's head, and for the next request on an open connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest life of a connection, so that those who never read what they asked for go, too.
const CONNECTION_TIMEOUT: Duration = Duration::from_mins(5);
/// Largest head of a request, bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Wait after an accept that failed for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`. Connections end with the runtime.
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
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let accepted = async {
            let place = Arc::clone(&room).acquire_owned().await.map_err(io::Error::other)?;
            listener.accept().await.map(|(stream, _)| (stream, place))
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            accepted = accepted => accepted,
        };
        let Ok((stream, place)) = accepted else {
            edge.telemetry.accept_failures.inc();
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (edge, guard) = (Arc::clone(&edge), Arc::clone(&guard));
        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
            let answer = answer(&edge, &guard, request.method(), request.uri(), request.headers());
            edge.telemetry.answer("inside", answer.status().as_u16());
            async { Ok::<_, Infallible>(answer) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // Whoever breaks off asks again.
            let _ = timeout(CONNECTION_TIMEOUT, connection).await;
            drop(place);
        });
    }
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
