//! One step of the computation as data: what it looks at, and how far all is once it is done. Pure.

use super::progress::Progress;
use super::session_parts::LONGEST_MS;

/// What a step computes. Times are milliseconds since 1970; of two, the first is the begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The stretch of the log whose events are new.
    pub(crate) offsets: (u64, u64),
    /// No event of a session that is touched is older, but for those of the same session.
    pub(crate) touched_from: i64,
    /// Sessions are looked at as well whose last event may lie behind the first and not behind the second.
    pub(crate) ends: (i64, i64),
    /// Sessions whose last event is no later have ended.
    pub(crate) ended_by: i64,
    /// Hours that become whole, or are computed again.
    pub(crate) hours: (i64, i64),
    /// Whole hours that the stretch may have events of.
    pub(crate) late_hours: (i64, i64),
    /// Days that may become whole.
    pub(crate) days: (i64, i64),
    /// Days that are whole afterwards.
    pub(crate) whole_days: (i64, i64),
    /// Whether it was done before.
    pub(crate) again: Again,
    /// The website whose rows are computed again; all without it.
    pub(crate) website: Option<String>,
    /// How far all is afterwards.
    pub(crate) next: Progress,
}

/// Whether rows are there already that may have to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// Only those of the sessions and cells that new events belong to.
    No,
    /// Any.
    Yes,
}

impl Step {
    /// Sessions are looked for back to here. What begins a day after it or later is known whole: a day of silence parts sessions.
    pub(crate) fn oldest(&self) -> i64 {
        (self.touched_from - 2 * LONGEST_MS).max(0)
    }

    /// Parts of sessions that were cut are written when their last event is no older. Where events were taken away, what is left of a part that
    /// ended in the step's window may end up to a part's length before it.
    pub(crate) fn parts_from(&self) -> i64 {
        self.touched_from - if self.again == Again::Yes { LONGEST_MS } else { 0 }
    }

    /// Whether there are events, or an hour has become whole, or sessions may have ended since a while before `now`: what else has moved on is
    /// the clock alone.
    pub(crate) fn is_worth_it(&self, now: i64) -> bool {
        const WHILE_MS: i64 = 5 * 1000;
        let waits = self.ends.0 + 35 * 60 * 1000 + WHILE_MS;
        self.offsets.0 < self.offsets.1 || self.hours.0 < self.hours.1 || waits <= now
    }

    /// The same without cells of hours; those of days follow the sessions.
    pub(crate) fn without_hours(self) -> Self {
        Self { hours: (self.hours.0, self.hours.0), days: (self.days.0, self.days.0), ..self }
    }

    /// Whether cells may have to be computed.
    pub(crate) fn has_cells(&self) -> bool {
        self.hours.0 < self.hours.1 || self.late_hours.0 < self.late_hours.1
    }
}
