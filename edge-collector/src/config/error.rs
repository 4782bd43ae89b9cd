//! What is wrong with a configuration, in one sentence for a person. Decides nothing.

use std::path::PathBuf;

/// Why a configuration cannot be used. Permanent: somebody must edit it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("the configuration {} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, an unknown key, or a value of another type.
    #[error("the configuration is wrong: {0}")]
    Syntax(String),
    /// A key without a default is missing.
    #[error("the configuration lacks `{key}`")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A value that means nothing.
    #[error("`{key}` is \"{value}\" but must be {expected}")]
    Value {
        /// The key.
        key: String,
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
    #[error("`{key}` needs the file {}, which does not exist", path.display())]
    NoFile {
        /// The key.
        key: &'static str,
        /// The missing file.
        path: PathBuf,
    },
    /// A variable that no key answers to.
    #[error("the environment variable {0} names no configuration key")]
    UnknownVariable(String),
}

impl ConfigError {
    pub(super) fn value(key: &str, value: &str, expected: &'static str) -> Self {
        Self::Value { key: key.into(), value: value.into(), expected }
    }

    pub(super) fn syntax(error: &toml::de::Error) -> Self {
        Self::Syntax(error.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
    }
}
