//! `/metrics`, `/healthz` and `/readyz` on an address of their own, for whoever watches central from another machine. Shows nothing of
//! visitors or sites, changes nothing, and so asks nobody who they are.

use axum::Router;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::get;

use super::problem::Problem;
use super::{Shared, health, secure};

/// What answers there.
pub(super) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(async || {
            Problem::new(StatusCode::NOT_FOUND, "only /metrics, /healthz and /readyz are here")
        })
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this address answers GET only")
        })
        .layer(middleware::map_response(secure))
        .with_state(shared)
}
