//! `sessions_local`: one row for each session that has ended. Says what is stored, not how it is computed.

use footfall_clickhouse::{Migration, Table, TableDefinition};

use crate::columns;

/// The table and what makes it.
pub(crate) const DEFINITION: TableDefinition = TableDefinition {
    table: &SESSIONS,
    migrations: &[Migration {
        version: "2026-11-30_sessions_local",
        sql: include_str!("sessions/2026-11-30_sessions_local.sql"),
    }],
};

/// Sessions that have ended.
pub static SESSIONS: Table = Table::new("sessions_local", || {
    columns(&[
        ("session_id", "String"),
        ("website_id", "String"),
        ("user_id", "String"),
        ("session_start", "DateTime('UTC')"),
        ("session_end", "DateTime('UTC')"),
        ("session_duration", "UInt32"),
        ("pageviews", "UInt32"),
        ("events", "UInt32"),
        ("transactions", "UInt32"),
        ("revenue", "Float64"),
        ("engagement_ms", "UInt64"),
        ("landing_page", "String"),
        ("exit_page", "String"),
        ("landed_at", "DateTime('UTC')"),
        ("traffic_source", "String"),
        ("source_name", "String"),
        ("traffic_medium", "String"),
        ("traffic_campaign", "String"),
        ("traffic_keyword", "String"),
        ("traffic_content", "String"),
        ("device_type", "String"),
        ("browser", "String"),
        ("os", "String"),
        ("country", "String"),
        ("region", "String"),
        ("city", "String"),
        ("is_bounce", "UInt8"),
        ("is_conversion", "UInt8"),
        ("is_bot", "UInt8"),
        ("sample_rate", "Float64"),
        ("custom_dimension_1", "String"),
        ("custom_dimension_2", "String"),
        ("custom_dimension_3", "String"),
        ("custom_dimension_4", "String"),
        ("custom_dimension_5", "String"),
        ("custom_dimension_6", "String"),
        ("custom_dimension_7", "String"),
        ("custom_dimension_8", "String"),
        ("custom_dimension_9", "String"),
        ("custom_dimension_10", "String"),
        ("custom_dimension_11", "String"),
        ("custom_dimension_12", "String"),
        ("custom_dimension_13", "String"),
        ("custom_dimension_14", "String"),
        ("custom_dimension_15", "String"),
        ("custom_dimension_16", "String"),
        ("custom_dimension_17", "String"),
        ("custom_dimension_18", "String"),
        ("custom_dimension_19", "String"),
        ("custom_dimension_20", "String"),
        ("version", "UInt64"),
        ("is_deleted", "UInt8"),
    ])
});
