//! What lies where in the folder of the services, which ports they have, and their passwords. All of it is made once and kept.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::druid;
use crate::file;
use crate::ports::{Block, is_free};

/// The folder of one set of services.
pub(super) struct Layout {
    /// Absolute.
    pub(super) data: PathBuf,
}

impl Layout {
    pub(super) fn of(data: &Path) -> anyhow::Result<Self> {
        let data = std::path::absolute(data).with_context(|| format!("{} is not a path", data.display()))?;
        Ok(Self { data })
    }

    /// Makes the folders. PostgreSQL may run as another user, who must be able to pass through to its own.
    pub(super) fn create(&self) -> anyhow::Result<()> {
        file::folder(&self.data, 0o711)?;
        for private in [self.secrets(), self.authority(), self.data.join("logs"), self.data.join("processes")]
        {
            file::private_folder(&private)?;
        }
        Ok(())
    }

    /// Held while services are started or ended.
    pub(super) fn lock(&self) -> PathBuf {
        self.data.join("services.lock")
    }

    pub(super) fn report(&self) -> PathBuf {
        self.data.join("services.json")
    }

    pub(super) fn authority(&self) -> PathBuf {
        self.data.join("ca")
    }

    fn secrets(&self) -> PathBuf {
        self.data.join("secrets")
    }

    pub(super) fn password_file(&self, of: &str) -> PathBuf {
        self.secrets().join(format!("{of}.password"))
    }

    /// The password itself, made once.
    pub(super) fn password(&self, of: &str) -> anyhow::Result<String> {
        file::secret(&self.password_file(of))
    }

    /// Settings of a command-line client that contain a password: an argument could be read by everybody.
    pub(super) fn client_settings(&self, of: &str) -> PathBuf {
        self.secrets().join(format!("{of}.client"))
    }

    /// A server's own folder, which it makes itself.
    pub(super) fn server(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.data.join("logs").join(format!("{name}.log"))
    }

    /// Which process a server is.
    pub(super) fn process(&self, name: &str) -> PathBuf {
        self.data.join("processes").join(format!("{name}.json"))
    }

    fn ports(&self) -> PathBuf {
        self.data.join("ports.json")
    }
}

/// The number of ports from `Ports::s3` on that SeaweedFS's parts take.
pub(super) const S3_PORTS: u16 = 8;

/// All on 127.0.0.1.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) kafka: u16,
    pub(super) kafka_controller: u16,
    pub(super) postgresql: u16,
    pub(super) redis: u16,
    pub(super) clickhouse: [u16; 2],
    /// The first of [`S3_PORTS`], S3's own.
    pub(super) s3: u16,
    /// Folders of before Druid have none.
    #[serde(default = "druid::Ports::usual")]
    pub(super) druid: druid::Ports,
}

impl Ports {
    /// The ports that this folder's services have for ever: those of the first start. The block, when the ports are free
    /// ones that were just chosen, keeps other runs away until the servers have bound them.
    pub(super) fn ensure(layout: &Layout, free: bool) -> anyhow::Result<(Self, Option<Block>)> {
        if let Some(ports) = Self::read(layout) {
            return Ok((ports, None));
        }
        let (ports, block) = if free {
            let block =
                Block::reserve(3 * S3_PORTS, |first| Self::from(first).all().into_iter().all(is_free))?;
            (Self::from(block.first), Some(block))
        } else {
            (Self::USUAL, None)
        };
        file::write(&layout.ports(), &serde_json::to_vec_pretty(&ports)?, 0o644)?;
        Ok((ports, block))
    }

    /// `None` when no service was ever started here.
    pub(super) fn read(layout: &Layout) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(layout.ports()).ok()?).ok()
    }

    /// Away from the vendors' own defaults, on which a system's own PostgreSQL or Redis may well be running.
    const USUAL: Self = Self {
        kafka: 19092,
        kafka_controller: 19093,
        postgresql: 15432,
        redis: 16379,
        clickhouse: [18123, 18124],
        s3: 18330,
        druid: druid::Ports::USUAL,
    };

    fn from(first: u16) -> Self {
        Self {
            kafka: first,
            kafka_controller: first + 1,
            postgresql: first + 2,
            redis: first + 3,
            clickhouse: [first + 4, first + 5],
            s3: first + S3_PORTS,
            druid: druid::Ports::from(first + 2 * S3_PORTS),
        }
    }

    fn all(&self) -> Vec<u16> {
        let single = [self.kafka, self.kafka_controller, self.postgresql, self.redis];
        let s3 = self.s3..self.s3 + S3_PORTS;
        single.into_iter().chain(self.clickhouse).chain(s3).chain(self.druid.all()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_ports_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::of(folder.path()).unwrap();
        assert_eq!(Ports::read(&layout), None);
        let (first, _claim) = Ports::ensure(&layout, true).unwrap();
        assert_ne!(first, Ports::USUAL);
        assert_eq!(Ports::ensure(&layout, false).unwrap().0, first);
    }

    #[test]
    fn no_two_servers_share_a_port() {
        for ports in [Ports::USUAL, Ports::from(10_240)] {
            let all = ports.all();
            assert!(all.iter().all(|port| all.iter().filter(|other| *other == port).count() == 1), "{all:?}");
        }
    }
}
