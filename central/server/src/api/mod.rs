//! The HTTP face of central: thin handlers over `query` and `store`, and the dashboard's files. Holds no SQL and decides nothing about data.
//!
//! | address | answer |
//! | --- | --- |
//! | `/`, `/assets/…` | the dashboard |
//! | `/api/v1/sites` | the websites, each with the tag to paste |
//! | `/api/v1/sites/{id}/realtime` | the last hour; a stream where `text/event-stream` is accepted |
//! | `/api/v1/sites/{id}/realtime/stream` | the same, always a stream |
//! | `/api/v1/sites/{id}/stats?from&to&tz&limit&bots` | figures and lists of a period |
//! | `/api/v1/sites/{id}/series?from&to&interval&tz&bots` | its course by hours or days of a zone |
//! | `/api/v1/definitions` | what each figure means |
//! | `/healthz`, `/readyz`, `/metrics` | for whoever watches; on an address of their own too, where there is one ([`watch`]) |
//!
//! `{id}` is a tracking id or a website id. What cannot be answered is a status and `{"error": "one sentence"}`.
//! Every request passes [`guard`] first: nobody has to sign in here, so only programs of this machine and pages of our own may ask.

mod asked;
mod dashboard;
mod definitions;
mod guard;
mod health;
mod problem;
mod series;
mod sites;
mod stats;
mod stream;
mod watch;
mod website;

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::Response;
use axum::routing::get;
use footfall_daemon::descriptors::{self, most_connections};
use footfall_daemon::guard::Guard;
use footfall_http_server::{Limits, Metrics as HttpMetrics, Server};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use footfall_live::Live;
use footfall_metadata::Metadata;
use footfall_query::Reports;
use problem::Problem;

/// How long answers that are under way may take once central shuts down.
const GRACE: Duration = Duration::from_secs(5);
/// Most connections at once; beyond, idle ones go.
const CONNECTIONS: usize = 1024;
/// Most connections of the metrics' own address.
const WATCHERS: usize = 64;
/// Most live streams at once; the next one is told to come back.
const MAX_STREAMS: usize = 256;

/// `default-src 'self'` and no inline code: a title, path or referrer that holds markup stays text. Trusted Types refuse even our own
/// scripts to make markup of text.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     object-src 'none'; require-trusted-types-for 'script'";

/// Says which things are missing for central to do its whole job, one sentence each; nothing missing is ready.
pub type Readiness = Arc<dyn Fn() -> Vec<String> + Send + Sync>;
/// Writes the metrics in the OpenMetrics text format.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the handlers work on.
#[derive(Clone)]
pub struct ApiState {
    /// The websites.
    pub metadata: Metadata,
    /// Their last hour.
    pub live: Live,
    /// Answers questions from the event store.
    pub reports: Reports,
    /// For `/readyz`.
    pub readiness: Readiness,
    /// What somebody should look at.
    pub warnings: Readiness,
    /// For `/metrics`.
    pub metrics: Metrics,
    /// Counts the connections of this server.
    pub http_metrics: HttpMetrics,
    /// Where the tag to copy loads the beacon from.
    pub tag_edge_url: String,
    /// Host names that are accepted besides those of this machine.
    pub names: Vec<String>,
}

/// What the handlers share beyond what they were given.
#[derive(Clone)]
struct Shared {
    state: ApiState,
    stream_places: Arc<Semaphore>,
    shutdown: CancellationToken,
}

impl Shared {
    fn new(state: ApiState, shutdown: CancellationToken) -> Self {
        Self { state, stream_places: Arc::new(Semaphore::new(MAX_STREAMS)), shutdown }
    }
}

/// Where `/metrics` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MetricsPlace {
    /// With the rest.
    Here,
    /// On an address of their own.
    Apart,
}

/// Serves until `shutdown`, then ends the streams, waits up to five seconds for other answers and returns.
///
/// # Errors
/// An address that is not of this machine alone: nothing here asks who is there.
pub async fn serve(listener: TcpListener, state: ApiState, shutdown: CancellationToken) -> io::Result<()> {
    check_address(&listener)?;
    let shared = Shared::new(state, shutdown.clone());
    let metrics = shared.state.http_metrics.clone();
    listen(listener, router(shared, MetricsPlace::Here), limits(CONNECTIONS), metrics, shutdown).await;
    Ok(())
}

/// The same with the metrics on `metrics`, which may be any address, and not on `listener`.
///
/// # Errors
/// As [`serve`].
pub async fn serve_with_metrics_apart(
    listener: TcpListener,
    metrics: TcpListener,
    state: ApiState,
    shutdown: CancellationToken,
) -> io::Result<()> {
    check_address(&listener)?;
    let shared = Shared::new(state, shutdown.clone());
    let own = shared.state.http_metrics.clone();
    let watched = watch::router(shared.clone());
    // Who reads metrics is not counted among the readers of the dashboard.
    let watched = listen(metrics, watched, limits(WATCHERS), HttpMetrics::default(), shutdown.clone());
    let rest = listen(listener, router(shared, MetricsPlace::Apart), limits(CONNECTIONS), own, shutdown);
    tokio::join!(watched, rest);
    Ok(())
}

fn check_address(listener: &TcpListener) -> io::Result<()> {
    let address = listener.local_addr()?;
    if address.ip().is_loopback() {
        return Ok(());
    }
    let refusal = format!(
        "{address} can be reached from other machines, and the dashboard has no sign-in: use 127.0.0.1"
    );
    Err(io::Error::new(io::ErrorKind::InvalidInput, refusal))
}

async fn listen(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    metrics: HttpMetrics,
    shutdown: CancellationToken,
) {
    let answer = move |request, _peer| {
        let mut app = app.clone();
        async move { app.call(request).await.unwrap_or_else(|never| match never {}) }
    };
    Server::new(limits, |_| false, metrics).serve(listener, answer, shutdown).await;
}

/// Everything comes from this machine, or from one proxy on it: no address has a share of its own.
fn limits(connections: usize) -> Limits {
    Limits { drain: GRACE, ..Limits::of(most_connections(descriptors::limit(), connections)) }
}

fn router(shared: Shared, metrics: MetricsPlace) -> Router {
    let guard = Arc::new(Guard::new(&shared.state.names));
    let mut router = Router::new()
        .route("/", get(dashboard::page))
        .route("/assets/{file}", get(dashboard::asset))
        .route("/api/v1/sites", get(sites::list))
        .route("/api/v1/sites/{id}/realtime", get(sites::realtime))
        .route("/api/v1/sites/{id}/realtime/stream", get(stream::open))
        .route("/api/v1/sites/{id}/stats", get(stats::stats))
        .route("/api/v1/sites/{id}/series", get(series::series))
        .route("/api/v1/definitions", get(definitions::list))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready));
    if metrics == MetricsPlace::Here {
        router = router.route("/metrics", get(health::metrics));
    }
    router
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "there is nothing at this address"))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this address answers GET only")
        })
        .layer(middleware::from_fn_with_state(guard, guard::check))
        .layer(middleware::map_response(secure))
        .with_state(shared)
}

/// What every answer carries, refusals included.
async fn secure(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests;
