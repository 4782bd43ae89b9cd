//! An exclusive lock on a file, held for as long as the value lives; the kernel drops it with the process, however it ends.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::fs::{FlockOperation, flock};

/// Dropping it releases the lock. The file stays: removing it would let two holders lock two files of one name.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits up to `patience`; `None` when another process still holds it then.
    pub(crate) fn wait(path: &Path, patience: Duration) -> anyhow::Result<Option<Self>> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .with_context(|| format!("cannot open the lock {}", path.display()))?;
        let deadline = Instant::now() + patience;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(Self { _file: file })),
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error).with_context(|| format!("cannot lock {}", path.display())),
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            std::thread::sleep(left.min(Duration::from_millis(100)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_waits_its_patience_and_gets_the_lock_once_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::wait(&path, Duration::ZERO).unwrap().expect("nobody else holds it");
        let begun = Instant::now();
        assert!(Lock::wait(&path, Duration::from_millis(150)).unwrap().is_none());
        assert!(begun.elapsed() >= Duration::from_millis(150));
        drop(first);
        // A child that another test starts just now may hold a copy until it becomes its program.
        assert!(Lock::wait(&path, Duration::from_secs(5)).unwrap().is_some());
    }
}
