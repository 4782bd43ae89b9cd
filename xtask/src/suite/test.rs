//! `test`: every test from unit to browser, against freshly built servers, the real engine, real services and a real browser.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use anyhow::Context;
use clap::Args;

use super::tally::Tally;
use crate::services::Held;
use crate::{beacon, doctor, fetch, place, shell};

/// What property tests draw their cases from: always the same ones, unless the environment names another seed. A defect that
/// one run in a thousand meets is to be found by whoever looks for it, and not by whoever changed something else.
const PROPERTIES_SEED: &str = "PROPTEST_RNG_SEED";

/// Run every test, from unit to browser.
#[derive(Args)]
pub(crate) struct Test {
    /// Only one room (`journal`), one story (`kills`), or the tests whose name contains this.
    filter: Option<String>,
    /// Passed on to the test binaries, after `--`.
    #[arg(last = true)]
    arguments: Vec<String>,
}

impl Test {
    pub(crate) fn everything() -> Self {
        Self { filter: None, arguments: vec![] }
    }

    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let needs_services = needs_services(place::root(), self.filter.as_deref());
        doctor::require(doctor::Need::Test)?;
        if needs_services {
            doctor::require(doctor::Need::Services)?;
        }
        let engine = fetch::engine()?;
        fetch::geo()?;
        build()?;
        if !needs_services {
            return self.cargo_test(&engine, None);
        }
        let services = Held::temporary()?;
        let tested = self.cargo_test(&engine, Some(&services.report()));
        if tested.is_err() {
            eprintln!("the services' data and logs stay in {}", services.folder().display());
            return tested;
        }
        let folder = services.folder().to_owned();
        services.end()?;
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
    }

    fn cargo_test(&self, engine: &Path, services: Option<&Path>) -> anyhow::Result<()> {
        let mut cargo = shell::cargo(["test", "--no-fail-fast"]);
        cargo.args(scope(place::root(), self.filter.as_deref()));
        if !self.arguments.is_empty() {
            cargo.arg("--").args(&self.arguments);
        }
        cargo.env("FOOTFALL_LIBCHDB", engine);
        cargo.env("FOOTFALL_BIN_DIR", place::binaries(false)?);
        if std::env::var_os(PROPERTIES_SEED).is_none() {
            cargo.env(PROPERTIES_SEED, "1");
        }
        if let Some(services) = services {
            cargo.env("FOOTFALL_SERVICES", services);
        }

        let mut child =
            cargo.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("could not start cargo")?;
        let mut tally = Tally::default();
        let output = BufReader::new(child.stdout.take().context("stdout was piped")?);
        let mut stdout = std::io::stdout().lock();
        for line in output.split(b'\n') {
            let line = line.context("cannot read what cargo says")?;
            tally.read(&String::from_utf8_lossy(&line));
            stdout.write_all(&line)?;
            stdout.write_all(b"\n")?;
        }
        let status = child.wait().context("cargo cannot be waited for")?;
        writeln!(stdout, "{tally}")?;
        anyhow::ensure!(tally.lost() == 0, "{} test binaries ended without a result", tally.lost());
        anyhow::ensure!(status.success() && tally.failed == 0, "cargo test failed ({status})");
        Ok(())
    }
}

/// Servers, tests and beacon. One build for all: `cargo test` alone would build the servers with other features, twice.
pub(super) fn build() -> anyhow::Result<()> {
    shell::run(&mut shell::cargo(["build", "--workspace", "--bins", "--tests", "--examples"]))?;
    beacon::build(place::root())
}

/// What of the workspace a filter means: a room's folder, a story's file, or a part of tests' names.
fn scope(root: &Path, filter: Option<&str>) -> Vec<String> {
    let Some(filter) = filter else { return vec!["--workspace".into()] };
    let manifest = root.join(filter).join("Cargo.toml");
    let package = std::fs::read_to_string(manifest).ok().and_then(|text| package_name(&text));
    if let Some(package) = package.filter(|_| !filter.contains(['/', '.'])) {
        return vec!["-p".into(), package];
    }
    if root.join("tests").join("tests").join(format!("{filter}.rs")).is_file() {
        return vec!["-p".into(), "footfall-tests".into(), "--test".into(), filter.into()];
    }
    vec!["--workspace".into(), filter.into()]
}

/// Whether what a filter means talks to Kafka, PostgreSQL and the others: central's tests do, and stories that call
/// `services()` or run a system on them. The other rooms must not know them. A part of a test's name may mean any.
pub(super) fn needs_services(root: &Path, filter: Option<&str>) -> bool {
    let scope = scope(root, filter);
    match scope.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["-p", package] => ["footfall-central", "footfall-tests"].contains(&package),
        ["-p", _, "--test", story] => {
            let path = root.join("tests").join("tests").join(format!("{story}.rs"));
            std::fs::read_to_string(path)
                .is_ok_and(|text| text.contains("services()") || text.contains(".full()"))
        }
        _ => true,
    }
}

fn package_name(manifest: &str) -> Option<String> {
    let table = manifest.parse::<toml::Table>().ok()?;
    Some(table.get("package")?.get("name")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_room_a_story_or_a_name() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("tests/tests")).unwrap();
        std::fs::create_dir(root.path().join("journal")).unwrap();
        std::fs::write(root.path().join("journal/Cargo.toml"), "[package]\nname = \"footfall-journal\"")
            .unwrap();
        std::fs::write(root.path().join("tests/tests/kills.rs"), "").unwrap();
        assert_eq!(scope(root.path(), None), ["--workspace"]);
        assert_eq!(scope(root.path(), Some("journal")), ["-p", "footfall-journal"]);
        assert_eq!(scope(root.path(), Some("kills")), ["-p", "footfall-tests", "--test", "kills"]);
        assert_eq!(scope(root.path(), Some("torn_tail")), ["--workspace", "torn_tail"]);
        assert!(needs_services(root.path(), None));
        assert!(!needs_services(root.path(), Some("journal")));
        assert!(!needs_services(root.path(), Some("kills")));
        std::fs::write(root.path().join("tests/tests/kills.rs"), "let servers = services();").unwrap();
        assert!(needs_services(root.path(), Some("kills")));
    }
}
