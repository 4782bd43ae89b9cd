//! The figures of the visits of one website and period: of sessions that have ended, from rows of hours and from single sessions. Pure.

use footfall_clickhouse::{Filter, Select, Value};
use footfall_tables::hourly_visits::HOURLY_VISITS;
use footfall_tables::sessions::SESSIONS;

use super::super::definitions::of_visits as figures;
use super::super::plan::{Plan, Source};
use super::super::question::Scope;
use super::super::spans::Span;
use super::parts::{self, HourColumn};

/// What of a row is added up.
const SUMMED: [&str; 7] =
    ["begun", "begun_bounced", "seconds", "viewed", "converted", "earned", "landed_bounced"];

/// One row.
pub(super) fn select(scope: &Scope, plan: &Plan) -> Select {
    rows(scope, plan)
        .column("visits", figures::VISITS)
        .column("bounces", figures::BOUNCES)
        .column("bounce_rate", figures::BOUNCE_RATE)
        .column("average_duration_s", figures::AVERAGE_DURATION_S)
        .column("pages_per_visit", figures::PAGES_PER_VISIT)
        .column("conversions", figures::CONVERSIONS)
        .column("conversion_rate", figures::CONVERSION_RATE)
        .column("revenue", figures::REVENUE)
}

/// What visits come to, each row with the second `at` which it is counted in.
pub(super) fn rows(scope: &Scope, plan: &Plan) -> Select {
    let (hours, sessions) = (plan.spans(Source::Hours), plan.spans(Source::Sessions));
    let mut rows = Vec::new();
    if !hours.is_empty() {
        rows.push(of_hours(scope, hours));
    }
    if !sessions.is_empty() {
        rows.push(began(scope, sessions.clone()));
        rows.push(landed(scope, sessions));
    }
    Select::from_all(rows)
}

fn of_hours(scope: &Scope, spans: Vec<Span>) -> Select {
    let rows = parts::hours(scope, &HOURLY_VISITS, HourColumn::Hour, spans);
    let columns = ["visits", "bounced", "duration", "pageviews", "conversions", "revenue", "bounces"];
    summed(rows.column("at", "toUnixTimestamp(hour)"), columns)
}

fn began(scope: &Scope, spans: Vec<Span>) -> Select {
    let rows = parts::begun(scope, &SESSIONS, spans).column("at", "toUnixTimestamp(session_start)");
    let columns = [
        "1 / sample_rate",
        "is_bounce / sample_rate",
        "session_duration / sample_rate",
        "pageviews / sample_rate",
        "is_conversion / sample_rate",
        "revenue / sample_rate",
        "0.",
    ];
    summed(rows, columns)
}

fn landed(scope: &Scope, spans: Vec<Span>) -> Select {
    let rows = parts::landed(scope, spans)
        .filter(Filter::equal("is_bounce", Value::Number(1)))
        .column("at", "toUnixTimestamp(landed_at)");
    summed(rows, ["0.", "0.", "0.", "0.", "0.", "0.", "1 / sample_rate"])
}

fn summed(rows: Select, expressions: [&'static str; 7]) -> Select {
    SUMMED.into_iter().zip(expressions).fold(rows, |rows, (name, expression)| rows.column(name, expression))
}
