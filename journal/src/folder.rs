//! Makes a journal's folder durably and locks it for one holder. Knows nothing of what lies in it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::OpenError;
use crate::storage::Storage;

/// Name of the file whose lock says who holds the folder.
pub const LOCK: &str = "lock";
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Takes the exclusive lock, waiting `wait` for another holder; it is held as long as the file is open.
pub(crate) fn lock(dir: &Path, wait: Duration) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| OpenError::at(&path, error))?;
    let deadline = Instant::now() + wait;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(OpenError::at(&path, error)),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(OpenError::Locked { dir: dir.to_owned() });
            }
            Err(TryLockError::WouldBlock) => {
                if !told {
                    let seconds = wait.as_secs_f32();
                    tracing::info!(lock = %path.display(), seconds, "waiting for another process to release the lock");
                    told = true;
                }
                std::thread::sleep(LOCK_POLL);
            }
        }
    }
}

/// Creates `dir` with its parents, and has their names on disk: what is in a folder is as durable as the folder.
pub(crate) fn create(storage: &dyn Storage, dir: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    for made in missing {
        let parent = made.parent().filter(|parent| !parent.as_os_str().is_empty());
        storage.sync_folder(parent.unwrap_or(Path::new(".")))?;
    }
    Ok(())
}
