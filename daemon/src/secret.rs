//! A password or a key in a file that the configuration names: what stands in it but for the line's end. Never shown, never logged. A file
//! that others than its owner can read holds no secret, and is refused.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::file;

/// Most bytes of a secret: keys of certificates are the longest.
const MOST_BYTES: u64 = 64 << 10;

/// A password or a key; a debug print does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Reads it.
    ///
    /// # Errors
    /// What the file system says, that others than its owner can read the file, or that there is nothing in it.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = read_private(path).map(String::from_utf8)?;
        let text = text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no text in UTF-8"))?;
        // Nothing else goes: a blank at the end can be meant.
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            let reason = "there is nothing in the file: write the secret into it";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Ok(Self(text.to_owned()))
    }

    /// Reads it, or makes one of 128 random bits in a file that only its owner can read.
    ///
    /// # Errors
    /// What the file system says.
    pub fn keep(path: &Path) -> io::Result<Self> {
        match Self::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random)
            .map_err(|_| io::Error::other("the operating system gave no randomness"))?;
        let made = format!("{:032x}", u128::from_be_bytes(random));
        // Who asks at the same time gets the same one.
        if file::create(path, made.as_bytes(), 0o600)? { Ok(Self(made)) } else { Self::read(path) }
    }

    /// The text of it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// What stands in a file that only its owner can read.
///
/// # Errors
/// What the file system says, or that group or others may do something with it: then with what to do, see [`is_open`].
pub fn read_private(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    // Of the file that is read, whatever the name is moved to meanwhile.
    let mode = file.metadata()?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            Open { path: path.display().to_string(), mode },
        ));
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it is longer than {MOST_BYTES} bytes"),
        ));
    }
    Ok(bytes)
}

/// Whether a file was not read because others than its owner can read it too.
pub fn is_open(error: &io::Error) -> bool {
    matches!(error.get_ref(), Some(error) if error.is::<Open>())
}

/// Others than its owner can read it.
#[derive(Debug, thiserror::Error)]
#[error("others than its owner can read it (mode {mode:04o}): chmod 600 {path}")]
struct Open {
    path: String,
    mode: u32,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    /// Puts a text into a file that only its owner can read.
    fn write(path: &Path, text: &str) {
        fs::write(path, text).expect("write");
        fs::set_permissions(path, Permissions::from_mode(0o600)).expect("chmod");
    }

    #[test]
    fn it_is_made_once_for_its_owner_only_and_never_printed() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("clickhouse.password");
        assert!(Secret::read(&path).is_err());
        let made = Secret::keep(&path).expect("made");
        assert_eq!(Secret::keep(&path).expect("kept"), made);
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert!(!format!("{made:?}").contains(made.reveal()));
    }

    #[test]
    fn only_the_lines_end_is_no_part_of_it() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("password");
        for (text, secret) in [("hush", "hush"), ("hush\n", "hush"), (" hush \r\n\n", " hush ")] {
            write(&path, text);
            assert_eq!(Secret::read(&path).expect("read").reveal(), secret);
        }
        write(&path, "\n");
        assert!(Secret::read(&path).expect_err("empty").to_string().contains("nothing in the file"));
    }

    #[test]
    fn one_that_others_can_read_is_refused_with_what_to_do() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("password");
        write(&path, "hush");
        for mode in [0o600, 0o400, 0o700] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("chmod");
            assert_eq!(Secret::read(&path).expect("read").reveal(), "hush", "{mode:o}");
        }
        for mode in [0o640, 0o604, 0o644, 0o660, 0o666, 0o440, 0o444, 0o610, 0o601, 0o620, 0o602, 0o777] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("chmod");
            for read in [Secret::read, Secret::keep] {
                let error = read(&path).expect_err("open to others");
                let sentence = error.to_string();
                assert!(sentence.contains(&format!("chmod 600 {}", path.display())), "{mode:o}: {sentence}");
                assert!(!sentence.contains("hush") && !sentence.contains('\n'), "{sentence}");
                assert!(is_open(&error));
            }
            assert_eq!(fs::read_to_string(&path).expect("read"), "hush", "it stays as it is");
        }
        // It is the file that counts, not a link to it.
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).expect("linked");
        assert!(is_open(&Secret::read(&link).expect_err("open to others")));
        assert!(!is_open(&Secret::read(&dir.path().join("none")).expect_err("not there")));
    }

    #[test]
    fn those_who_ask_for_one_at_the_same_time_get_the_same() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("password");
        let secrets: Vec<Secret> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Secret::keep(&path).expect("kept"))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
        assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 1);
    }
}
