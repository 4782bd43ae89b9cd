//! The packages of the workspace as their manifests describe them, with what their tests need. Reads; starts nothing but cargo.

use std::path::{Path, PathBuf};

use anyhow::Context;
use cargo_metadata::{DependencyKind, MetadataCommand, TargetKind};
use serde::Deserialize;

/// A package of the workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// What its code and its build script are made with, by package. What only its tests use is left out.
    pub(crate) uses: Vec<String>,
    /// Names of the integration tests.
    pub(crate) tests: Vec<String>,
    pub(crate) needs: Needs,
}

impl Package {
    /// Whether a person may mean it so: by its folder (`central/log`) or its name.
    pub(crate) fn is_called(&self, root: &Path, name: &str) -> bool {
        self.name == name || self.folder.strip_prefix(root).is_ok_and(|folder| folder == Path::new(name))
    }
}

/// What a manifest says of its package's tests, in `[package.metadata.footfall]`. Tests are named as cargo names them: an
/// integration test by its file or folder, the unit tests by the library.
#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Needs {
    /// Tests that talk to the servers of `cargo xtask services`.
    #[serde(default)]
    services: Which,
    /// Tests that talk to Druid, which is not among the servers of other tests: its start takes half a minute.
    #[serde(default)]
    druid: Vec<String>,
    /// Tests that measure time or load the machine: nothing else runs beside them.
    #[serde(default)]
    alone: Vec<String>,
}

/// `true`, or those that are named.
#[derive(Deserialize, Debug)]
#[serde(untagged)]
enum Which {
    All(bool),
    Named(Vec<String>),
}

impl Default for Which {
    fn default() -> Self {
        Self::All(false)
    }
}

impl Needs {
    /// Whether any test of the package talks to the servers.
    pub(crate) fn services(&self) -> bool {
        match &self.services {
            Which::All(all) => *all,
            Which::Named(names) => !names.is_empty(),
        }
    }

    /// Whether the test of this name talks to the servers.
    pub(crate) fn services_for(&self, test: &str) -> bool {
        match &self.services {
            Which::All(all) => *all,
            Which::Named(names) => names.iter().any(|name| name == test),
        }
    }

    /// Whether any test of the package talks to Druid.
    pub(crate) fn druid(&self) -> bool {
        !self.druid.is_empty()
    }

    /// Whether the test of this name talks to Druid.
    pub(crate) fn druid_for(&self, test: &str) -> bool {
        self.druid.iter().any(|name| name == test)
    }

    /// Whether nothing may run beside the test of this name.
    pub(crate) fn alone(&self, test: &str) -> bool {
        self.alone.iter().any(|name| name == test)
    }
}

/// All packages of the workspace.
pub(crate) fn packages(root: &Path) -> anyhow::Result<Vec<Package>> {
    let metadata = MetadataCommand::new()
        .current_dir(root)
        .no_deps()
        .exec()
        .context("cargo does not describe the workspace")?;
    metadata.packages.iter().map(package).collect()
}

fn package(package: &cargo_metadata::Package) -> anyhow::Result<Package> {
    let needs = match package.metadata.get("footfall") {
        None => Needs::default(),
        Some(said) => serde_json::from_value(said.clone()).with_context(|| {
            format!("{} does not say what its tests need: [package.metadata.footfall]", package.manifest_path)
        })?,
    };
    let folder = package.manifest_path.parent().context("a manifest lies in a folder")?;
    let tests = package.targets.iter().filter(|target| target.kind.contains(&TargetKind::Test));
    let uses = package.dependencies.iter().filter(|used| used.kind != DependencyKind::Development);
    Ok(Package {
        name: package.name.to_string(),
        uses: uses.map(|used| used.name.clone()).collect(),
        folder: folder.into(),
        tests: tests.map(|target| target.name.clone()).collect(),
        needs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(text: &str) -> Result<Needs, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn all_tests_need_servers_or_those_that_are_named() {
        let all = needs(r#"{"services": true}"#).unwrap();
        assert!(all.services() && all.services_for("any"));
        let some = needs(r#"{"services": ["tiers"], "alone": ["kills"]}"#).unwrap();
        assert!(some.services() && some.services_for("tiers") && !some.services_for("kills"));
        assert!(some.alone("kills") && !some.alone("tiers"));
        assert!(!Needs::default().services() && !Needs::default().services_for("any"));
        let druid = needs(r#"{"services": true, "druid": ["it"]}"#).unwrap();
        assert!(druid.druid() && druid.druid_for("it") && !druid.druid_for("other"));
        assert!(!all.druid() && !all.druid_for("it"));
    }

    #[test]
    fn a_word_that_is_none_is_refused() {
        assert!(needs(r#"{"service": true}"#).is_err());
    }

    #[test]
    fn what_the_manifests_name_is_there() {
        for package in packages(crate::place::root()).unwrap() {
            let Which::Named(services) = &package.needs.services else { continue };
            for name in services.iter().chain(&package.needs.alone) {
                assert!(package.tests.contains(name), "{} has no test {name}", package.name);
            }
        }
    }
}
