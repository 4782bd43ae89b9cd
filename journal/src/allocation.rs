//! Preallocates segment files, filled with zeros, and turns them into segments with a header and a name. Does not decide when.
//!
//! A segment whose bytes were written before (with zeros) changes neither its length nor its extents when records are
//! written into it: `fdatasync` then does not wait for the file system's own journal. Recovery finds the end of the records
//! by the absence of a sound header, so it needs no note of how much is zeros.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::segment::{DATA, Header};
use crate::storage::{Storage, write_all};

/// Names of files that are not segments yet; an opening removes them.
pub(crate) const UNFINISHED: &str = "unfinished";

/// Zeros written at once, in bytes.
const ZEROS: u64 = 1 << 20;
/// Zeros written between two syncs, in bytes, so that one sync never has a whole segment to write.
const SYNC_EVERY: u64 = 8 << 20;

/// A file of zeros that is not a segment yet.
#[derive(Debug)]
pub(crate) struct Preallocated {
    file: File,
    path: PathBuf,
    /// Its length in bytes.
    pub(crate) size: u64,
}

/// Makes a file of `size` zeros in `dir` and syncs it. No file may have that `name` yet. Gives up between two writes
/// once `go_on` answers `false`.
pub(crate) fn preallocate(
    storage: &dyn Storage,
    dir: &Path,
    name: &str,
    size: u64,
    go_on: impl Fn() -> bool,
) -> io::Result<Preallocated> {
    let path = unfinished(dir, name);
    let file = storage.create(&path)?;
    let filled = fill(storage, &file, size, go_on);
    if let Err(error) = filled {
        discard(storage, &path);
        return Err(error);
    }
    Ok(Preallocated { file, path, size })
}

fn fill(storage: &dyn Storage, file: &File, size: u64, go_on: impl Fn() -> bool) -> io::Result<()> {
    let zeros = vec![0; ZEROS.min(size) as usize];
    let mut position = 0;
    while position < size {
        if !go_on() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = ZEROS.min(size - position);
        write_all(storage, file, &zeros[..length as usize], position)?;
        position += length;
        if position % SYNC_EVERY == 0 {
            storage.sync(file)?;
        }
    }
    storage.sync(file)
}

/// Turns a preallocated file into the segment that `header` describes. When this returns, header and name are on disk; when it
/// fails, the file has been removed if the storage allowed it.
pub(crate) fn install(
    storage: &dyn Storage,
    dir: &Path,
    preallocated: Preallocated,
    header: &Header,
) -> io::Result<(File, PathBuf)> {
    let path = dir.join(header.file_name());
    let Preallocated { file, path: unfinished, .. } = preallocated;
    let installed =
        write_all(storage, &file, &header.encode(), 0).and_then(|()| storage.sync(&file)).and_then(|()| {
            // The header is on disk before the name: every file called a segment has one.
            storage.rename(&unfinished, &path)
        });
    if let Err(error) = installed {
        discard(storage, &unfinished);
        return Err(error);
    }
    if let Err(error) = storage.sync_folder(dir) {
        discard(storage, &path);
        return Err(error);
    }
    Ok((file, path))
}

/// Removes a file that is not needed any more. A failure costs space until the next opening and nothing else.
pub(crate) fn discard(storage: &dyn Storage, path: &Path) {
    if let Err(error) = storage.remove(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a file that is not needed any more could not be removed");
    }
}

/// Removes what is left of a file called `name` that never became a segment.
pub(crate) fn discard_unfinished(storage: &dyn Storage, dir: &Path, name: &str) {
    discard(storage, &unfinished(dir, name));
}

fn unfinished(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.{UNFINISHED}"))
}

impl Preallocated {
    /// Removes it unused.
    pub(crate) fn discard(self, storage: &dyn Storage) {
        discard(storage, &self.path);
    }
}

/// Size of a segment that has to be made while appends wait: room for the header alone.
pub(crate) const HEADER_ONLY: u64 = DATA;
