//! An exclusive lock on a file, held for as long as the value lives; the system drops it with the process, however it ends. It is waited
//! for, as a predecessor may be about to end.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often it is tried.
const POLL: Duration = Duration::from_millis(20);

/// Dropping it releases the lock. The file stays: removing it would let two holders lock two files of one name.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits up to `wait`; nothing when another process still holds it then. Blocks meanwhile. Makes the file, mode 0600, when it is
    /// missing.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    pub fn take(path: &Path, wait: Duration) -> io::Result<Option<Self>> {
        let mut attempt = Attempt::new(path, wait)?;
        loop {
            match attempt.again()? {
                Next::Pause(pause) => std::thread::sleep(pause),
                Next::GiveUp => return Ok(None),
                Next::Held => return Ok(Some(Self { _file: attempt.file })),
            }
        }
    }

    /// The same, and lets other tasks run meanwhile.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    pub async fn acquire(path: &Path, wait: Duration) -> io::Result<Option<Self>> {
        let mut attempt = Attempt::new(path, wait)?;
        loop {
            match attempt.again()? {
                Next::Pause(pause) => tokio::time::sleep(pause).await,
                Next::GiveUp => return Ok(None),
                Next::Held => return Ok(Some(Self { _file: attempt.file })),
            }
        }
    }
}

/// Whether a process holds the lock at `path`. Makes no file: where there is none, nobody holds it. A holder who comes at the same moment
/// waits for as long as this takes.
///
/// # Errors
/// When the file is there and cannot be opened or locked.
pub fn is_held(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(naming(path, &error)),
    };
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(naming(path, &error)),
    }
}

struct Attempt<'a> {
    path: &'a Path,
    file: File,
    deadline: Instant,
    told: bool,
}

enum Next {
    Held,
    Pause(Duration),
    GiveUp,
}

impl<'a> Attempt<'a> {
    fn new(path: &'a Path, wait: Duration) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let opened = options.write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = opened.map_err(|error| naming(path, &error))?;
        Ok(Self { path, file, deadline: Instant::now() + wait, told: false })
    }

    fn again(&mut self) -> io::Result<Next> {
        match self.file.try_lock() {
            Ok(()) => return Ok(Next::Held),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(error)) => return Err(naming(self.path, &error)),
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Next::GiveUp);
        }
        if !self.told {
            let seconds = left.as_secs_f32();
            tracing::info!(lock = %self.path.display(), seconds, "waiting for another process to release the lock");
            self.told = true;
        }
        Ok(Next::Pause(left.min(POLL)))
    }
}

fn naming(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot lock {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_second_holder_waits_as_long_as_it_was_told_and_gets_the_lock_once_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::take(&path, Duration::ZERO).unwrap().expect("nobody else holds it");
        let begun = Instant::now();
        assert!(Lock::take(&path, Duration::from_millis(150)).unwrap().is_none());
        assert!(begun.elapsed() >= Duration::from_millis(150));
        let waiting = {
            let path = path.clone();
            std::thread::spawn(move || Lock::take(&path, LONG))
        };
        drop(first);
        assert!(waiting.join().expect("no panic").unwrap().is_some(), "free by now");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn it_can_be_asked_for_without_taking_or_making_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(!is_held(&path).unwrap() && !path.exists());
        let held = Lock::take(&path, Duration::ZERO).unwrap().expect("nobody else holds it");
        assert!(is_held(&path).unwrap());
        drop(held);
        assert!(!is_held(&path).unwrap());
        assert!(Lock::take(&path, Duration::ZERO).unwrap().is_some(), "it was not taken");
    }

    #[tokio::test]
    async fn one_that_waits_lets_the_holder_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::acquire(&path, Duration::ZERO).await.unwrap().expect("nobody else holds it");
        assert!(Lock::acquire(&path, Duration::ZERO).await.unwrap().is_none());
        // One thread: the holder can only let go while the other's waiting leaves it room.
        let (second, ()) = tokio::join!(Lock::acquire(&path, LONG), async { drop(first) });
        assert!(second.unwrap().is_some(), "free by now");
    }

    #[test]
    fn a_folder_that_is_not_there_is_no_other_holder() {
        let refused = Lock::take(Path::new("/nonexistent/lock"), LONG).expect_err("no folder");
        assert!(refused.to_string().contains("/nonexistent/lock"), "{refused}");
    }
}
