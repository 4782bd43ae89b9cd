//! What the computation of derived tables keeps of itself: how far it is, what it was asked for, and what a step works on. Says what is
//! stored, not how it is used.

use footfall_clickhouse::{Migration, Table, TableDefinition};

use crate::columns;

/// The table of progress, and what makes it and those beside it.
pub(crate) const PROGRESS: TableDefinition = TableDefinition {
    table: &DERIVATION_PROGRESS,
    migrations: &[
        Migration {
            version: "2026-11-30_derivation",
            sql: include_str!("derivation/2026-11-30_derivation.sql"),
        },
        Migration {
            version: "2026-11-30_visits_from",
            sql: include_str!("derivation/2026-11-30_visits_from.sql"),
        },
    ],
};

/// The table of requests, which the same migration makes, and the views that tell what the derived tables can be believed.
pub(crate) const REQUESTS: TableDefinition = TableDefinition {
    table: &DERIVATION_REQUESTS,
    // They stand on all derived tables.
    migrations: &[Migration { version: "2026-11-30_views", sql: include_str!("views/2026-11-30_views.sql") }],
};

/// How far each partition is.
pub static DERIVATION_PROGRESS: Table = Table::new("derivation_progress_local", || {
    columns(&[
        ("log_incarnation", "UUID"),
        ("log_partition", "UInt32"),
        ("partitions", "UInt32"),
        ("log_offset", "UInt64"),
        ("whole_from", "DateTime64(3, 'UTC')"),
        ("whole_to", "DateTime64(3, 'UTC')"),
        ("sessions_from", "DateTime64(3, 'UTC')"),
        ("sessions_to", "DateTime64(3, 'UTC')"),
        ("past_from", "DateTime64(3, 'UTC')"),
        ("visits_from", "DateTime64(3, 'UTC')"),
        ("token", "UInt64"),
        ("version", "UInt64"),
    ])
});

/// Days that are to be computed again.
pub static DERIVATION_REQUESTS: Table = Table::new("derivation_requests_local", || {
    columns(&[
        ("request_id", "UUID"),
        ("log_partition", "UInt32"),
        ("reason", "String"),
        ("day_from", "Date"),
        ("day_to", "Date"),
        ("website_id", "String"),
        ("requested_at", "DateTime64(3, 'UTC')"),
        ("done_from", "Date"),
        ("state", "String"),
        ("version", "UInt64"),
    ])
});
