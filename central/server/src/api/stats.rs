//! `/api/v1/sites/{id}/stats?from&to&tz&limit&bots`: a website's figures and lists for a period, from the event store.

use std::collections::HashMap;

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
use footfall_metadata::Website;
use footfall_query::{
    Answered, Counted, EntryPage, ExitPage, OfSessions, Period, PlanChoice, Question, ReachedGoal, Stats,
    Totals, Visits, Zone,
};

/// Rows per list when none are asked for.
const DEFAULT_LIMIT: u16 = 10;
/// Most rows per list.
const MAX_LIMIT: u16 = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    from: Option<String>,
    to: Option<String>,
    /// Whose days `from` and `to` are; without it they are those of UTC.
    tz: Option<String>,
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
    totals: Totals,
    /// None of these where not all sessions of the period are derived.
    visits: Option<Visits>,
    top_pages: Vec<Counted>,
    sources: Vec<Counted>,
    channels: Vec<Counted>,
    countries: Vec<Counted>,
    devices: Vec<Counted>,
    browsers: Vec<Counted>,
    entry_pages: Option<Vec<EntryPage>>,
    exit_pages: Option<Vec<ExitPage>>,
    goals: Option<Vec<NamedGoal>>,
    meta: Meta,
}

/// A goal by the name that its website gives it; none where it is no more.
#[derive(Serialize)]
struct NamedGoal {
    name: Option<String>,
    #[serde(flatten)]
    reached: ReachedGoal,
}

pub(super) async fn stats(
    State(shared): State<Shared>,
    RequestedWebsite(website): RequestedWebsite,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let now = OffsetDateTime::now_utc();
    let zone = asked.tz.as_deref().map_or_else(|| Ok(Zone::utc()), asked::zone)?;
    let period = asked::period(asked.from.as_deref(), asked.to.as_deref(), now, &zone)?;
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::bad_request(format!("`limit` is {limit}; give 1 to {MAX_LIMIT}")));
    }
    let bots = asked.bots.unwrap_or(!website.bot_filtering_enabled);
    let choice = PlanChoice::Best;
    let question = Question { website_id: website.website_id.clone(), period, limit, bots, choice };
    let Answered { answer, basis } = shared.state.reports.stats(question, asked::milliseconds(now)).await?;
    let meta = Meta::new(&basis, period.to_ms(), &zone);
    let names = goal_names(&shared, &website, &answer).await?;
    Ok(Json(Answer::new(website, period, answer, names, meta)).into_response())
}

/// What the website calls its goals, where the answer has some.
async fn goal_names(
    shared: &Shared,
    website: &Website,
    stats: &Stats,
) -> Result<HashMap<String, String>, Problem> {
    if stats.of_sessions.as_ref().is_none_or(|sessions| sessions.goals.is_empty()) {
        return Ok(HashMap::new());
    }
    let goals = shared.state.metadata.goals(website).await?;
    Ok(goals.into_iter().map(|goal| (goal.goal_id, goal.name)).collect())
}

impl Answer {
    fn new(
        website: Website,
        period: Period,
        stats: Stats,
        mut names: HashMap<String, String>,
        meta: Meta,
    ) -> Self {
        let Stats { totals, top_pages, sources, channels, countries, devices, browsers, of_sessions } = stats;
        let mut named = |reached: ReachedGoal| NamedGoal { name: names.remove(&reached.goal_id), reached };
        let (visits, entry_pages, exit_pages, goals) = match of_sessions {
            Some(OfSessions { visits, entry_pages, exit_pages, goals }) => {
                let goals = goals.into_iter().map(&mut named).collect();
                (Some(visits), Some(entry_pages), Some(exit_pages), Some(goals))
            }
            None => (None, None, None, None),
        };
        Self {
            website_id: website.website_id,
            tracking_id: website.tracking_id,
            period,
            totals,
            visits,
            top_pages,
            sources,
            channels,
            countries,
            devices,
            browsers,
            entry_pages,
            exit_pages,
            goals,
            meta,
        }
    }
}
