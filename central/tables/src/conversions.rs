//! `conversions_local`: which session reached which goal. Says what is stored, not how it is computed.

use footfall_clickhouse::{Migration, Table, TableDefinition};

use crate::columns;

/// The table and what makes it.
pub(crate) const DEFINITION: TableDefinition = TableDefinition {
    table: &CONVERSIONS,
    migrations: &[Migration {
        version: "2026-11-30_conversions_local",
        sql: include_str!("conversions/2026-11-30_conversions_local.sql"),
    }],
};

/// Goals that sessions reached.
pub static CONVERSIONS: Table = Table::new("conversions_local", || {
    columns(&[
        ("website_id", "String"),
        ("goal_id", "String"),
        ("session_id", "String"),
        ("user_id", "String"),
        ("session_start", "DateTime('UTC')"),
        ("reached_at", "DateTime64(3, 'UTC')"),
        ("times", "UInt32"),
        ("revenue", "Float64"),
        ("is_bot", "UInt8"),
        ("sample_rate", "Float64"),
        ("version", "UInt64"),
        ("is_deleted", "UInt8"),
    ])
});
