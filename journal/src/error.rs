//! What can go wrong with a journal, told by who has to act on it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a journal did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process (or another handle of this one) holds the folder and kept it for the whole wait.
    #[error("another process holds the journal {dir}")]
    Locked {
        /// The journal's folder.
        dir: PathBuf,
    },
    /// The options contradict each other; opening again cannot help.
    #[error("journal options: {0}")]
    Options(&'static str),
    /// A segment was written by a format that this version does not read; opening again cannot help.
    #[error("{path} has the journal format {found}, this version reads format {known}")]
    Format {
        /// The segment file.
        path: PathBuf,
        /// The format that its header names.
        found: u32,
        /// The format that this version writes and reads.
        known: u32,
    },
    /// The file system refused. Nothing was changed that a later opening would need.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder in question.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl OpenError {
    pub(crate) fn at(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    /// Whether opening again later, with nothing else changed, can succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::Io { .. })
    }
}

/// Why an append was not acknowledged. None of its records will be read with the answer "appended"; after
/// [`Storage`](AppendError::Storage) and a crash they may yet be found.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// Unreleased and queued records fill the bound. Transient: passes when something is released.
    #[error("the journal is full: {held} of {limit} bytes wait for their release")]
    Full {
        /// Bytes that wait, on disk and in the queue.
        held: u64,
        /// [`Options::max_bytes`](crate::Options::max_bytes).
        limit: u64,
    },
    /// A record, or the append as a whole, can never fit. Permanent.
    #[error("an append of {bytes} bytes is over the limit of {limit}")]
    TooLarge {
        /// Size of the record (or of the append) in bytes.
        bytes: u64,
        /// The limit it broke.
        limit: u64,
    },
    /// The disk failed or is full. Transient: the next append tries a new segment.
    #[error("the journal's storage failed: {source}")]
    Storage {
        /// What the operating system said; shared by all appends of the group.
        source: Arc<io::Error>,
    },
    /// The journal was closed. Permanent for this handle.
    #[error("the journal is closed")]
    Closed,
}

impl AppendError {
    /// Whether the same append can succeed later on the same handle.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Storage { .. })
    }
}

/// Why a reader could not go on. It keeps its position.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The records at the position were released and are gone.
    #[error("the records before offset {start} are gone")]
    Trimmed {
        /// The oldest offset that can be read.
        start: u64,
    },
    /// The file could not be read. Transient as far as anyone can tell.
    #[error("reading the journal: {0}")]
    Io(#[from] io::Error),
    /// The journal is closed and all of it was read.
    #[error("the journal is closed")]
    Closed,
}
