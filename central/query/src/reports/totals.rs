//! The figures of one website and period. Pure.

use footfall_clickhouse::Select;
use footfall_tables::summaries::{DAILY_SUMMARY, HOURLY_SUMMARY};

use super::super::definitions::{of_events, of_parts};
use super::super::plan::{Plan, Source};
use super::super::question::Scope;
use super::super::spans::Span;
use super::parts::{self, HourColumn};

/// One row.
pub(super) fn select(scope: &Scope, plan: &Plan) -> Select {
    parts::of(plan, |source, spans| part(scope, source, spans))
        .column("pageviews", of_parts::PAGEVIEWS)
        .column("visitors", of_parts::VISITORS)
        .column("sessions", of_parts::SESSIONS)
        .column("average_engagement_ms", of_parts::AVERAGE_ENGAGEMENT_MS)
}

fn part(scope: &Scope, source: Source, spans: Vec<Span>) -> Select {
    let rows = match source {
        Source::Days => parts::days(scope, &DAILY_SUMMARY, "date", spans),
        Source::Hours => parts::hours(scope, &HOURLY_SUMMARY, HourColumn::Hour, spans),
        Source::Raw | Source::Sessions => {
            return parts::events(scope, spans)
                .column("views", of_events::VIEWS)
                .column("engagement", of_events::ENGAGEMENT)
                .column("user_set", of_events::USERS)
                .column("session_set", of_events::SESSIONS);
        }
    };
    rows.column("views", "pageviews")
        .column("engagement", "engagement_ms")
        .column("user_set", "users")
        .column("session_set", "sessions")
}
