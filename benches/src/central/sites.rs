//! The websites of the load, as central's own command makes them: central keeps records of others from its stores.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use footfall_log::placement;
use serde_json::Value;

use super::program::{Setting, write_config};

/// Websites in each partition.
const WEBSITES: usize = 2;

/// As many websites of each partition, and the database that knows them.
#[derive(Debug)]
pub(crate) struct Sites {
    pub(crate) ids: Vec<String>,
    pub(crate) database: PathBuf,
}

impl Sites {
    /// Adds websites until each partition has enough; what is too many stays without events.
    ///
    /// # Errors
    /// When the command fails.
    pub(crate) fn make(folder: &Path, setting: &Setting<'_>) -> anyhow::Result<Self> {
        let config = write_config(folder, setting)?;
        let mut found = vec![0; setting.partitions as usize];
        let mut ids = Vec::new();
        for number in 0.. {
            if ids.len() == WEBSITES * found.len() {
                break;
            }
            let id = add(&config, number)?;
            let count = &mut found[placement::partition_of(&id, setting.partitions) as usize];
            if *count < WEBSITES {
                *count += 1;
                ids.push(id);
            }
        }
        Ok(Self { ids, database: folder.join("data/metadata.sqlite") })
    }
}

/// Adds a website; its id.
fn add(config: &Path, number: usize) -> anyhow::Result<String> {
    let program = std::env::current_exe()?.with_file_name("central");
    let (name, domain) = (format!("Site {number}"), format!("site-{number}.example"));
    let added = Command::new(program)
        .args(["admin", "--config"])
        .arg(config)
        .args(["website", "add", "--name", &name, "--domain", &domain, "--json"])
        .output()
        .context("add a website")?;
    ensure!(added.status.success(), "no website: {}", String::from_utf8_lossy(&added.stderr));
    let added: Value = serde_json::from_slice(&added.stdout)?;
    Ok(added["website_id"].as_str().context("a website has an id")?.to_owned())
}
