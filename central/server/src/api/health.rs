//! `/healthz`, `/readyz` and `/metrics`: for whoever watches central.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Shared;

/// What Prometheus asks for.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// 200 while the process lives.
pub(super) async fn alive() -> Response {
    Json(json!({ "alive": true })).into_response()
}

/// 200 when central can do its whole job, else 503 with a sentence for each thing that is missing. Either way with a sentence for each
/// thing that somebody should look at.
pub(super) async fn ready(State(shared): State<Shared>) -> Response {
    let (missing, warnings) = ((shared.state.readiness)(), (shared.state.warnings)());
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": missing.is_empty(), "missing": missing, "warnings": warnings })))
        .into_response()
}

pub(super) async fn metrics(State(shared): State<Shared>) -> Response {
    ([(header::CONTENT_TYPE, OPEN_METRICS)], (shared.state.metrics)()).into_response()
}
