//! Where data rests: events in ClickHouse, metadata in SQLite, the live minutes in memory. Knows nothing of the log that feeds it.

pub mod events;
pub mod live;
pub mod metadata;
