//! `page_views_hourly_local`: the seed's hourly page views. Says what is stored, not how it is computed.

use footfall_clickhouse::{Migration, Table, TableDefinition};

use crate::columns;

/// The table and what makes it.
pub(crate) const DEFINITION: TableDefinition = TableDefinition {
    table: &PAGE_VIEWS_HOURLY,
    migrations: &[Migration {
        version: "2026-11-30_page_views_hourly_local",
        sql: include_str!("page_views_hourly/2026-11-30_page_views_hourly_local.sql"),
    }],
};

/// Page views of whole UTC hours.
pub static PAGE_VIEWS_HOURLY: Table = Table::new("page_views_hourly_local", || {
    columns(&[
        ("website_id", "String"),
        ("page_path", "String"),
        ("hour", "DateTime('UTC')"),
        ("country", "String"),
        ("device_type", "String"),
        ("is_bot", "UInt8"),
        ("pageviews", "Float64"),
        ("engagement_ms", "Float64"),
        ("users", "AggregateFunction(uniqExact, UInt64)"),
        ("sessions", "AggregateFunction(uniqExact, UInt64)"),
        ("version", "UInt64"),
        ("is_deleted", "UInt8"),
    ])
});
