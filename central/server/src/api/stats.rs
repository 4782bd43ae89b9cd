//! `/api/v1/sites/{id}/stats?from&to&limit&bots`: a website's figures for a period, from the event store.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Shared;
use super::problem::Problem;
use super::website::RequestedWebsite;
use footfall_query::{Period, Question, Stats};

/// Rows per list when none are asked for.
const DEFAULT_LIMIT: u16 = 10;
/// Most rows per list.
const MAX_LIMIT: u16 = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    from: Option<String>,
    to: Option<String>,
    limit: Option<u16>,
    /// Without it bots are counted where the website does not filter them.
    bots: Option<bool>,
}

#[derive(Serialize)]
struct Answer {
    website_id: String,
    tracking_id: String,
    #[serde(flatten)]
    period: Period,
    #[serde(flatten)]
    stats: Stats,
}

pub(super) async fn stats(
    State(shared): State<Shared>,
    RequestedWebsite(website): RequestedWebsite,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let now = OffsetDateTime::now_utc();
    let period = Period::parse(asked.from.as_deref(), asked.to.as_deref(), now)
        .map_err(|invalid| Problem::bad_request(invalid.to_string()))?;
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::bad_request(format!("`limit` is {limit}; give 1 to {MAX_LIMIT}")));
    }
    let bots = asked.bots.unwrap_or(!website.bot_filtering_enabled);
    let question = Question { website_id: website.website_id.clone(), period, limit, bots };
    let now_ms = now.unix_timestamp() * 1000 + i64::from(now.millisecond());
    let stats = shared.state.reports.stats(question, now_ms).await?;
    let answer = Answer { website_id: website.website_id, tracking_id: website.tracking_id, period, stats };
    Ok(Json(answer).into_response())
}
