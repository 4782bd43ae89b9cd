//! Cargo tools of an exact version, built once into the cache.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

use crate::lock::Lock;
use crate::{place, shell};

const CARGO_DENY: &str = "0.20.2";

/// The path of `cargo-deny`, built on first use (a few minutes).
pub(crate) fn cargo_deny() -> anyhow::Result<PathBuf> {
    let folder = place::cache()?.join("tools").join(format!("cargo-deny-{CARGO_DENY}"));
    let program = folder.join("bin").join("cargo-deny");
    if program.is_file() {
        return Ok(program);
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let patience = Duration::from_mins(30);
    let _lock = Lock::wait(&folder.join("lock"), patience)?
        .with_context(|| format!("another process has been building cargo-deny for {patience:?}"))?;
    if !program.is_file() {
        eprintln!("building cargo-deny {CARGO_DENY}, once");
        let mut install =
            shell::cargo(["install", "cargo-deny", "--locked", "--version", CARGO_DENY, "--root"]);
        // Its own target folder: the workspace's lock and its settings are not its business.
        install.arg(&folder).env("CARGO_TARGET_DIR", folder.join("build")).current_dir(&folder);
        shell::run(&mut install)?;
        std::fs::remove_dir_all(folder.join("build")).context("cannot clear cargo-deny's build folder")?;
    }
    Ok(program)
}
