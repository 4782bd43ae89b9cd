//! Every Rust file begins by saying what it is for.

use super::{Fault, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree.ending(".rs") {
        let first = text.lines().next().unwrap_or_default();
        let sentence = first.strip_prefix("//!").unwrap_or_default().trim();
        if sentence.is_empty() {
            faults.push(Fault::new(path, 1, "the first line is no `//!` that says what this file is for"));
        } else if sentence.eq_ignore_ascii_case("placeholder") {
            faults.push(Fault::new(path, 1, "the first line says nothing"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_purpose_is_found() {
        let tree = Tree::of(&[
            ("a/src/good.rs", "//! Keeps the time.\n"),
            ("a/src/bare.rs", "use std::fs;\n"),
            ("a/src/empty.rs", ""),
            ("a/src/silent.rs", "//!\n"),
            ("a/src/late.rs", "\n//! Too late.\n"),
            ("a/readme.md", "no Rust"),
        ]);
        let paths: Vec<_> = check(&tree).into_iter().map(|fault| fault.path).collect();
        assert_eq!(paths, ["a/src/bare.rs", "a/src/empty.rs", "a/src/late.rs", "a/src/silent.rs"]);
    }
}
