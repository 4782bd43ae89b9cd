//! The figures of one website and period. Pure.

use footfall_clickhouse::Select;

use super::super::{Question, definitions};

/// One row.
pub(super) fn select(question: &Question) -> Select {
    super::events(question)
        .column("pageviews", definitions::PAGEVIEWS_AMONG_EVENTS)
        .column("visitors", definitions::VISITORS)
        .column("sessions", definitions::SESSIONS)
        .column("average_engagement_ms", definitions::AVERAGE_ENGAGEMENT_MS)
}
