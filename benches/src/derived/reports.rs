//! How long reports of thirty days take, asked one after the other and never from the cache; and what tables gain over the events.

use std::time::Instant;

use anyhow::ensure;
use serde::Serialize;

use super::month::Days;
use crate::stack::Stack;

/// Of how many each percentile is, and of how many where nothing was promised.
const ASKED: usize = 100;
const ASKED_FREELY: usize = 20;
/// Runs of each statement; the fastest counts.
const RUNS: usize = 5;

/// One kind of report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) name: &'static str,
    /// Median, 95th percentile and slowest, milliseconds.
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) max_ms: f64,
    /// What it is to take at most, if anything was promised.
    pub(crate) target_ms: Option<f64>,
}

/// Asks the API for what the dashboard shows.
///
/// # Errors
/// When a question is not answered.
pub(crate) async fn through_the_api(stack: &Stack, days: &Days) -> anyhow::Result<Vec<Report>> {
    let site = format!("{}/api/v1/sites/{}", stack.central, stack.tracking_id);
    let month = format!("from={}&to={}", days.first, days.last);
    let questions = [
        ("series by day, UTC", format!("{site}/series?{month}&interval=day"), Some(300.0)),
        (
            "series by day, Berlin",
            format!("{site}/series?{month}&interval=day&tz=Europe/Berlin"),
            Some(300.0),
        ),
        ("series by hour, Kolkata", format!("{site}/series?{month}&interval=hour&tz=Asia/Kolkata"), None),
        ("everything the dashboard shows", format!("{site}/stats?{month}&limit=10"), None),
        ("the same, Berlin", format!("{site}/stats?{month}&limit=10&tz=Europe/Berlin"), None),
    ];
    let http = reqwest::Client::new();
    let mut reports = Vec::new();
    for (name, url, target_ms) in questions {
        let ask = async || {
            let began = Instant::now();
            let answer = http.get(&url).send().await?;
            let (status, text) = (answer.status(), answer.text().await?);
            ensure!(status.is_success(), "{url} answered {status}: {text}");
            Ok(began.elapsed().as_secs_f64() * 1e3)
        };
        reports.push(timed(name, target_ms, ask).await?);
    }
    Ok(reports)
}

/// Runs the statements of single reports.
///
/// # Errors
/// When the store refuses one.
pub(crate) async fn in_the_store(stack: &Stack, days: &Days) -> anyhow::Result<Vec<Report>> {
    let website = &days.website;
    let rows = |date: &str| {
        format!(
            "website_id = '{website}' AND is_bot = 0 AND {date} >= toDate('{}') AND {date} <= toDate('{}')",
            days.first, days.last
        )
    };
    let list = |dimension: &str, visitors: &str| {
        format!(
            "SELECT value, sum(pageviews) AS views{visitors} FROM footfall.page_view_rollups_local FINAL WHERE dimension = '{dimension}' AND span = 24
             AND {} GROUP BY value ORDER BY views DESC LIMIT 10",
            rows("toDate(start)")
        )
    };
    let visitors = ", uniqExactMerge(users)";
    let totals = format!(
        "SELECT sum(pageviews), sum(engagement_ms), uniqExactMerge(users), uniqExactMerge(sessions) FROM footfall.daily_summary_local FINAL WHERE {}",
        rows("date")
    );
    let visits = format!(
        "SELECT sum(visits), sum(bounces), sum(duration), sum(pageviews), sum(revenue) FROM footfall.hourly_visits_local FINAL WHERE {}",
        rows("toDate(hour)")
    );
    let entries = format!(
        "SELECT landing_page, count() AS visits, sum(is_bounce) FROM footfall.sessions_local FINAL WHERE {} GROUP BY landing_page ORDER BY visits DESC LIMIT 10",
        rows("toDate(session_start)")
    );
    let questions = [
        ("totals, distinct visitors and sessions", totals, Some(300.0)),
        ("pages", list("page", ""), Some(300.0)),
        ("sources", list("source", ""), Some(300.0)),
        ("pages with distinct visitors", list("page", visitors), Some(1000.0)),
        ("sources with distinct visitors", list("source", visitors), Some(1000.0)),
        ("visits, bounces, duration, revenue", visits, Some(300.0)),
        ("entry pages", entries, Some(300.0)),
    ];
    let mut reports = Vec::new();
    for (name, statement, target_ms) in questions {
        let ask = async || {
            let began = Instant::now();
            stack.clickhouse(&statement).await?;
            Ok(began.elapsed().as_secs_f64() * 1e3)
        };
        reports.push(timed(name, target_ms, ask).await?);
    }
    Ok(reports)
}

