//! `tidy`: what the compiler cannot check about the tree. Every rule is a function from a [`Tree`] to faults.

mod arrows;
mod first_line;
mod length;
mod link;
mod lints;
mod lock;
mod machine;
mod mount;
mod name;
mod pure;
mod tree;

use std::fmt;
use std::path::Path;

use tree::Tree;

use crate::{place, workspace};

/// One thing to mend: where it is and what to do.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    path: String,
    /// From 1; 0 for the file as a whole.
    line: usize,
    sentence: String,
}

impl Fault {
    fn new(path: &str, line: usize, sentence: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, sentence: sentence.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.path, self.sentence)
        } else {
            write!(f, "{}:{}: {}", self.path, self.line, self.sentence)
        }
    }
}

const RULES: &[fn(&Tree) -> Vec<Fault>] = &[
    first_line::check,
    length::check,
    lints::check,
    lock::check,
    machine::check,
    mount::check,
    name::check,
    pure::check,
];

/// Every fault of the tree and of what the manifests draw.
fn faults(root: &Path) -> anyhow::Result<(Vec<Fault>, usize)> {
    let tree = Tree::read(root)?;
    let mut faults: Vec<Fault> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    faults.extend(arrows::check(&workspace::packages(root)?));
    faults.sort();
    Ok((faults, tree.len()))
}

/// Prints every fault of the workspace and fails if there is one.
pub(crate) fn run() -> anyhow::Result<()> {
    let (faults, files) = faults(place::root())?;
    for fault in &faults {
        eprintln!("{fault}");
    }
    let links = link::check(place::root());
    anyhow::ensure!(faults.is_empty(), "tidy: {} faults", faults.len());
    links?;
    eprintln!("tidy: {files} files are as they should be");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        let (faults, _) = faults(place::root()).unwrap();
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    }
}
