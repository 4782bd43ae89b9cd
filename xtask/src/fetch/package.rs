//! Files of one npm package at one exact version, verified and kept. It runs no package's scripts: `npm pack` only downloads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context;
use footfall_daemon::lock::Lock;
use serde::{Deserialize, Serialize};

use super::digest;
use crate::shell;

/// What to fetch, from where, and what it must be.
pub(super) struct Package {
    /// For the person who waits.
    pub(super) what: &'static str,
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    /// Below the cache.
    pub(super) folder: &'static str,
    pub(super) files: &'static [File],
    /// When the registry no longer has this version, take its newest (whose checksums nobody could pin).
    pub(super) or_newest: bool,
}

/// One file of the package.
pub(super) struct File {
    pub(super) name: &'static str,
    pub(super) sha256: &'static str,
}

/// Written last, beside the files: they were complete and right. Their sizes show a later accident cheaply.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Stamp {
    pinned: String,
    sizes: BTreeMap<String, u64>,
}

/// Longest wait for another process that fetches the same.
const FETCH_LOCK_WAIT: Duration = Duration::from_mins(15);

impl Package {
    /// The folder that holds the files, fetched if it is not there yet.
    pub(super) fn ensure(&self, cache: &Path) -> anyhow::Result<PathBuf> {
        let folder = cache.join(self.folder);
        if self.is_whole(&folder) {
            return Ok(folder);
        }
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let _lock = Lock::take(&folder.join("lock"), FETCH_LOCK_WAIT)?.with_context(|| {
            format!("another process has been fetching {} for {FETCH_LOCK_WAIT:?}", self.what)
        })?;
        if !self.is_whole(&folder) {
            self.fetch(&folder).with_context(|| format!("could not fetch {}", self.what))?;
        }
        Ok(folder)
    }

    fn is_whole(&self, folder: &Path) -> bool {
        let stamp = std::fs::read(folder.join("stamp.json")).ok();
        let stamp = stamp.and_then(|bytes| serde_json::from_slice::<Stamp>(&bytes).ok());
        stamp.is_some_and(|stamp| self.stamp(folder).is_ok_and(|now| now == stamp))
    }

    fn stamp(&self, folder: &Path) -> anyhow::Result<Stamp> {
        let size = |file: &File| Ok((file.name.to_owned(), folder.join(file.name).metadata()?.len()));
        let sizes = self.files.iter().map(size).collect::<anyhow::Result<_>>()?;
        Ok(Stamp { pinned: format!("{}@{}", self.name, self.version), sizes })
    }

    fn fetch(&self, folder: &Path) -> anyhow::Result<()> {
        let begun = Instant::now();
        let work = folder.join("unpacking");
        remove(&work)?;
        std::fs::create_dir(&work)?;
        let (archive, version) = {
            let _waiting = Waiting::on(self.what);
            self.download(&work)?
        };
        eprintln!("unpacking and verifying {}", self.what);
        let inside = self.files.iter().map(|file| format!("package/{}", file.name));
        shell::read(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&work).args(inside))?;
        for file in self.files {
            let fresh = work.join("package").join(file.name);
            if version == self.version {
                let found = digest::sha256(&fresh)?;
                anyhow::ensure!(
                    found == file.sha256,
                    "{} of {}@{version} has sha256 {found}, pinned is {}",
                    file.name,
                    self.name,
                    file.sha256
                );
            }
            std::fs::rename(&fresh, folder.join(file.name))?;
        }
        remove(&work)?;
        let stamp = serde_json::to_vec_pretty(&self.stamp(folder)?)?;
        std::fs::write(folder.join("stamp.json"), stamp)?;
        eprintln!("{} lies in {} ({:.0} s)", self.what, folder.display(), begun.elapsed().as_secs_f64());
        Ok(())
    }

    /// The archive's path and the version that it holds.
    fn download(&self, work: &Path) -> anyhow::Result<(PathBuf, String)> {
        match self.pack(self.version, work) {
            Ok(archive) => Ok((archive, self.version.to_owned())),
            Err(error) if self.or_newest && error.to_string().contains("E404") => {
                let newest = shell::read(npm(work).args(["view", self.name, "version"]))?.trim().to_owned();
                eprintln!(
                    "warning: the registry no longer has {}@{}; taking {newest}, whose checksum nobody pinned",
                    self.name, self.version
                );
                Ok((self.pack(&newest, work)?, newest))
            }
            Err(error) => Err(error),
        }
    }

    fn pack(&self, version: &str, work: &Path) -> anyhow::Result<PathBuf> {
        shell::read(npm(work).args(["pack", "--ignore-scripts", &format!("{}@{version}", self.name)]))?;
        let entries = std::fs::read_dir(work)?.collect::<Result<Vec<_>, _>>()?;
        let archive = entries
            .into_iter()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|end| end == "tgz"));
        archive.with_context(|| format!("npm pack left no archive of {}", self.name))
    }
}

/// npm in a folder of ours, so that no package.json of anybody else matters.
fn npm(folder: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder).env("npm_config_update_notifier", "false").env("npm_config_fund", "false");
    command
}

/// Removes a folder and everything in it, if it is there.
pub(super) fn remove(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot clear {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Says every few seconds that a long download is still under way (package clients are silent when their output is read).
pub(super) struct Waiting {
    _stop: mpsc::Sender<()>,
}

impl Waiting {
    pub(super) fn on(what: &'static str) -> Self {
        let (stop, stopped) = mpsc::channel::<()>();
        eprintln!("fetching {what}, once");
        std::thread::spawn(move || {
            let begun = Instant::now();
            while stopped.recv_timeout(Duration::from_secs(5)) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("still fetching {what}: {} s", begun.elapsed().as_secs());
            }
        });
        Self { _stop: stop }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LITTLE: Package = Package {
        what: "a little file",
        name: "little",
        version: "1.0.0",
        folder: "little",
        files: &[File { name: "a.txt", sha256: "" }],
        or_newest: false,
    };

    #[test]
    fn a_folder_is_whole_only_with_the_stamp_of_this_version_and_files_of_the_stamped_size() {
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().join("little");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("a.txt"), "hello").unwrap();
        assert!(!LITTLE.is_whole(&folder), "nothing was verified");

        let stamp = LITTLE.stamp(&folder).unwrap();
        std::fs::write(folder.join("stamp.json"), serde_json::to_vec(&stamp).unwrap()).unwrap();
        assert!(LITTLE.is_whole(&folder));
        assert!(!Package { version: "1.0.1", ..LITTLE }.is_whole(&folder), "another version is wanted");

        std::fs::write(folder.join("a.txt"), "hell").unwrap();
        assert!(!LITTLE.is_whole(&folder), "the file was cut");
        std::fs::remove_file(folder.join("a.txt")).unwrap();
        assert!(!LITTLE.is_whole(&folder), "the file is gone");
    }
}
