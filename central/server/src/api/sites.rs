//! `/api/v1/sites` and a website's live view, as JSON or, when asked for `text/event-stream`, as a stream.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::problem::Problem;
use super::website::{RequestedWebsite, WebsiteRealtime};
use super::{Shared, stream};
use footfall_metadata::{Status, Website};

/// A website as the API shows it.
#[derive(Serialize)]
struct Site {
    website_id: String,
    tracking_id: String,
    name: String,
    domain: String,
    extra_domains: Vec<String>,
    timezone: String,
    /// What its revenue is in, ISO 4217.
    currency: String,
    status: Status,
    sampling_rate: f64,
    /// What the owner pastes into every page.
    tag: String,
}

impl Site {
    fn new(website: Website, edge_url: &str) -> Self {
        let tag = format!(
            "<script async src=\"{}/footfall.js\" data-site=\"{}\"></script>",
            edge_url.trim_end_matches('/'),
            website.tracking_id
        );
        Self {
            website_id: website.website_id,
            tracking_id: website.tracking_id,
            name: website.name,
            domain: website.domain,
            extra_domains: website.extra_domains,
            timezone: website.timezone,
            currency: website.currency,
            status: website.status,
            sampling_rate: website.sampling_rate,
            tag,
        }
    }
}

pub(super) async fn list(State(shared): State<Shared>) -> Result<Response, Problem> {
    let websites = shared.state.metadata.websites().await?;
    let sites: Vec<Site> =
        websites.into_iter().map(|website| Site::new(website, &shared.state.tag_edge_url)).collect();
    Ok(Json(serde_json::json!({ "sites": sites })).into_response())
}

pub(super) async fn realtime(
    State(shared): State<Shared>,
    headers: HeaderMap,
    RequestedWebsite(website): RequestedWebsite,
) -> Result<Response, Problem> {
    if wants_stream(&headers) {
        return stream::of(website, &shared);
    }
    Ok(Json(WebsiteRealtime::of(&website, &shared).await?).into_response())
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
    })
}
