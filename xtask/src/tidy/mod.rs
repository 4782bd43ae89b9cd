//! `tidy`: what the compiler cannot check about the tree. Every rule is a function from a [`Tree`] to faults.

mod arrows;
mod code;
mod first_line;
mod knowledge;
mod length;
mod link;
mod machine;
mod mount;
mod name;
mod rooms;
mod tree;
mod unsafety;

use std::fmt;

use tree::Tree;

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
    arrows::check,
    knowledge::check,
    rooms::check,
    length::check,
    link::check,
    machine::check,
    mount::check,
    name::check,
    unsafety::check,
];

/// Prints every fault of the workspace and fails if there is one.
pub(crate) fn run() -> anyhow::Result<()> {
    let tree = Tree::read(crate::place::root())?;
    let mut faults: Vec<Fault> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    faults.sort();
    for fault in &faults {
        eprintln!("{fault}");
    }
    anyhow::ensure!(faults.is_empty(), "tidy: {} faults", faults.len());
    eprintln!("tidy: {} files are as they should be", tree.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        let tree = Tree::read(crate::place::root()).unwrap();
        let faults: Vec<String> =
            RULES.iter().flat_map(|rule| rule(&tree)).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    }
}
