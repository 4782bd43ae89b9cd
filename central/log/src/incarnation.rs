//! The log's identity: 128 random bits made with it. With partition and offset it says which row of a store came from where.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use footfall_daemon::file;

/// A log's random identity. Two logs never share one, so the coordinates of one never meet those of another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Incarnation(pub [u8; 16]);

impl Incarnation {
    /// The incarnation kept in `path`; made and kept, durably, when there is none and `fresh` says that there is no log yet.
    ///
    /// # Errors
    /// [`IncarnationError`].
    pub fn load_or_create(path: &Path, fresh: bool) -> Result<Self, IncarnationError> {
        let failed = |source| IncarnationError::File { path: path.to_owned(), source };
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(text.trim()).ok_or_else(|| IncarnationError::Unreadable(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound && fresh => {
                let made = Self::random()?;
                file::replace(path, format!("{made}\n").as_bytes(), 0o600).map_err(failed)?;
                Ok(made)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(IncarnationError::Lost(path.to_owned()))
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn random() -> Result<Self, IncarnationError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| IncarnationError::Randomness)?;
        Ok(Self(bytes))
    }

    fn parse(text: &str) -> Option<Self> {
        (text.len() == 32)
            .then(|| u128::from_str_radix(text, 16).ok())
            .flatten()
            .map(|n| Self(n.to_be_bytes()))
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Incarnation({self})")
    }
}

/// Why a log has no incarnation. Permanent, but for `File`.
#[derive(Debug, thiserror::Error)]
pub enum IncarnationError {
    /// There is a log but its incarnation is gone: under a new one, every row would be stored again.
    #[error("{0} is missing although there is a log beside it; restore it, or move the log away")]
    Lost(PathBuf),
    /// Not 32 hexadecimal digits.
    #[error("{0} does not hold a log's incarnation")]
    Unreadable(PathBuf),
    /// The file system refused.
    #[error("{path}: {source}")]
    File {
        /// The file in question.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The operating system has no randomness to give.
    #[error("the operating system gave no randomness")]
    Randomness,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incarnation_is_made_once_and_kept() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("incarnation");
        let made = Incarnation::load_or_create(&path, true).expect("made");
        assert_eq!(Incarnation::load_or_create(&path, true).expect("kept"), made);
        assert_eq!(Incarnation::load_or_create(&path, false).expect("kept"), made);
        assert_eq!(Incarnation::parse(&made.to_string()), Some(made));
    }

    #[test]
    fn a_lost_or_unreadable_incarnation_is_never_replaced() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("incarnation");
        assert!(matches!(Incarnation::load_or_create(&path, false), Err(IncarnationError::Lost(_))));
        fs::write(&path, "not an incarnation").expect("write");
        assert!(matches!(Incarnation::load_or_create(&path, true), Err(IncarnationError::Unreadable(_))));
    }
}
