//! What the log's backends give to be read: raw entries of one partition, still encoded. Data only.

use super::record::RawEntry;

/// Some entries in order of their offsets.
#[derive(Clone, Debug)]
pub struct EntryBatch {
    /// One entry at least; holes between them are possible.
    pub entries: Vec<RawEntry>,
    /// Where to go on, past holes.
    pub next: u64,
}

/// Why a source gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// What was asked for is not kept any more. Permanent; reading goes on at `start`.
    #[error("the log begins at {start} now")]
    Trimmed {
        /// The first offset that is kept.
        start: u64,
    },
    /// The log could not be read. Transient as far as anyone can tell.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The log is closed. Permanent.
    #[error("the log is closed")]
    Closed,
}
