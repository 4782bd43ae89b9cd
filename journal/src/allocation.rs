//! Makes segment files: zero-filled ahead of their use, then given a header and a name. Decides nothing about when.
//!
//! A segment whose bytes were written before (with zeros) changes neither its length nor its extents when records are
//! written into it: `fdatasync` then has no file-system journal to wait for. The zeros mean nothing to recovery, which
//! finds the end of the records by their absence.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::segment::{DATA, Header};
use crate::storage::{Storage, write_all};

/// Names of files that are not segments yet; an opening removes them.
pub(crate) const UNFINISHED: &str = "unfinished";

const PIECE: u64 = 1 << 20;
/// Zeros written between two syncs, so that one sync never has a whole segment to write.
const SYNC_EVERY: u64 = 8 << 20;

/// A file of zeros that awaits its header.
#[derive(Debug)]
pub(crate) struct Blank {
    file: File,
    path: PathBuf,
    /// Its length in bytes.
    pub(crate) size: u64,
}

/// Makes a file of `size` zeros in `dir` and syncs it. No file may have that `name` yet. Gives up between two pieces
/// when `go_on` says so.
pub(crate) fn blank(
    storage: &dyn Storage,
    dir: &Path,
    name: &str,
    size: u64,
    go_on: impl Fn() -> bool,
) -> io::Result<Blank> {
    let path = unfinished(dir, name);
    let file = storage.create(&path)?;
    let filled = fill(storage, &file, size, go_on);
    if let Err(error) = filled {
        discard(storage, &path);
        return Err(error);
    }
    Ok(Blank { file, path, size })
}

fn fill(storage: &dyn Storage, file: &File, size: u64, go_on: impl Fn() -> bool) -> io::Result<()> {
    let zeros = vec![0; PIECE.min(size) as usize];
    let mut position = 0;
    while position < size {
        if !go_on() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let piece = PIECE.min(size - position);
        write_all(storage, file, &zeros[..piece as usize], position)?;
        position += piece;
        if position % SYNC_EVERY == 0 {
            storage.sync(file)?;
        }
    }
    storage.sync(file)
}

/// Turns a blank into the segment that `header` describes. When this returns, header and name are on disk; when it fails,
/// the file is gone as far as the storage lets it.
pub(crate) fn install(
    storage: &dyn Storage,
    dir: &Path,
    blank: Blank,
    header: &Header,
) -> io::Result<(File, PathBuf)> {
    let path = dir.join(header.file_name());
    let Blank { file, path: unfinished, .. } = blank;
    let installed =
        write_all(storage, &file, &header.encode(), 0).and_then(|()| storage.sync(&file)).and_then(|()| {
            // The name comes after the header is on disk: whatever is called a segment has one.
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

/// Removes a file that is of no use any more. A failure costs space until the next opening, nothing else.
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

impl Blank {
    /// Removes it unused.
    pub(crate) fn discard(self, storage: &dyn Storage) {
        discard(storage, &self.path);
    }
}

/// Bytes of zeros for a segment that has to be made while appenders wait: the header alone.
pub(crate) const BARE: u64 = DATA;
