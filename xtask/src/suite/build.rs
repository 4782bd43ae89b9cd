//! Builds servers and tests at once and says which test programs came of it and what that cost. It runs none of them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use cargo_metadata::{Artifact, Message, TargetKind};

use crate::workspace::Package;
use crate::{compile, place, shell};

/// A program that runs tests.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) package: String,
    /// An integration test by its file or folder, unit tests by the library or binary that they stand in.
    pub(super) name: String,
    /// Whether it holds the unit tests of a library or binary.
    pub(super) unit: bool,
    pub(super) path: PathBuf,
    /// The package's folder, where its tests run.
    pub(super) folder: PathBuf,
    pub(super) services: bool,
    pub(super) alone: bool,
}

/// What one build made.
#[derive(Default)]
pub(super) struct Built {
    pub(super) programs: Vec<Program>,
    /// Libraries that were compiled now, and how long after the beginning the last of them was ready.
    libraries: (usize, Duration),
    /// Programs that were linked now, servers and tests, and their bytes.
    linked: (usize, u64),
}

/// Builds every server and every test of the workspace: in one go, because a part alone selects other features of what it
/// depends on, and would be built twice.
pub(super) fn build(packages: &[Package]) -> anyhow::Result<Built> {
    let mut cargo = shell::cargo(["build", "--workspace", "--bins", "--tests", "--example", "try_schema"]);
    let begun = Instant::now();
    let mut built = Built::default();
    let packages: HashMap<PathBuf, &Package> =
        packages.iter().map(|package| (package.folder.join("Cargo.toml"), package)).collect();
    compile::run("servers and tests", &mut cargo, &[], |line| {
        for message in Message::parse_stream(line.as_bytes()) {
            if let Message::CompilerArtifact(artifact) = message.context("cannot read what cargo says")? {
                built.take(&artifact, &packages, begun.elapsed())?;
            }
        }
        Ok(())
    })?;
    Ok(built)
}

impl Built {
    fn take(
        &mut self,
        artifact: &Artifact,
        packages: &HashMap<PathBuf, &Package>,
        after: Duration,
    ) -> anyhow::Result<()> {
        let Some(path) = &artifact.executable else {
            if !artifact.fresh {
                self.libraries = (self.libraries.0 + 1, after);
            }
            return Ok(());
        };
        if !artifact.fresh {
            self.linked.0 += 1;
            self.linked.1 += std::fs::metadata(path).with_context(|| format!("no {path}"))?.len();
        }
        let Some(package) = packages.get(artifact.manifest_path.as_std_path()) else { return Ok(()) };
        if artifact.profile.test {
            let name = artifact.target.name.clone();
            self.programs.push(Program {
                package: package.name.clone(),
                services: package.needs.services_for(&name),
                alone: package.needs.alone(&name),
                name,
                unit: !artifact.target.kind.contains(&TargetKind::Test),
                path: path.clone().into(),
                folder: package.folder.clone(),
            });
        }
        Ok(())
    }

    /// What the build did, as one line.
    pub(super) fn summary(&self) -> String {
        format!(
            "{} libraries compiled, the last after {} s; {} programs linked, {} MB",
            self.libraries.0,
            self.libraries.1.as_secs(),
            self.linked.0,
            self.linked.1 / 1_000_000
        )
    }

    /// The program of one test of one package.
    pub(super) fn program(&self, package: &str, name: &str) -> anyhow::Result<&Program> {
        let mut programs = self.programs.iter();
        programs
            .find(|program| program.package == package && program.name == name && !program.unit)
            .with_context(|| format!("{package} has no test {name} in {}", place::root().display()))
    }
}
