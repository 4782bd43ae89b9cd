//! `hourly_visits_local`: what visits come to by hour. Says what is stored, not how it is computed.

use footfall_clickhouse::{Migration, Table, TableDefinition};

use crate::columns;

/// The table and what makes it.
pub(crate) const DEFINITION: TableDefinition = TableDefinition {
    table: &HOURLY_VISITS,
    migrations: &[Migration {
        version: "2026-11-30_hourly_visits_local",
        sql: include_str!("hourly_visits/2026-11-30_hourly_visits_local.sql"),
    }],
};

/// Visits of the hours of whole UTC days.
pub static HOURLY_VISITS: Table = Table::new("hourly_visits_local", || {
    columns(&[
        ("website_id", "String"),
        ("hour", "DateTime('UTC')"),
        ("is_bot", "UInt8"),
        ("visits", "Float64"),
        ("bounced", "Float64"),
        ("duration", "Float64"),
        ("pageviews", "Float64"),
        ("conversions", "Float64"),
        ("revenue", "Float64"),
        ("bounces", "Float64"),
        ("version", "UInt64"),
        ("is_deleted", "UInt8"),
    ])
});
