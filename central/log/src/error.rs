//! Why the log does not open, and why it takes no records. Whether trying again can help is said by each.

use std::io;

use footfall_daemon::fault::{Classify, Fault};
use footfall_journal::{AppendError, OpenError};

use super::incarnation::IncarnationError;

/// Why the log does not open, or a consumer cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The journal. See [`OpenError::is_transient`].
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// The log's incarnation. Permanent.
    #[error(transparent)]
    Incarnation(#[from] IncarnationError),
    /// The file system or the server refused. Transient as far as anyone can tell.
    #[error("the log cannot be read: {0}")]
    Storage(#[source] io::Error),
    /// No release wrote such records, and none reads them. Permanent.
    #[error(
        "the log's records (partition {partition}) were written by an earlier build, which this one does not read: start with an empty data folder or another topic"
    )]
    EarlierBuild {
        /// Whose first record it is.
        partition: u32,
    },
    /// A commit lies past the log's end: part of the log was lost or replaced. Permanent.
    #[error("{consumer} committed offset {committed}, but the log ends at {end}: part of it was lost")]
    Beyond {
        /// Who committed.
        consumer: &'static str,
        /// What it committed.
        committed: u64,
        /// The log's end.
        end: u64,
    },
}

impl Classify for LogError {
    fn fault(&self) -> Fault {
        match self {
            Self::Journal(error) if error.is_transient() => Fault::Transient,
            Self::Storage(_) => Fault::Transient,
            Self::Journal(_) | Self::Incarnation(_) | Self::EarlierBuild { .. } | Self::Beyond { .. } => {
                Fault::Permanent
            }
        }
    }
}

/// Why records were not taken into the log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refused {
    /// Sinks are so far behind that the log has no room.
    #[error("the log is full: {0}")]
    Full(String),
    /// A record that can never fit.
    #[error("a record is too large for the log: {0}")]
    TooLarge(String),
    /// The disk failed, or the log is closing.
    #[error("the log takes nothing: {0}")]
    Unavailable(String),
}

impl Classify for Refused {
    /// What to do with the same records.
    fn fault(&self) -> Fault {
        match self {
            Self::Full(_) | Self::Unavailable(_) => Fault::Transient,
            Self::TooLarge(_) => Fault::Poison,
        }
    }
}

impl From<AppendError> for Refused {
    fn from(error: AppendError) -> Self {
        let sentence = error.to_string();
        match error {
            AppendError::Full { .. } => Self::Full(sentence),
            AppendError::TooLarge { .. } => Self::TooLarge(sentence),
            AppendError::Storage { .. } | AppendError::Closed => Self::Unavailable(sentence),
        }
    }
}
