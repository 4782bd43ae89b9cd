//! `/api/v1/sites` and a website's live view, as JSON or, when asked for `text/event-stream`, as a stream.

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::problem::Problem;
use super::{Shared, now_ms, stream};
use footfall_live::{LiveError, Realtime};
use footfall_metadata::{Status, Website};

/// The website that a request's `{id}` names, by tracking id or website id. No such website is a 404.
pub(super) struct Named(pub(super) Website);

impl FromRequestParts<Shared> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        let unknown = || Problem::new(StatusCode::NOT_FOUND, "there is no website with this id");
        let Path(id) = Path::<String>::from_request_parts(parts, shared).await.map_err(|_| unknown())?;
        shared.state.metadata.website(&id).await?.map(Self).ok_or_else(unknown)
    }
}

/// A website as the API shows it.
#[derive(Serialize)]
struct Site {
    website_id: String,
    tracking_id: String,
    name: String,
    domain: String,
    extra_domains: Vec<String>,
    timezone: String,
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
            status: website.status,
            sampling_rate: website.sampling_rate,
            tag,
        }
    }
}

/// What a website's live view says of whom it is.
#[derive(Serialize)]
pub(super) struct Now {
    website_id: String,
    tracking_id: String,
    #[serde(flatten)]
    realtime: Realtime,
}

impl Now {
    pub(super) async fn of(website: &Website, shared: &Shared) -> Result<Self, LiveError> {
        Ok(Self {
            website_id: website.website_id.clone(),
            tracking_id: website.tracking_id.clone(),
            realtime: shared.state.live.snapshot(&website.website_id, now_ms()).await?,
        })
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
    Named(website): Named,
) -> Result<Response, Problem> {
    if wants_stream(&headers) {
        return stream::of(website, &shared);
    }
    Ok(Json(Now::of(&website, &shared).await?).into_response())
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
    })
}
