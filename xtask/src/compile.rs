//! Builds programs of the workspace, saying how far that is. Always as parts of the whole: a package alone selects other
//! features of what it depends on, which would be built once more for it.

use std::process::Command;

use crate::shell;

/// A package, and the program that it makes.
type Program = (&'static str, &'static str);

const EVENT_STORE: Program = ("footfall-event-store", "event-store");
const SERVERS: [Program; 3] =
    [("footfall-edge", "edge-collector"), ("footfall-central", "central"), EVENT_STORE];

/// The three servers.
pub(crate) fn servers(release: bool) -> anyhow::Result<()> {
    programs("the servers", &SERVERS, release)
}

/// The event store alone.
pub(crate) fn event_store() -> anyhow::Result<()> {
    programs("the event store", &[EVENT_STORE], false)
}

fn programs(what: &str, programs: &[Program], release: bool) -> anyhow::Result<()> {
    let mut cargo = shell::cargo(["build", "--workspace"]);
    if release {
        cargo.arg("--release");
    }
    for (_, program) in programs {
        cargo.args(["--bin", *program]);
    }
    let roots: Vec<&str> = programs.iter().map(|(package, _)| *package).collect();
    run(what, &mut cargo, &roots, |_| Ok(()))
}

/// Runs a `cargo build` and hands on each of its messages; `roots` as in [`xtask_launch::build`].
pub(crate) fn run(
    what: &str,
    cargo: &mut Command,
    roots: &[&str],
    message: impl FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    eprintln!("$ {}", shell::line(cargo));
    let status = xtask_launch::build(what, cargo, roots, message)?;
    anyhow::ensure!(status.success(), "the build of {what} failed ({status})");
    Ok(())
}
