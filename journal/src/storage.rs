//! The operations on files that can fail a journal, behind one seam: the disk, and in tests a fake that fails on request.
//! Knows nothing of segments or records.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// What a journal asks of a file system. The bodies are the real thing; a fake overrides those it wants to fail.
/// Writes and reads may be short, as the operating system's may.
pub(crate) trait Storage: Send + Sync + 'static {
    /// A new file, mode 0600, for reading and writing. Fails when the name is taken: two writers must never share a file.
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
    }

    /// Opens an existing file.
    fn open(&self, path: &Path, write: bool) -> io::Result<File> {
        OpenOptions::new().read(true).write(write).open(path)
    }

    /// Writes some of `bytes` at `position` and says how many.
    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<usize> {
        file.write_at(bytes, position)
    }

    /// Reads some bytes at `position` and says how many; none at the end of the file.
    fn read_at(&self, file: &File, bytes: &mut [u8], position: u64) -> io::Result<usize> {
        file.read_at(bytes, position)
    }

    /// Returns once the file's bytes and length are on disk.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Returns once the names in a folder are on disk.
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    /// Cuts the file to `length` bytes.
    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    /// Gives a file another name; whatever had it is gone.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }
}

/// The file system itself.
#[derive(Debug)]
pub(crate) struct Disk;

impl Storage for Disk {}

/// Writes all of `bytes` at `position`, however often the storage writes less than asked.
pub(crate) fn write_all(storage: &dyn Storage, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match storage.write_at(file, &bytes[done..], position + done as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => done += written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Fills `bytes` from `position` on, as far as the file goes; says how far.
pub(crate) fn read_up_to(
    storage: &dyn Storage,
    file: &File,
    bytes: &mut [u8],
    position: u64,
) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match storage.read_at(file, &mut bytes[done..], position + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
