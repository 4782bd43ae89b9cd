//! Where data rests: events in ClickHouse, metadata in SQLite or PostgreSQL, the live minutes in memory, blobs in a folder or S3. Knows
//! nothing of the log that feeds it.

pub mod blobs;
pub mod events;
pub mod live;
pub mod metadata;

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The same again later can succeed.
    Transient,
    /// Only a person can help; going on would make it worse.
    Permanent,
    /// The data itself cannot be taken.
    Poison,
}
