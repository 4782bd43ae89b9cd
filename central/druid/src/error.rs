//! What can be wrong with Druid, each as one sentence.

use footfall_daemon::fault::{Classify, Fault};

/// Why Druid cannot be opened. Permanent.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file with a certificate or a password.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Something that the client cannot work with, such as a URL that is none.
    #[error("druid: {0}")]
    Client(#[source] reqwest::Error),
}

/// Why Druid did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum DruidError {
    /// Nobody is there, or it does not answer in time.
    #[error("Druid's {part} cannot be reached: see that it runs and that druid.{part} is right ({reason})")]
    Unreachable {
        /// Its process.
        part: &'static str,
        /// What the client says.
        reason: String,
    },
    /// It does not know us, or we may not.
    #[error("Druid's {part} refuses our credentials: correct druid.user or the file of druid.password_file")]
    Credentials {
        /// Its process.
        part: &'static str,
    },
    /// It cannot take what it was given.
    #[error("Druid's {part} refuses {what}: {reason}")]
    Refused {
        /// Its process.
        part: &'static str,
        /// What it was given.
        what: &'static str,
        /// What it says.
        reason: String,
    },
    /// It failed, or is not ready yet.
    #[error("Druid's {part} failed: {reason}")]
    Failed {
        /// Its process.
        part: &'static str,
        /// What it says.
        reason: String,
    },
    /// Its answer is no answer to what was asked.
    #[error("Druid's {part} answers something else than was asked for: {reason}")]
    Answer {
        /// Its process.
        part: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl Classify for DruidError {
    fn fault(&self) -> Fault {
        match self {
            // A wrong password, too: somebody can put that right while we wait.
            Self::Unreachable { .. } | Self::Credentials { .. } | Self::Failed { .. } => Fault::Transient,
            Self::Refused { .. } | Self::Answer { .. } => Fault::Permanent,
        }
    }
}