async fn timed(
    name: &'static str,
    target_ms: Option<f64>,
    ask: impl AsyncFn() -> anyhow::Result<f64>,
) -> anyhow::Result<Report> {
    ask().await?;
    let asked = if target_ms.is_some() { ASKED } else { ASKED_FREELY };
    let mut times = Vec::new();
    for _ in 0..asked {
        times.push(ask().await?);
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[(asked as f64 * share).ceil() as usize - 1];
    let report = Report { name, p50_ms: at(0.5), p95_ms: at(0.95), max_ms: at(1.0), target_ms };
    let target = target_ms.map_or(String::new(), |target| format!("{target:.0}"));
    println!(
        "          {name:<40} {:>7.0} {:>7.0} {:>7.0}  {target}",
        report.p50_ms, report.p95_ms, report.max_ms
    );
    Ok(report)
}

/// Hourly page views of a page, of thirty days, from tables and from events.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Gain {
    pub(crate) name: &'static str,
    pub(crate) events_ms: f64,
    pub(crate) tables_ms: f64,
}

/// The hourly page-view report both ways, which must say the same.
///
/// # Errors
/// When the store refuses, or they differ.
pub(crate) async fn gains(stack: &Stack, days: &Days) -> anyhow::Result<Vec<Gain>> {
    let Days { website, first, last } = days;
    let mut gains = Vec::new();
    for (name, of_events, of_tables) in [
        ("page views", "countIf(event_type = 'pageview')", "sum(pageviews)"),
        (
            "page views and distinct visitors",
            "(countIf(event_type = 'pageview'), uniqExact(sipHash64(user_id)))",
            "(toUInt64(sum(pageviews)), uniqExactMerge(users))",
        ),
    ] {
        let (events, tables) = (
            format!(
                "SELECT toStartOfHour(server_timestamp) AS at, {of_events} FROM footfall.events_local WHERE website_id = '{website}' AND is_bot = 0
                 AND is_duplicate = 0 AND server_timestamp >= toDateTime64('{first} 00:00:00', 3, 'UTC') AND server_timestamp < toDateTime64('{last} 00:00:00', 3, 'UTC') + INTERVAL 1 DAY
                 GROUP BY at ORDER BY at"
            ),
            format!(
                "SELECT hour, {of_tables} FROM footfall.hourly_summary_local FINAL WHERE website_id = '{website}' AND is_bot = 0
                 AND toDate(hour) >= '{first}' AND toDate(hour) <= '{last}' GROUP BY hour ORDER BY hour"
            ),
        );
        let (events_ms, one) = fastest(stack, &events).await?;
        let (tables_ms, other) = fastest(stack, &tables).await?;
        ensure!(one == other, "{name}: the tables do not say what the events say");
        let times = events_ms / tables_ms;
        println!(
            "          hourly {name}: events {events_ms:.0} ms, tables {tables_ms:.1} ms: {times:.0} times"
        );
        gains.push(Gain { name, events_ms, tables_ms });
    }
    Ok(gains)
}

async fn fastest(stack: &Stack, statement: &str) -> anyhow::Result<(f64, String)> {
    let (mut fastest, mut said) = (f64::INFINITY, String::new());
    for _ in 0..RUNS {
        let began = Instant::now();
        said = stack.clickhouse(statement).await?;
        fastest = fastest.min(began.elapsed().as_secs_f64() * 1e3);
    }
    Ok((fastest, said))
}
