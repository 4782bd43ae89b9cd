//! `/api/v1/definitions`: what each figure of the API means, as the reports themselves define it.

use axum::Json;
use axum::response::{IntoResponse, Response};
use footfall_query::DEFINITIONS;
use serde_json::json;

pub(super) async fn list() -> Response {
    Json(json!({ "definitions": DEFINITIONS })).into_response()
}
