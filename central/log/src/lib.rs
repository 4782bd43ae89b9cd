//! The log of all records: partitions, who owns them, and one decoding of each that every sink shares. Knows nothing of stores, nor of
//! how edges send.
//!
//! Read [`Log`] and [`Partition`] first, then [`deduplicator::Deduplicator`]: which records of the log are resends and which events are
//! repeats is decided there, the same for every sink and every replay. Where the log is kept stands behind `backend`: a journal
//! ([`embedded`]) or a topic of Apache Kafka ([`kafka`]); those two know nothing of partitions' owners, cursors and sinks.

mod appender;
mod backend;
pub mod checkpoint;
pub mod cursor;
pub mod dead_letter;
pub mod deduplicator;
pub mod embedded;
pub mod entry;
pub mod error;
mod feed;
#[cfg(test)]
mod fixture;
pub mod incarnation;
pub mod kafka;
mod log;
mod metrics;
mod ownership;
mod partition;
pub mod placement;
pub mod poison;
pub mod record;
pub mod seen_offsets;
pub mod window;

pub use appender::Appender;
pub use checkpoint::CHECKPOINT_BYTES;
pub use cursor::{Cursor, CursorError, RecordBatch};
pub use entry::RawEntry;
pub use error::{LogError, Refused};
pub use incarnation::Incarnation;
pub use log::Log;
pub use metrics::Metrics;
pub use partition::{Owned, Partition};
pub use placement::NewRecord;
pub use poison::{Poison, PoisonReason};
pub use record::{DecodedEvent, DecodedRecord, DropTally};

#[cfg(test)]
mod tests;
