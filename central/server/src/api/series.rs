//! `/api/v1/sites/{id}/series?from&to&interval&tz&bots`: the course of a period by hours or days of a zone, from the event store.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Shared;
use super::asked::{self, Meta};
use super::problem::Problem;
use super::website::RequestedWebsite;
use footfall_query::{Answered, Bucket, Interval, Period, PlanChoice, SeriesQuestion, Zone};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    from: Option<String>,
    to: Option<String>,
    interval: Interval,
    /// Whose clocks; without it the website's own.
    tz: Option<String>,
    /// Without it bots are counted where the website does not filter them.
    bots: Option<bool>,
}

#[derive(Serialize)]
struct Answer {
    website_id: String,
    tracking_id: String,
    #[serde(flatten)]
    period: Period,
    interval: Interval,
    buckets: Vec<Shown>,
    meta: Meta,
}

#[derive(Serialize)]
struct Shown {
    /// With the offset that the zone has then.
    start: String,
    pageviews: u64,
    visitors: u64,
    sessions: u64,
    /// None where not all sessions of the bucket are derived.
    visits: Option<u64>,
    bounces: Option<u64>,
}

pub(super) async fn series(
    State(shared): State<Shared>,
    RequestedWebsite(website): RequestedWebsite,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let now = OffsetDateTime::now_utc();
    let zone = asked::zone(asked.tz.as_deref().unwrap_or(&website.timezone))?;
    let period = asked::period(asked.from.as_deref(), asked.to.as_deref(), now, &zone)?;
    let question = SeriesQuestion {
        website_id: website.website_id.clone(),
        period,
        interval: asked.interval,
        zone: zone.clone(),
        bots: asked.bots.unwrap_or(!website.bot_filtering_enabled),
        choice: PlanChoice::Best,
    };
    let Answered { answer, basis } = shared.state.reports.series(question, asked::milliseconds(now)).await?;
    let answer = Answer {
        website_id: website.website_id,
        tracking_id: website.tracking_id,
        period,
        interval: asked.interval,
        buckets: answer.buckets.iter().map(|bucket| Shown::new(bucket, &zone)).collect(),
        meta: Meta::new(&basis, period.to_ms(), &zone),
    };
    Ok(Json(answer).into_response())
}

impl Shown {
    fn new(bucket: &Bucket, zone: &Zone) -> Self {
        let Bucket { start_ms, pageviews, visitors, sessions, visits, bounces } = *bucket;
        let start = asked::instant(start_ms, zone.offset_s(start_ms));
        Self { start, pageviews, visitors, sessions, visits, bounces }
    }
}
