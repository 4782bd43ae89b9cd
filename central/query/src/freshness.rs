//! How far the derived tables of one website are, and which of their hours are not to be believed. Pure: the statement that asks, and what its
//! answer means; sends nothing.

use footfall_clickhouse::{Limits, Row, Statement};
use serde::Deserialize;

use super::spans::{DAY_MS, HOUR_MS, Span, merged};

/// One row of progress, and an index over offsets.
const LIMITS: Limits = Limits { seconds: 5, memory_bytes: 256 << 20 };

/// How far the tables are. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Freshness {
    /// Whole UTC hours from here ...
    pub(super) whole_from: i64,
    /// ... to here are in the tables. Nothing is where they are equal.
    pub(super) whole_to: i64,
    /// Whole hours that have events which are not in the tables yet, or whose events are being changed; in order, apart from each other.
    pub(super) stale: Vec<Span>,
    /// Sessions that began behind this are in the tables, once they have ended ...
    pub(super) sessions_from: i64,
    /// ... up to here.
    pub(super) sessions_to: i64,
    /// Whole days from here on have their visits by hour.
    pub(super) visits_from: i64,
    /// Days whose events are being changed: what is derived of them is not to be believed.
    pub(super) changed: Vec<Span>,
}

/// What the statement answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Row)]
#[clickhouse(crate = "footfall_clickhouse::client")]
pub(super) struct FreshnessRow {
    /// Whether the website's partition is derived at all.
    known: u8,
    whole_from: i64,
    whole_to: i64,
    sessions_from: i64,
    sessions_to: i64,
    visits_from: i64,
    /// Begins of hours.
    late_hours: Vec<i64>,
    /// Begins of UTC days, the first and the last of each request.
    changed_days: Vec<(i64, i64)>,
}

/// What asks how far a website's tables are.
pub(super) fn statement(website_id: &str) -> Statement {
    Statement::new(include_str!("sql/freshness.sql"), LIMITS).with("website", website_id.into())
}

impl Freshness {
    /// Whether all sessions that began in a period and have ended are in the tables, and no event of theirs is being changed.
    pub(super) fn has_sessions(&self, (from_ms, to_ms): Span) -> bool {
        let is_derived = self.sessions_to > 0 && (self.sessions_from == 0 || from_ms > self.sessions_from);
        // A session is no longer than a day.
        let is_changed = |(from, to): &Span| *from < to_ms.saturating_add(DAY_MS) && *to > from_ms;
        is_derived && !self.changed.iter().any(is_changed)
    }
}

impl From<FreshnessRow> for Freshness {
    fn from(row: FreshnessRow) -> Self {
        if row.known == 0 {
            return Self::default();
        }
        let hours = row.late_hours.into_iter().map(|hour| (hour, hour + HOUR_MS));
        let changed =
            merged(row.changed_days.into_iter().map(|(first, last)| (first, last + DAY_MS)).collect());
        Self {
            whole_from: row.whole_from,
            whole_to: row.whole_to,
            stale: merged(hours.chain(changed.iter().copied()).collect()),
            sessions_from: row.sessions_from,
            sessions_to: row.sessions_to,
            visits_from: row.visits_from,
            changed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_days_that_are_not_to_be_believed_are_put_together() {
        let row = FreshnessRow {
            known: 1,
            whole_from: 0,
            whole_to: 100 * HOUR_MS,
            sessions_from: 5,
            sessions_to: 9,
            visits_from: 0,
            late_hours: vec![50 * HOUR_MS, 47 * HOUR_MS, 48 * HOUR_MS],
            changed_days: vec![(24 * HOUR_MS, 24 * HOUR_MS)],
        };
        let freshness = Freshness::from(row.clone());
        assert_eq!(freshness.stale, [(24 * HOUR_MS, 49 * HOUR_MS), (50 * HOUR_MS, 51 * HOUR_MS)]);
        assert!(!freshness.has_sessions((6, 7)), "of a session that begins there an event may be changed");
        let later = 49 * HOUR_MS;
        assert!(freshness.has_sessions((later, later + 1)));
        assert!(!Freshness { sessions_from: later, ..freshness }.has_sessions((later, later + 1)));
        let unknown = Freshness::from(FreshnessRow { known: 0, ..row });
        assert_eq!((unknown.whole_to, unknown.has_sessions((later, later + 1))), (0, false));
    }
}
