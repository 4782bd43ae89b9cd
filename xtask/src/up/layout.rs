//! What lies where in the folder that `up` is given. Creates the folders, readable by their owner only; writes no file.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::file;

/// The folder of one run.
pub(super) struct Layout {
    /// Absolute.
    pub(super) data: PathBuf,
}

impl Layout {
    pub(super) fn create(data: &Path) -> anyhow::Result<Self> {
        let data = std::path::absolute(data).with_context(|| format!("{} is not a path", data.display()))?;
        let layout = Self { data };
        // Others may pass through it but not look around: a server that runs as another user lives further down.
        file::folder(&layout.data, 0o711)?;
        for folder in [layout.authority(), layout.central(), layout.edge(), layout.data.join("logs")] {
            file::private_folder(&folder)?;
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

    /// What `up --full` runs on.
    pub(super) fn services(&self) -> PathBuf {
        self.data.join("services")
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_folders_are_their_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::create(&folder.path().join("run")).unwrap();
        for private in [layout.authority(), layout.central(), layout.edge(), layout.data.join("logs")] {
            assert_eq!(private.metadata().unwrap().permissions().mode() & 0o777, 0o700, "{private:?}");
        }
    }
}
