//! Files and folders that only their owner may read, and files that are never half written. Knows nothing of what is in them.

use std::fmt::Write as _;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::Context;
use footfall_daemon::file::replace_unsynced;
use footfall_daemon::secret::Secret;

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
    replace_unsynced(path, contents, mode).with_context(|| format!("cannot write {}", path.display()))
}

/// The secret that the file holds, made with the file if there is none.
pub(crate) fn secret(path: &Path) -> anyhow::Result<String> {
    let secret = Secret::keep(path).with_context(|| format!("cannot keep the secret {}", path.display()))?;
    Ok(secret.reveal().to_owned())
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
