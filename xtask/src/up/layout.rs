//! What lies where in the folder that `up` is given. Creates the folders, readable by their owner only; writes no file
//! but through [`write`], which never leaves half of one.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// The folder of one run.
pub(super) struct Layout {
    /// Absolute.
    pub(super) data: PathBuf,
}

impl Layout {
    pub(super) fn create(data: &Path) -> anyhow::Result<Self> {
        let data = std::path::absolute(data).with_context(|| format!("{} is not a path", data.display()))?;
        let layout = Self { data };
        for folder in [layout.authority(), layout.central(), layout.edge(), layout.data.join("logs")] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        Ok(layout)
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.data.join("up.lock")
    }

    pub(super) fn run_file(&self) -> PathBuf {
        self.data.join("run.json")
    }

    pub(super) fn authority(&self) -> PathBuf {
        self.data.join("ca")
    }

    pub(super) fn central(&self) -> PathBuf {
        self.data.join("central")
    }

    pub(super) fn central_settings(&self) -> PathBuf {
        self.central().join("central.toml")
    }

    pub(super) fn clickhouse_password(&self) -> PathBuf {
        self.central().join("clickhouse.password")
    }

    /// Written by central whenever it has started the event store.
    pub(super) fn event_store_report(&self) -> PathBuf {
        self.central().join("event-store.json")
    }

    pub(super) fn edge(&self) -> PathBuf {
        self.data.join("edge")
    }

    pub(super) fn edge_settings(&self) -> PathBuf {
        self.edge().join("edge.toml")
    }

    pub(super) fn log(&self, server: &str) -> PathBuf {
        self.data.join("logs").join(format!("{server}.log"))
    }
}

/// Replaces the file at once: a reader sees the old one or the new one. `mode` as in chmod.
pub(super) fn write(path: &Path, contents: &[u8], mode: u32) -> anyhow::Result<()> {
    let mut name = path.file_name().context("a file has a name")?.to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    let saved = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&fresh)?;
        file.write_all(contents)?;
        std::fs::rename(&fresh, path)
    })();
    saved.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_is_its_owners_alone_and_so_is_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::create(&folder.path().join("run")).unwrap();
        let secret = layout.authority().join("central.key");
        write(&secret, b"first", 0o600).unwrap();
        write(&secret, b"second", 0o600).unwrap();
        assert_eq!(std::fs::read(&secret).unwrap(), b"second");
        assert_eq!(secret.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(layout.authority().metadata().unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(std::fs::read_dir(layout.authority()).unwrap().count(), 1, "nothing else is left");
    }
}
