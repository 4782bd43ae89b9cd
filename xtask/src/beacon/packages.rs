//! The npm packages that the beacon is built with, of the exact versions in package-lock.json. None of their scripts is run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::shell;

/// Where the tools are.
pub(super) struct Tools {
    modules: PathBuf,
}

impl Tools {
    /// The program `name` of the installed packages, to be completed with arguments.
    pub(super) fn program(&self, name: &str) -> Command {
        let mut command = Command::new("node");
        command.arg(self.modules.join(".bin").join(name));
        command
    }
}

/// Installs the packages of `room`, unless just these are installed already.
pub(super) fn install(room: &Path) -> anyhow::Result<Tools> {
    let modules = room.join("node_modules");
    let wanted = std::fs::read(room.join("package-lock.json")).context("cannot read package-lock.json")?;
    let note = modules.join(".installed-lock.json");
    if std::fs::read(&note).is_ok_and(|installed| installed == wanted) {
        return Ok(Tools { modules });
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(room);
    shell::run(&mut npm).context("could not install the tools that the beacon is built with")?;
    std::fs::write(&note, wanted).with_context(|| format!("cannot write {}", note.display()))?;
    Ok(Tools { modules })
}
