//! Makes failed writes of the engine fail the statement: the program's own `write`, `fsync`, `fdatasync` and `rename`.
//!
//! The engine (26.7.3) does not look whether a write to a file succeeded: on a disk that is full, over its quota or broken, it
//! goes on, and would acknowledge an INSERT whose part is cut short. What it does look at is whether a file could be
//! synchronised and whether a part's folder could be renamed to its final name. So this program puts its own `write`, `fsync`,
//! `fdatasync` and `rename` before the C library's (see `build.rs`): a write that fails is recorded, and the next `fsync` or
//! `rename` of its file or folder is refused with the same error. The statement then fails with it, and nothing of it stays.
//!
//! Not covered: files that are neither synchronised nor renamed, as those of the Log family of table engines.

use std::ffi::{CStr, OsStr, c_char, c_int, c_long, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Files that the engine could not write, and why. An entry goes when a step was refused for it.
static FAILED: Mutex<Vec<(PathBuf, c_int)>> = Mutex::new(Vec::new());

/// Whether there are any: all that a call costs while nothing has failed.
static ANY: AtomicBool = AtomicBool::new(false);

/// Entries kept at most; the oldest go. A disk that fails as often has been reported as often.
const KEPT: usize = 4096;

/// Whether the engine's calls come here: the symbols are found before the C library's.
pub(super) fn are_interposed() -> bool {
    let own: [(&CStr, *const c_void); 4] = [
        (c"write", write as *const c_void),
        (c"fsync", fsync as *const c_void),
        (c"fdatasync", fdatasync as *const c_void),
        (c"rename", rename as *const c_void),
    ];
    // SAFETY: only looks symbols up, by names that are C strings.
    own.iter()
        .all(|(name, own)| unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }.cast_const() == *own)
}

/// # Safety
/// As `write(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn write(file: c_int, bytes: *const c_void, count: usize) -> isize {
    // SAFETY: the caller's promise, passed on to the kernel.
    let written = unsafe { libc::syscall(libc::SYS_write, file, bytes, count) };
    if written < 0 {
        let error = last_error();
        if ![libc::EINTR, libc::EAGAIN].contains(&error) {
            record_failure(file, error);
        }
        fail(error);
    }
    written as isize
}

/// # Safety
/// As `fsync(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn fsync(file: c_int) -> c_int {
    synchronise(libc::SYS_fsync, file)
}

/// # Safety
/// As `fdatasync(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn fdatasync(file: c_int) -> c_int {
    synchronise(libc::SYS_fdatasync, file)
}

/// # Safety
/// As `rename(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    if ANY.load(Ordering::Acquire) {
        // SAFETY: the caller's promise: a C string.
        let path = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(from) }.to_bytes()));
        // As the kernel named the files, without links.
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if let Some(error) = take_failure(|failed| failed.starts_with(&path)) {
            tracing::error!(path = %path.display(), errno = error, "not renamed: it could not be written whole");
            return fail(error);
        }
    }
    // SAFETY: the caller's promise, passed on; `renameat` in the current folder is `rename`.
    unsafe { libc::renameat(libc::AT_FDCWD, from, libc::AT_FDCWD, to) }
}

fn synchronise(call: c_long, file: c_int) -> c_int {
    if ANY.load(Ordering::Acquire)
        && let Some(path) = path(file)
        && let Some(error) = take_failure(|failed| failed == path)
    {
        tracing::error!(path = %path.display(), errno = error, "not synchronised: it could not be written whole");
        return fail(error);
    }
    // SAFETY: takes a number, and says so if it is no file's.
    unsafe { libc::syscall(call, file) as c_int }
}

/// Records a file that could not be written. Sockets and pipes are not recorded: their errors reach the engine.
fn record_failure(file: c_int, error: c_int) {
    let Some(path) = path(file) else {
        return;
    };
    let mut failed = FAILED.lock().unwrap_or_else(PoisonError::into_inner);
    if failed.len() == KEPT {
        failed.remove(0);
    }
    if !failed.iter().any(|(known, _)| *known == path) {
        failed.push((path, error));
    }
    ANY.store(true, Ordering::Release);
}

/// Removes the chosen failures; gives the first one's error.
fn take_failure(chosen: impl Fn(&Path) -> bool) -> Option<c_int> {
    let mut failed = FAILED.lock().unwrap_or_else(PoisonError::into_inner);
    let error = failed.iter().find(|(path, _)| chosen(path)).map(|(_, error)| *error);
    failed.retain(|(path, _)| !chosen(path));
    ANY.store(!failed.is_empty(), Ordering::Release);
    error
}

/// The path of an open file on a disk.
fn path(file: c_int) -> Option<PathBuf> {
    let path = std::fs::read_link(format!("/proc/self/fd/{file}")).ok()?;
    (path.is_absolute() && !path.starts_with("/dev")).then_some(path)
}

fn last_error() -> c_int {
    // SAFETY: the C library's own place for this thread's error, always valid.
    unsafe { *libc::__errno_location() }
}

/// Sets the thread's error, last: whatever was called meanwhile has set it too.
fn fail(error: c_int) -> c_int {
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = error };
    -1
}

#[cfg(test)]
mod a_failed_write {
    use super::*;
    use std::fs::File;
    use std::io::Write as _;
    use std::os::fd::AsRawFd;

    /// A file whose write has failed.
    fn failed(folder: &Path, name: &str) -> File {
        let mut file = File::create(folder.join(name)).expect("created");
        file.write_all(b"whole").expect("written");
        record_failure(file.as_raw_fd(), libc::ENOSPC);
        file
    }

    #[test]
    fn refuses_to_count_once_and_lets_the_next_attempt_be() {
        let folder = tempfile::tempdir().expect("temp dir");
        let folder = folder.path().canonicalize().expect("there");
        let file = failed(&folder, "a");
        assert_eq!(file.sync_all().map_err(|error| error.raw_os_error()), Err(Some(libc::ENOSPC)));
        assert!(file.sync_all().is_ok());

        let part = folder.join("tmp_part");
        std::fs::create_dir(&part).expect("made");
        let _file = failed(&part, "data.bin");
        let rename = || std::fs::rename(&part, folder.join("part"));
        assert_eq!(rename().map_err(|error| error.raw_os_error()), Err(Some(libc::ENOSPC)));
        assert!(rename().is_ok());
    }

    #[test]
    fn of_a_pipe_is_not_recorded() {
        let (_reader, writer) = std::io::pipe().expect("a pipe");
        record_failure(writer.as_raw_fd(), libc::EPIPE);
        assert_eq!(take_failure(|path| path.to_string_lossy().contains("pipe")), None);
    }
}
