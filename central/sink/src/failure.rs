//! Why a sink could not begin, or could not write: what to do about it, and what happened, in a sentence.

use footfall_blobs::BlobError;
use footfall_daemon::fault::{Classify as _, Fault};
use footfall_live::LiveError;
use footfall_log::{CursorError, LogError};

/// What a sink could not do.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{sentence}")]
pub struct Failure {
    /// What to do about it.
    pub fault: Fault,
    /// What happened, for people.
    pub sentence: String,
}

impl Failure {
    /// The same again later can succeed.
    pub fn transient(error: impl std::error::Error) -> Self {
        Self { fault: Fault::Transient, sentence: error.to_string() }
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self { fault: error.fault(), sentence: error.to_string() }
    }
}

impl From<CursorError> for Failure {
    fn from(error: CursorError) -> Self {
        Self::transient(error)
    }
}

impl From<LiveError> for Failure {
    fn from(error: LiveError) -> Self {
        Self::transient(error)
    }
}

impl From<BlobError> for Failure {
    fn from(error: BlobError) -> Self {
        Self { fault: error.fault(), sentence: error.to_string() }
    }
}
