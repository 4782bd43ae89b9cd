//! Files and folders that only their owner may read, and files that are never half written. Knows nothing of what is in them.

use std::fmt::Write as _;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;

/// Makes a folder and those above it, as far as they are missing, readable by their owner only.
pub(crate) fn private_folder(path: &Path) -> anyhow::Result<()> {
    folder(path, 0o700)
}

/// Makes a folder and those above it, as far as they are missing. `mode` as in chmod.
pub(crate) fn folder(path: &Path, mode: u32) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .with_context(|| format!("cannot make {}", path.display()))
}

/// Replaces the file at once: a reader sees the old one or the new one. `mode` as in chmod.
pub(crate) fn write(path: &Path, contents: &[u8], mode: u32) -> anyhow::Result<()> {
    let saved = fresh(path, contents, mode).and_then(|fresh| std::fs::rename(&fresh, path));
    saved.with_context(|| format!("cannot write {}", path.display()))
}

/// The secret that the file holds: 32 hexadecimal digits, made with the file if there is none. Who asks at the same time gets
/// the same one.
pub(crate) fn secret(path: &Path) -> anyhow::Result<String> {
    if !path.exists() {
        let mut random = [0; 16];
        getrandom::fill(&mut random).context("the system gives no random number")?;
        let made = fresh(path, hexadecimal(&random).as_bytes(), 0o600).and_then(|fresh| {
            // Unlike a rename, a link does not replace what somebody else has made meanwhile.
            let linked = std::fs::hard_link(&fresh, path);
            std::fs::remove_file(&fresh)?;
            linked
        });
        match made {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error).with_context(|| format!("cannot write {}", path.display()));
            }
            _ => {}
        }
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.trim().to_owned())
}

/// A file beside `path` that nobody else writes.
fn fresh(path: &Path, contents: &[u8], mode: u32) -> std::io::Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{}.new", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    let fresh = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&fresh)?;
    file.write_all(contents)?;
    Ok(fresh)
}

/// Lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

/// The last lines of a log, for a person who asks why.
pub(crate) fn tail(log: &Path, lines: usize) -> String {
    let text =
        std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let first = secret(&path).unwrap();
        assert_eq!(first.len(), 32);
        assert_eq!(secret(&path).unwrap(), first);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_ne!(secret(&folder.path().join("other")).unwrap(), first);
    }

    #[test]
    fn those_who_ask_for_a_secret_at_the_same_time_get_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let secrets: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| secret(&path).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0]), "{secrets:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_is_replaced_whole_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings");
        write(&path, b"first", 0o600).unwrap();
        write(&path, b"second", 0o600).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
