//! `hourly_summary_local` and `daily_summary_local`: what a website had in a whole UTC hour or day; the latter is the seed's. Says what is
//! stored, not how it is computed.

use footfall_clickhouse::{Migration, Table, TableDefinition};

use crate::columns;

/// The hourly table and what makes it.
pub(crate) const HOURLY: TableDefinition = TableDefinition {
    table: &HOURLY_SUMMARY,
    migrations: &[Migration {
        version: "2026-11-30_hourly_summary_local",
        sql: include_str!("summaries/2026-11-30_hourly_summary_local.sql"),
    }],
};

/// The daily table and what makes it.
pub(crate) const DAILY: TableDefinition = TableDefinition {
    table: &DAILY_SUMMARY,
    migrations: &[Migration {
        version: "2026-11-30_daily_summary_local",
        sql: include_str!("summaries/2026-11-30_daily_summary_local.sql"),
    }],
};

/// What websites had in whole UTC hours.
pub static HOURLY_SUMMARY: Table = Table::new("hourly_summary_local", || {
    columns(&[
        ("website_id", "String"),
        ("hour", "DateTime('UTC')"),
        ("is_bot", "UInt8"),
        ("events", "Float64"),
        ("pageviews", "Float64"),
        ("engagement_ms", "Float64"),
        ("users", "AggregateFunction(uniqExact, UInt64)"),
        ("sessions", "AggregateFunction(uniqExact, UInt64)"),
        ("version", "UInt64"),
        ("is_deleted", "UInt8"),
    ])
});

/// What websites had on whole UTC days.
pub static DAILY_SUMMARY: Table = Table::new("daily_summary_local", || {
    columns(&[
        ("website_id", "String"),
        ("date", "Date"),
        ("is_bot", "UInt8"),
        ("events", "Float64"),
        ("pageviews", "Float64"),
        ("engagement_ms", "Float64"),
        ("users", "AggregateFunction(uniqExact, UInt64)"),
        ("sessions", "AggregateFunction(uniqExact, UInt64)"),
        ("version", "UInt64"),
        ("is_deleted", "UInt8"),
    ])
});
