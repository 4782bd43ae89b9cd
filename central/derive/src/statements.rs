//! The statements of a step, a file of SQL each, and the values that they take. Sends nothing.

use footfall_clickhouse::{Limits, Statement, Value};
use footfall_metadata as metadata;

use super::dimensions::{Dimensions, SAID_DAYS};
use super::progress::Progress;
use super::step::{Again, Step};

/// What a statement may use: a stretch of the log, or six hours of the past, of all websites of a partition.
const LIMITS: Limits = Limits { seconds: 300, memory_bytes: 6 << 30 };

macro_rules! sql {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: &str = include_str!(concat!("sql/", $file, ".sql"));)*
    };
}

sql! {
    BOUNDS = "bounds";
    EARLIEST_EVENT = "earliest_event";
    NEWEST_EVENT = "newest_event";
    ENDING_EVENTS = "ending_events";
    PROGRESS = "progress";
    SAVE_PROGRESS = "save_progress";
    STRETCH_WEBSITES = "stretch_websites";
    TOUCHED_SESSIONS = "touched_sessions";
    STORED_SESSIONS = "stored_sessions";
    COUNT_SESSIONS = "count_sessions";
    LONG_SESSIONS = "long_sessions";
    SESSION_TIMES = "session_times";
    SESSION_PARTS = "session_parts";
    SESSION_WEBSITES = "session_websites";
    GOAL_VALUES = "goal_values";
    CONVERSIONS = "conversions";
    STALE_CONVERSIONS = "stale_conversions";
    STALE_SESSIONS = "stale_sessions";
    CELLS = "cells";
    DAY_CELLS = "day_cells";
    COUNT_CELLS = "count_cells";
    STILL_THERE = "still_there";
    FIRST_DAY = "first_day";
    REQUESTS = "requests";
    OPEN_DAYS = "open_days";
    KNOWN_REQUESTS = "known_requests";
    SAVE_REQUEST = "save_request";
    SUPERSEDE_REQUESTS = "supersede_requests";
}

/// The rows of sessions whose websites' dimensions all belong to sessions ...
pub(crate) const SESSIONS: &str =
    concat!(include_str!("sql/session_columns.sql"), include_str!("sql/session_rows.sql"));

/// ... and where some do not.
pub(crate) const SCOPED_SESSIONS: &str = concat!(
    include_str!("sql/session_columns.sql"),
    include_str!("sql/scoped_rows.sql"),
    include_str!("sql/session_rows.sql"),
    include_str!("sql/user_words.sql"),
);

/// What is computed of the cells of hours, and what goes of it.
pub(crate) const HOURLY: [&str; 6] = [
    include_str!("sql/page_views_hourly.sql"),
    include_str!("sql/stale_page_views_hourly.sql"),
    include_str!("sql/hourly_summary.sql"),
    include_str!("sql/stale_hourly_summary.sql"),
    include_str!("sql/page_view_rollups.sql"),
    include_str!("sql/stale_page_view_rollups.sql"),
];

/// The same of the cells of days, which are made of those of hours and of sessions.
pub(crate) const DAILY: [&str; 8] = [
    include_str!("sql/daily_summary.sql"),
    include_str!("sql/stale_daily_summary.sql"),
    include_str!("sql/daily_page_view_rollups.sql"),
    include_str!("sql/stale_daily_page_view_rollups.sql"),
    include_str!("sql/traffic_sources_daily.sql"),
    include_str!("sql/stale_traffic_sources_daily.sql"),
    include_str!("sql/hourly_visits.sql"),
    include_str!("sql/stale_hourly_visits.sql"),
];

/// Whose rows are computed, and by whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    pub(crate) incarnation: [u8; 16],
    pub(crate) partition: u32,
    pub(crate) partitions: u32,
    /// Of the lease: a statement with an older one than the newest that is known writes nothing.
    pub(crate) token: u64,
}

impl Scope {
    /// A statement about the events below the offset `to`.
    pub(crate) fn statement(&self, sql: &'static str, to: u64) -> Statement {
        Statement::new(sql, LIMITS)
            .with("incarnation", uuid::Uuid::from_bytes(self.incarnation).to_string().as_str().into())
            .with("partition", Value::Number(self.partition.into()))
            .with("partitions", Value::Number(self.partitions.into()))
            .with("token", Value::Number(self.token))
            .with("to", Value::Number(to))
    }

    /// What says how far the partition is.
    pub(crate) fn save(&self, progress: &Progress, version: u64) -> Statement {
        self.statement(SAVE_PROGRESS, progress.log_offset)
            .with("log_offset", Value::Number(progress.log_offset))
            .with("whole_from", Value::Millis(progress.whole_from))
            .with("whole_to", Value::Millis(progress.whole_to))
            .with("sessions_from", Value::Millis(progress.sessions_from))
            .with("sessions_to", Value::Millis(progress.sessions_to))
            .with("past_from", Value::Millis(progress.past_from))
            .with("visits_from", Value::Millis(progress.visits_from))
            .with("version", Value::Number(version))
    }

    /// A statement of a step that writes rows of this version. Sessions begin no earlier than `since`.
    pub(crate) fn of_step(&self, sql: &'static str, step: &Step, version: u64, since: i64) -> Statement {
        self.statement(sql, step.offsets.1)
            .with("version", Value::Number(version))
            .with("from", Value::Number(step.offsets.0))
            .with("oldest", Value::Millis(step.oldest()))
            .with("touched_from", Value::Millis(step.touched_from))
            .with("window_from", Value::Millis(step.ends.0))
            .with("window_to", Value::Millis(step.ends.1))
            .with("idle_to", Value::Millis(step.ended_by))
            .with("since", Value::Millis(since))
            .with("hours_from", Value::Millis(step.hours.0))
            .with("hours_to", Value::Millis(step.hours.1))
            .with("whole_from", Value::Millis(step.late_hours.0))
            .with("whole_to", Value::Millis(step.late_hours.1))
            .with("days_from", Value::Millis(step.days.0))
            .with("days_to", Value::Millis(step.days.1))
            .with("whole_days_from", Value::Millis(step.whole_days.0))
            .with("whole_days_to", Value::Millis(step.whole_days.1))
            .with("again", Value::Number((step.again == Again::Yes).into()))
            .with("website", step.website.as_deref().unwrap_or_default().into())
    }
}

/// The dimensions of these websites that belong to users, and for how long what users said holds.
pub(crate) fn with_users(statement: Statement, dimensions: &Dimensions, websites: &[String]) -> Statement {
    let listed = websites.iter().map(|website| website.as_str().into()).collect();
    statement
        .with("user_websites", Value::List(listed))
        .with("user_dimensions", dimensions.rows(websites, metadata::Scope::User))
        .with("said_days", Value::Number(SAID_DAYS.into()))
}

/// The first and last hours and days of the cells that a step computes.
pub(crate) fn with_cells(statement: Statement, hours: (i64, i64), days: (i64, i64)) -> Statement {
    statement
        .with("first_hour", Value::Millis(hours.0))
        .with("last_hour", Value::Millis(hours.1))
        .with("first_day", Value::Millis(days.0))
        .with("last_day", Value::Millis(days.1))
}
