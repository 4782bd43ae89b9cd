//! `traffic_sources_daily_local`: the seed's daily traffic sources. Says what is stored, not how it is computed.

use footfall_clickhouse::{Migration, Table, TableDefinition};

use crate::columns;

/// The table and what makes it.
pub(crate) const DEFINITION: TableDefinition = TableDefinition {
    table: &TRAFFIC_SOURCES_DAILY,
    migrations: &[Migration {
        version: "2026-11-30_traffic_sources_daily_local",
        sql: include_str!("traffic_sources_daily/2026-11-30_traffic_sources_daily_local.sql"),
    }],
};

/// Sessions of whole UTC days by their sources.
pub static TRAFFIC_SOURCES_DAILY: Table = Table::new("traffic_sources_daily_local", || {
    columns(&[
        ("website_id", "String"),
        ("date", "Date"),
        ("traffic_source", "String"),
        ("source_name", "String"),
        ("traffic_medium", "String"),
        ("traffic_campaign", "String"),
        ("is_bot", "UInt8"),
        ("sessions", "Float64"),
        ("users", "AggregateFunction(uniqExact, UInt64)"),
        ("pageviews", "Float64"),
        ("revenue", "Float64"),
        ("transactions", "Float64"),
        ("duration", "Float64"),
        ("bounces", "Float64"),
        ("conversions", "Float64"),
        ("version", "UInt64"),
        ("is_deleted", "UInt8"),
    ])
});
