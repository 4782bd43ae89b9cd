//! Cargo tools of an exact version, built once into the cache.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use footfall_daemon::lock::Lock;

use crate::{place, shell};

const CARGO_MUTANTS: &str = "27.1.0";

/// Longest wait for another process that builds the same.
const BUILD_LOCK_WAIT: Duration = Duration::from_mins(30);

/// The path of `cargo-mutants`, built on first use.
pub(crate) fn cargo_mutants() -> anyhow::Result<PathBuf> {
    let folder = place::cache()?.join("tools").join(format!("cargo-mutants-{CARGO_MUTANTS}"));
    let program = folder.join("bin").join("cargo-mutants");
    if program.is_file() {
        return Ok(program);
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let _lock = Lock::take(&folder.join("lock"), BUILD_LOCK_WAIT)?.with_context(|| {
        format!("another process has been building cargo-mutants for {BUILD_LOCK_WAIT:?}")
    })?;
    if !program.is_file() {
        eprintln!("building cargo-mutants {CARGO_MUTANTS}, once");
        let mut install = shell::cargo([
            "install",
            "cargo-mutants",
            "--debug",
            "--locked",
            "--version",
            CARGO_MUTANTS,
            "--root",
        ]);
        // Its own target folder: the workspace's lock and its settings are not its business.
        install.arg(&folder).env("CARGO_TARGET_DIR", folder.join("build")).current_dir(&folder);
        shell::run(&mut install)?;
        std::fs::remove_dir_all(folder.join("build")).context("cannot clear its build folder")?;
    }
    Ok(program)
}
