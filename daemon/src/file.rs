//! Small files that are written whole: after a crash either the old or the new content is there. Knows nothing of what is in them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Replaces `path` by `bytes`; on disk, with its name, before it returns. `mode` as in chmod, for a file that is made.
///
/// # Errors
/// Whatever the file system says; `path` then has its old content, or the new one whose name may not outlive a power loss.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let draft = Draft::open(path, mode)?;
    draft.write(bytes)?;
    draft.file.sync_all()?;
    fs::rename(&draft.path, path)?;
    sync_folder(path)
}

/// The same without waiting for the disk: a reader sees the old or the new content, and so does a start after the process was killed.
/// After a power loss the file may be old, empty or torn.
///
/// # Errors
/// Whatever the file system says; `path` then still has its old content.
pub fn replace_unsynced(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let draft = Draft::open(path, mode)?;
    draft.write(bytes)?;
    fs::rename(&draft.path, path)
}

/// Makes `path` with `bytes`, on disk before it returns. Says whether it did: a file that is there already stays as it is.
///
/// # Errors
/// Whatever the file system says.
pub fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<bool> {
    let draft = Draft::open(path, mode)?;
    draft.write(bytes)?;
    draft.file.sync_all()?;
    // Unlike a rename, a link does not replace what another process has made meanwhile.
    let is_new = match fs::hard_link(&draft.path, path) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(error),
    };
    fs::remove_file(&draft.path)?;
    sync_folder(path)?;
    Ok(is_new)
}

/// The new content under a name of its own, always the same: what a crash has left there is written over, not left for ever. Locked
/// while it is open, so that two writers do not mix.
struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    fn open(target: &Path, mode: u32) -> io::Result<Self> {
        let mut path = target.as_os_str().to_owned();
        path.push(".new");
        let path = PathBuf::from(path);
        loop {
            let file = OpenOptions::new().write(true).create(true).truncate(false).mode(mode).open(&path)?;
            file.lock()?;
            // Who held the lock may have renamed the file meanwhile: then ours is no draft any more.
            let locked = file.metadata()?;
            match fs::metadata(&path) {
                Ok(named) if (named.dev(), named.ino()) == (locked.dev(), locked.ino()) => {
                    if locked.nlink() == 1 {
                        return Ok(Self { path, file });
                    }
                    // A crash in the midst of `create`: to write here would be to write into the finished file.
                    fs::remove_file(&path)?;
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.file.set_len(0)?;
        (&self.file).write_all(bytes)
    }
}

/// A name is on disk once its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn the_new_content_is_there_as_private_as_it_should_be_and_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.bin");
        for write in [replace, replace_unsynced] {
            // What a crash left of an earlier, longer one.
            fs::write(folder.path().join("policy.bin.new"), b"half a policy").unwrap();
            fs::set_permissions(folder.path().join("policy.bin.new"), fs::Permissions::from_mode(0o600))
                .unwrap();
            write(&path, b"one", 0o600).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"one", "nothing of the longer one is behind it");
            write(&path, b"two", 0o600).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"two");
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(names(folder.path()), ["policy.bin"]);
        }
    }

    #[test]
    fn a_file_that_is_there_is_not_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        assert!(create(&path, b"first", 0o600).unwrap());
        assert!(!create(&path, b"second", 0o600).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(names(folder.path()), ["password"]);
        // A crash between the link and the end of the draft, and a writer after it that fails half-way.
        fs::hard_link(&path, folder.path().join("password.new")).unwrap();
        drop(Draft::open(&path, 0o600).unwrap().write(b"third"));
        assert_eq!(fs::read(&path).unwrap(), b"first");
    }

    #[test]
    fn content_that_the_disk_did_not_take_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (old, none) = (folder.path().join("old"), folder.path().join("none"));
        fs::write(&old, b"old").unwrap();
        for draft in ["old.new", "none.new"] {
            // A thread's name is written like a file, and the system refuses to sync it.
            std::os::unix::fs::symlink("/proc/thread-self/comm", folder.path().join(draft)).unwrap();
        }
        assert!(replace(&old, b"new", 0o600).is_err());
        assert_eq!(fs::read(&old).unwrap(), b"old");
        assert!(create(&none, b"new", 0o600).is_err());
        assert!(!none.exists());
    }

    #[test]
    fn a_reader_sees_whole_contents_only_while_several_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let write = |byte: u8| replace_unsynced(&path, &[byte; 4096], 0o600).unwrap();
        write(b'a');
        std::thread::scope(|scope| {
            let writers =
                [b'a', b'b', b'c'].map(|byte| scope.spawn(move || (0..200).for_each(|_| write(byte))));
            // A writer that fails ends too, and the scope fails with it.
            while writers.iter().any(|writer| !writer.is_finished()) {
                let content = fs::read(&path).unwrap();
                assert!(content.len() == 4096 && content.iter().all(|byte| *byte == content[0]));
            }
        });
        assert_eq!(names(folder.path()), ["state"]);
    }
}
