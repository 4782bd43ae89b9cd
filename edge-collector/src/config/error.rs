//! What is wrong with a configuration, in one sentence for a person. Decides nothing.

use std::path::PathBuf;

/// Why a configuration cannot be used. Permanent: somebody must edit it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read, an unknown key, a missing one, or a value of another type.
    #[error(transparent)]
    Layers(#[from] footfall_daemon::config::ConfigError),
    /// A value that means nothing.
    #[error("`{key}` is \"{value}\" but must be {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What was given.
        value: String,
        /// What would do.
        expected: &'static str,
    },
    /// A number out of its range.
    #[error("`{key}` is {value} but must be between {least} and {most}")]
    Range {
        /// The key.
        key: &'static str,
        /// What was given.
        value: u64,
        /// The least that will do.
        least: u64,
        /// The most that will do.
        most: u64,
    },
    /// A file that a key names does not exist.
    #[error("`{key}` needs the file {}, which does not exist: put it there, or name the file where it is", path.display())]
    NoFile {
        /// The key.
        key: &'static str,
        /// The missing file.
        path: PathBuf,
    },
}

impl ConfigError {
    pub(super) fn value(key: &'static str, value: &str, expected: &'static str) -> Self {
        Self::Value { key, value: value.into(), expected }
    }
}
