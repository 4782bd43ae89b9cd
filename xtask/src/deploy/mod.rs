//! What can be known of `deploy/` without a container engine or a running systemd: that the compose file, the Dockerfile, the scripts, the
//! units and the configurations fit each other, and that what they promise about secrets, users and limits is what they say. Tests only;
//! that the configurations are valid is tried by the programs' own tests (`config/tests.rs` of the edge and of central).
//!
//! Every rule is a function from [`Deploy`] to sentences, and each is shown a broken copy that it has to find.

mod compose;
mod configuration;
mod guard;
mod image;
mod reach;
mod script;
mod secret;
mod unit;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use compose::Compose;

use crate::place;

/// `deploy/` as it is in the tree: paths below it and their text, and what the compose file says.
struct Deploy {
    files: BTreeMap<String, String>,
    compose: Compose,
}

/// What is wrong, a sentence each.
type Faults = Vec<String>;

fn folder() -> PathBuf {
    place::root().join("deploy")
}

impl Deploy {
    fn read() -> Self {
        let mut files = BTreeMap::new();
        gather(&folder(), "", &mut files);
        Self::of(files)
    }

    fn of(files: BTreeMap<String, String>) -> Self {
        let compose =
            Compose::parse(&files["compose.yaml"]).unwrap_or_else(|error| panic!("compose.yaml: {error}"));
        Self { files, compose }
    }

    /// The same with one text in the place of another, which has to be there.
    fn with(&self, path: &str, from: &str, to: &str) -> Self {
        let mut files = self.files.clone();
        let text = files.get_mut(path).unwrap_or_else(|| panic!("there is no deploy/{path}"));
        assert!(text.contains(from), "deploy/{path} does not say {from:?}");
        *text = text.replace(from, to);
        Self::of(files)
    }

    fn text(&self, path: &str) -> &str {
        self.files.get(path).map_or("", String::as_str)
    }

    fn toml(&self, path: &str) -> toml::Table {
        self.text(path).parse().unwrap_or_else(|error| panic!("deploy/{path}: {error}"))
    }
}

fn gather(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            gather(&entry.path(), &format!("{path}/"), files);
        } else {
            files.insert(path, std::fs::read_to_string(entry.path()).unwrap());
        }
    }
}

/// Whether a file's name ends so.
fn is(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

/// What a command prints; `None` where there is no such program or it fails.
fn ask(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[track_caller]
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[track_caller]
fn found(faults: &[String], part: &str) {
    assert!(
        faults.iter().any(|fault| fault.contains(part)),
        "{part:?} is not told in\n{}",
        faults.join("\n")
    );
}
