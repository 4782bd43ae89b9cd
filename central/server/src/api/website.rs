//! The website that a request names, and its live view as the API shows it: what JSON answers and streams share.

use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Serialize;

use super::problem::Problem;
use super::{Shared, now_ms};
use footfall_live::{LiveError, Realtime};
use footfall_metadata::Website;

/// The website that a request's `{id}` names, by tracking id or website id. No such website is a 404.
pub(super) struct RequestedWebsite(pub(super) Website);

impl FromRequestParts<Shared> for RequestedWebsite {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        let unknown = || Problem::new(StatusCode::NOT_FOUND, "there is no website with this id");
        let Path(id) = Path::<String>::from_request_parts(parts, shared).await.map_err(|_| unknown())?;
        shared.state.metadata.website(&id).await?.map(Self).ok_or_else(unknown)
    }
}

/// A website's live view with the ids of the website.
#[derive(Serialize)]
pub(super) struct WebsiteRealtime {
    website_id: String,
    tracking_id: String,
    #[serde(flatten)]
    realtime: Realtime,
}

impl WebsiteRealtime {
    pub(super) async fn of(website: &Website, shared: &Shared) -> Result<Self, LiveError> {
        Ok(Self {
            website_id: website.website_id.clone(),
            tracking_id: website.tracking_id.clone(),
            realtime: shared.state.live.snapshot(&website.website_id, now_ms()).await?,
        })
    }
}
