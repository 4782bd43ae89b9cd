//! `cargo xtask` begins here: builds xtask, saying how far it is, then becomes it. Cargo alone would say nothing for minutes,
//! and would select other features for xtask than for the workspace, so that much would be built twice.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context;

fn main() -> ExitCode {
    match launch() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns only when xtask could not be built.
fn launch() -> anyhow::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let own = std::env::current_exe().context("this executable has no path")?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--workspace", "--bin", "xtask"]).current_dir(root);
    let status = xtask_launch::build("cargo xtask", &mut cargo, &["xtask"], |_| Ok(()))?;
    if !status.success() {
        // What is wrong was said by the compiler.
        return Ok(ExitCode::FAILURE);
    }
    let mut xtask = Command::new(own.with_file_name("xtask"));
    xtask.args(std::env::args_os().skip(1));
    xtask_launch::without_package(&mut xtask);
    Err(xtask.exec()).context("xtask cannot be started")
}
