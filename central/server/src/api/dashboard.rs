//! The dashboard's files, built into the binary. Static: what they show comes from the API, as text.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Name, type and bytes.
const ASSETS: &[(&str, &str, &str)] = &[
    ("dashboard.css", CSS, include_str!("dashboard/dashboard.css")),
    ("visits.css", CSS, include_str!("dashboard/visits.css")),
    ("dashboard.js", JAVASCRIPT, include_str!("dashboard/dashboard.js")),
    ("address.js", JAVASCRIPT, include_str!("dashboard/address.js")),
    ("ask.js", JAVASCRIPT, include_str!("dashboard/ask.js")),
    ("chart.js", JAVASCRIPT, include_str!("dashboard/chart.js")),
    ("course.js", JAVASCRIPT, include_str!("dashboard/course.js")),
    ("definitions.js", JAVASCRIPT, include_str!("dashboard/definitions.js")),
    ("feed.js", JAVASCRIPT, include_str!("dashboard/feed.js")),
    ("lists.js", JAVASCRIPT, include_str!("dashboard/lists.js")),
    ("minutes.js", JAVASCRIPT, include_str!("dashboard/minutes.js")),
    ("names.js", JAVASCRIPT, include_str!("dashboard/names.js")),
    ("period.js", JAVASCRIPT, include_str!("dashboard/period.js")),
    ("staleness.js", JAVASCRIPT, include_str!("dashboard/staleness.js")),
    ("visits.js", JAVASCRIPT, include_str!("dashboard/visits.js")),
    ("icon.svg", SVG, include_str!("dashboard/icon.svg")),
];

pub(super) async fn page() -> Response {
    file(HTML, include_str!("dashboard/index.html"))
}

pub(super) async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(known, ..)| *known == name) {
        Some((_, kind, bytes)) => file(kind, bytes),
        None => Problem::new(StatusCode::NOT_FOUND, "there is nothing at this address").into_response(),
    }
}

/// Asked for anew each time: page and scripts must be of one version, and they come from this machine.
fn file(kind: &'static str, bytes: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], bytes).into_response()
}
