//! Rebuilding a tier from the raw log. Reads what the log held through the log's own reader and writes it through the sinks' own mappings,
//! so that the result is what the straight run made. Serves nothing; runs while nobody else writes.

pub mod events;
pub mod live;
pub mod parked;
mod plan;
mod reader;

pub use reader::Judge;

use footfall_blobs::BlobError;
use footfall_clickhouse::StoreError;
use footfall_live::LiveError;

/// Why a tier was not rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The raw log. See [`BlobError::fault`].
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The event store. See [`StoreError::fault`].
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The live view. Transient.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// The live view holds something else than it was given. Permanent, unless somebody else feeds it.
    #[error(
        "{sent} events of a minute were counted, but Redis holds {held}: stop every central that feeds this Redis, and do it again"
    )]
    LiveCount {
        /// What was sent.
        sent: u64,
        /// What is there.
        held: u64,
    },
    /// The rows could not be loaded. Transient as far as anyone can tell.
    #[error("loading failed: {0}")]
    Load(String),
    /// Rows got lost, or more came than were sent. Permanent.
    #[error("{sent} rows of {day} were loaded, but {held} are there: nothing may be concluded from that")]
    Count {
        /// The day.
        day: String,
        /// What was sent.
        sent: u64,
        /// What is there.
        held: u64,
    },
    /// The raw log does not hold the whole day. Permanent.
    #[error(
        "{rows} stored rows of {day} are not in the raw log and would be gone: let central run until the raw log has caught up, or give \
         --accept-loss"
    )]
    Loss {
        /// The day.
        day: String,
        /// How many rows.
        rows: u64,
    },
    /// Somebody writes. Transient.
    #[error("rows of {0} were stored meanwhile: stop every central that writes into this event store")]
    WrittenMeanwhile(String),
}
