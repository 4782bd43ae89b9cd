//! The figures of each bucket of a period. Which bucket a row is in is decided by the instant at which its hour, or its quarter of an hour,
//! begins: the plan leaves no row with an edge inside, and all edges of today's zones lie on quarters. Pure.

use footfall_clickhouse::{Order, Row, Select, Value};
use footfall_tables::summaries::{DAILY_SUMMARY, HOURLY_SUMMARY};
use serde::Deserialize;

use super::super::definitions::{of_events, of_parts, of_visits};
use super::super::plan::{Plan, Source};
use super::super::question::Scope;
use super::super::spans::Span;
use super::parts::{self, HourColumn};

/// Which bucket, counted from 1: as many begin at the row's instant or before.
const BUCKET: &str = "toUInt32(arrayCount(start -> start <= at, starts))";

/// What the events of a bucket come to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Row)]
#[clickhouse(crate = "footfall_clickhouse::client")]
pub(in super::super) struct SeriesRow {
    /// Counted from 1.
    pub(in super::super) bucket: u32,
    pub(in super::super) pageviews: u64,
    pub(in super::super) visitors: u64,
    pub(in super::super) sessions: u64,
}

/// What the sessions of a bucket come to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Row)]
#[clickhouse(crate = "footfall_clickhouse::client")]
pub(in super::super) struct VisitsRow {
    /// Counted from 1.
    pub(in super::super) bucket: u32,
    pub(in super::super) visits: u64,
    pub(in super::super) bounces: u64,
}

/// A row for each bucket that has events. There is at least one bucket.
pub(super) fn select(scope: &Scope, plan: &Plan, starts: &[i64]) -> Select {
    let rows = parts::of(plan, |source, spans| part(scope, source, spans));
    in_buckets(rows, starts)
        .column("pageviews", of_parts::PAGEVIEWS)
        .column("visitors", of_parts::VISITORS)
        .column("sessions", of_parts::SESSIONS)
}

fn part(scope: &Scope, source: Source, spans: Vec<Span>) -> Select {
    let rows = match source {
        Source::Days => parts::days(scope, &DAILY_SUMMARY, "date", spans)
            .column("at", "toUnixTimestamp(toDateTime(date, 'UTC'))"),
        Source::Hours => parts::hours(scope, &HOURLY_SUMMARY, HourColumn::Hour, spans)
            .column("at", "toUnixTimestamp(hour)"),
        Source::Raw | Source::Sessions => {
            return parts::events(scope, spans)
                .column("at", "toUnixTimestamp(toStartOfFifteenMinutes(server_timestamp))")
                .column("views", of_events::VIEWS)
                .column("user_set", of_events::USERS)
                .column("session_set", of_events::SESSIONS)
                .group_by("at");
        }
    };
    rows.column("views", "pageviews").column("user_set", "users").column("session_set", "sessions")
}

/// A row for each bucket in which sessions began, or landed and bounced.
pub(super) fn visits(scope: &Scope, plan: &Plan, starts: &[i64]) -> Select {
    in_buckets(super::visits::rows(scope, plan), starts)
        .column("visits", of_visits::VISITS)
        .column("bounces", of_visits::BOUNCES)
}

fn in_buckets(rows: Select, starts: &[i64]) -> Select {
    let starts = starts.iter().map(|start| parts::second(*start)).collect();
    rows.with("starts", Value::List(starts))
        .column("bucket", BUCKET)
        .group_by("bucket")
        .order_by("bucket", Order::Ascending)
}
