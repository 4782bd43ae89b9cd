//! Whether a folder can be made and written, found out before it is. Leaves nothing behind.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How the files of a folder are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// They are somebody else's business.
    Any,
    /// They are read; a change replaces the file.
    Read,
    /// They are opened to be written.
    Write,
}

/// Whether `path` is a folder that can be written, or can be made; and whether the files in it can be used. `key` is what the configuration
/// calls the data that it belongs to.
///
/// # Errors
/// [`FolderFault`]: one sentence.
pub fn check(key: &'static str, path: &Path, files: Files) -> Result<(), FolderFault> {
    let fault = |path: &Path, source| FolderFault { key, path: path.to_owned(), source };
    // A link that leads nowhere is there as well, and no folder can be made in its place.
    let there = path.ancestors().find(|ancestor| fs::symlink_metadata(ancestor).is_ok());
    let there = there.filter(|ancestor| !ancestor.as_os_str().is_empty()).unwrap_or(Path::new("."));
    try_write(there).map_err(|source| fault(there, source))?;
    if files == Files::Any || there != path {
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(|source| fault(path, source))? {
        let entry = entry.map_err(|source| fault(path, source))?;
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let opened = OpenOptions::new().read(true).write(files == Files::Write).open(entry.path());
            match opened {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(fault(&entry.path(), error));
                }
                // It is gone since: the program that runs on this data has removed it.
                _ => {}
            }
        }
    }
    Ok(())
}

/// Makes a file and removes it: permission bits say neither what a read-only file system nor what another user's quota does.
fn try_write(folder: &Path) -> io::Result<()> {
    if !fs::metadata(folder)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let random = getrandom::u64().map_err(|_| io::Error::other("the system gave no randomness"))?;
    let path = folder.join(format!(".footfall-check-{random:016x}"));
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)
}

/// A folder or a file in it that cannot be used. Permanent until somebody helps.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{key}` needs {}, which cannot be used ({source}): let the user that this program runs as read and write there, or name another folder",
    path.display()
)]
pub struct FolderFault {
    key: &'static str,
    path: PathBuf,
    source: io::Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(folder: &Path) -> Vec<std::ffi::OsString> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_folder_that_can_be_made_or_written_is_good_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        check("data", folder.path(), Files::Write).expect("it is there");
        check("data", &folder.path().join("a/b/c"), Files::Write).expect("it can be made");
        assert!(contents(folder.path()).is_empty(), "nothing is left behind");
        fs::write(folder.path().join("position"), "9").unwrap();
        check("data", folder.path(), Files::Write).expect("the file can be used");
        assert_eq!(fs::read_to_string(folder.path().join("position")).unwrap(), "9");
    }

    #[test]
    fn a_file_in_the_way_and_a_link_that_leads_nowhere_are_told_with_their_path() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink("/nonexistent/place", &link).unwrap();
        for (path, in_the_way) in [(file.clone(), &file), (file.join("below"), &file), (link.clone(), &link)]
        {
            let sentence = check("data", &path, Files::Any).expect_err("in the way").to_string();
            assert!(
                sentence.contains("`data`") && sentence.contains(&in_the_way.display().to_string()),
                "{sentence}"
            );
            assert!(sentence.contains(": ") && !sentence.contains('\n'), "{sentence}");
        }
    }

    #[test]
    fn a_place_where_nobody_can_write_is_refused_whatever_its_permission_bits_say() {
        // The kernel makes no files there for anybody.
        assert!(check("data", Path::new("/proc/self/footfall"), Files::Any).is_err());
    }
}
