//! `page_view_rollups_local`: page views by one dimension at a time, of whole hours and days. Says what is stored, not how it is computed.

use footfall_clickhouse::{Migration, Table, TableDefinition};

use crate::columns;

/// The table and what makes it.
pub(crate) const DEFINITION: TableDefinition = TableDefinition {
    table: &PAGE_VIEW_ROLLUPS,
    migrations: &[Migration {
        version: "2026-11-30_page_view_rollups_local",
        sql: include_str!("page_view_rollups/2026-11-30_page_view_rollups_local.sql"),
    }],
};

/// Page views by one dimension.
pub static PAGE_VIEW_ROLLUPS: Table = Table::new("page_view_rollups_local", || {
    columns(&[
        ("website_id", "String"),
        ("dimension", "String"),
        ("span", "UInt8"),
        ("start", "DateTime('UTC')"),
        ("value", "String"),
        ("is_bot", "UInt8"),
        ("pageviews", "Float64"),
        ("users", "AggregateFunction(uniqExact, UInt64)"),
        ("version", "UInt64"),
        ("is_deleted", "UInt8"),
    ])
});
