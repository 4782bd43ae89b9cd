//! Whether derived tables hold the same rows before and after they were computed again. Reads only.

use footfall_clickhouse::{EventStore, Limits, Statement, StoreError, Value};

use super::request::Request;

/// What a comparison may use.
const LIMITS: Limits = Limits { seconds: 300, memory_bytes: 4 << 30 };
/// Marks the statements.
const PURPOSE: &str = "derive-checksum";

/// What can be computed again, by its tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tables {
    /// Sessions.
    Sessions,
    /// Which session reached which goal.
    Conversions,
    /// What is made of events and sessions by hour and day.
    Aggregates,
}

/// What a table holds of some days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// Which table.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
    /// A sum of their hashes.
    pub hash: u64,
}

impl Tables {
    fn statements(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Sessions => &[("sessions", include_str!("sql/checksum_sessions.sql"))],
            Self::Conversions => &[("conversions", include_str!("sql/checksum_conversions.sql"))],
            Self::Aggregates => &[
                ("page_views_hourly", include_str!("sql/checksum_page_views_hourly.sql")),
                ("hourly_summary", include_str!("sql/checksum_hourly_summary.sql")),
                ("daily_summary", include_str!("sql/checksum_daily_summary.sql")),
                ("page_view_rollups", include_str!("sql/checksum_page_view_rollups.sql")),
                ("traffic_sources_daily", include_str!("sql/checksum_traffic_sources_daily.sql")),
                ("hourly_visits", include_str!("sql/checksum_hourly_visits.sql")),
            ],
        }
    }
}

/// What these tables hold of the days and websites of a request.
///
/// # Errors
/// [`StoreError`].
pub async fn checksums(
    store: &EventStore,
    partitions: u32,
    tables: Tables,
    request: &Request,
) -> Result<Vec<Checksum>, StoreError> {
    let mut sums = Vec::new();
    for (table, sql) in tables.statements().iter().copied() {
        let mut sum = Checksum { table, rows: 0, hash: 0 };
        for partition in 0..partitions {
            let statement = Statement::new(sql, LIMITS)
                .with("partitions", Value::Number(partitions.into()))
                .with("partition", Value::Number(partition.into()))
                .with("day_from", Value::Number(request.day_from.into()))
                .with("day_to", Value::Number(request.day_to.into()))
                .with("website", request.website_id.as_deref().unwrap_or_default().into());
            let mut statements = store.partition_statements(PURPOSE, partition);
            let (rows, hash) = statements.fetch_one::<(u64, u64)>(&statement).await?;
            sum.rows += rows;
            sum.hash = sum.hash.wrapping_add(hash);
        }
        sums.push(sum);
    }
    Ok(sums)
}
