//! A password or a key in a file that the configuration names: what stands in it but for the line's end. Never shown, never logged.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use crate::file;

/// A password or a key; a debug print does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Reads it.
    ///
    /// # Errors
    /// What the file system says, or that there is nothing in the file.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(path)?;
        // Nothing else goes: a blank at the end can be meant.
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "there is nothing in the file"));
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

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

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
            fs::write(&path, text).expect("write");
            assert_eq!(Secret::read(&path).expect("read").reveal(), secret);
        }
        fs::write(&path, "\n").expect("write");
        assert!(Secret::read(&path).expect_err("empty").to_string().contains("nothing in the file"));
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
