//! An exclusive lock on a file, held for as long as the value lives; the system drops it with the process, however it ends. It is waited
//! for, as a predecessor may be about to end.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::fault::{Classify, Fault};

/// How often it is tried.
const POLL: Duration = Duration::from_millis(20);

/// Dropping it releases the lock. The file stays: removing it would let two holders lock two files of one name.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits up to `wait` for another holder; blocks meanwhile. Makes the file, mode 0600, when it is missing.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn take(path: &Path, wait: Duration) -> Result<Self, LockError> {
        let mut attempt = Attempt::new(path, wait)?;
        loop {
            match attempt.again()? {
                Some(pause) => std::thread::sleep(pause),
                None => return Ok(Self { _file: attempt.file }),
            }
        }
    }

    /// The same, and lets other tasks run meanwhile.
    ///
    /// # Errors
    /// [`LockError`].
    pub async fn acquire(path: &Path, wait: Duration) -> Result<Self, LockError> {
        let mut attempt = Attempt::new(path, wait)?;
        loop {
            match attempt.again()? {
                Some(pause) => std::thread::sleep(pause),
                None => return Ok(Self { _file: attempt.file }),
            }
        }
    }
}

struct Attempt<'a> {
    path: &'a Path,
    file: File,
    deadline: Instant,
    told: bool,
}

impl<'a> Attempt<'a> {
    fn new(path: &'a Path, wait: Duration) -> Result<Self, LockError> {
        let mut options = OpenOptions::new();
        let opened = options.write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = opened.map_err(|source| LockError::File { path: path.to_owned(), source })?;
        Ok(Self { path, file, deadline: Instant::now() + wait, told: false })
    }

    /// How long to pause before the next attempt; nothing once the lock is ours.
    fn again(&mut self) -> Result<Option<Duration>, LockError> {
        match self.file.try_lock() {
            Ok(()) => return Ok(None),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(source)) => {
                return Err(LockError::File { path: self.path.to_owned(), source });
            }
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(LockError::Held { path: self.path.to_owned() });
        }
        if !self.told {
            tracing::info!(lock = %self.path.display(), seconds = left.as_secs(), "waiting for another process to release it");
            self.told = true;
        }
        Ok(Some(left.min(POLL)))
    }
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Transient: another process holds it.
    #[error("another process holds {}", path.display())]
    Held {
        /// The lock's file.
        path: PathBuf,
    },
    /// Permanent: it cannot be made or locked.
    #[error("cannot lock {}: {source}", path.display())]
    File {
        /// The lock's file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Classify for LockError {
    fn fault(&self) -> Fault {
        match self {
            Self::Held { .. } => Fault::Transient,
            Self::File { .. } => Fault::Permanent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_second_holder_waits_as_long_as_it_was_told_and_gets_the_lock_once_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::take(&path, Duration::ZERO).expect("nobody else holds it");
        let begun = Instant::now();
        let refused = Lock::take(&path, Duration::from_millis(150)).expect_err("held");
        assert!(begun.elapsed() >= Duration::from_millis(150));
        assert!(refused.is_transient() && refused.to_string().contains("another process holds"), "{refused}");
        let waiting = {
            let path = path.clone();
            std::thread::spawn(move || Lock::take(&path, Duration::from_secs(20)))
        };
        drop(first);
        waiting.join().expect("no panic").expect("free by now");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn one_that_waits_lets_the_holder_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::acquire(&path, Duration::ZERO).await.expect("nobody else holds it");
        // One thread: the holder can only let go while the other's waiting leaves it room.
        let (second, ()) = tokio::join!(Lock::acquire(&path, Duration::from_secs(20)), async { drop(first) });
        second.expect("free by now");
    }

    #[test]
    fn a_folder_that_is_not_there_is_no_other_holder() {
        let refused =
            Lock::take(Path::new("/nonexistent/lock"), Duration::from_secs(20)).expect_err("no folder");
        assert!(!refused.is_transient(), "{refused}");
    }
}
