//! Nothing in the tree names one machine's folders or the host of a package registry.

use super::{Fault, Tree};

/// This file names them all, and the lock files of package clients name their registry themselves.
const EXEMPT: [&str; 2] = ["xtask/src/tidy/machine.rs", "Cargo.lock"];

/// Also in code, where other folders may well be a test's invention.
const FOREIGN: [(&str, &str); 6] = [
    ("/work/", "a folder of one machine"),
    ("/root/", "a folder of one machine"),
    ("artifactory", "the host of a mirror"),
    ("registry.npmjs.org", "the host of a registry"),
    ("index.crates.io", "the host of a registry"),
    ("static.crates.io", "the host of a registry"),
];

/// In documents only.
const FOREIGN_IN_PROSE: [(&str, &str); 2] =
    [("/home/", "a folder of one machine"), ("/Users/", "a folder of one machine")];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| !EXEMPT.contains(path)) {
        // npm's lock file names the public registry on every line; a mirror's host there would still be wrong.
        let lock = path.ends_with("package-lock.json");
        for (index, line) in text.lines().enumerate() {
            let prose = FOREIGN_IN_PROSE.iter().filter(|_| path.rsplit('.').next() == Some("md"));
            let named = FOREIGN
                .iter()
                .chain(prose)
                .filter(|(word, _)| line.contains(word) && !(lock && *word == "registry.npmjs.org"));
            faults.extend(named.map(|(word, what)| Fault::new(path, index + 1, format!("{word} is {what}"))));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machines_folder_and_a_mirrors_host_are_found_wherever_they_stand() {
        let tree = Tree::of(&[
            ("README.md", "fine\nsee /home/me/notes"),
            ("beacon-wasm/package-lock.json", "https://registry.npmjs.org/x\nhttps://mirror/artifactory/x"),
            (
                "a/src/lib.rs",
                "// one's work / home / root\nlet path = \"/root/me\"; let other = \"/home/u\";",
            ),
        ]);
        let places: Vec<_> = check(&tree).into_iter().map(|fault| (fault.path, fault.line)).collect();
        let expected = [("README.md", 2), ("a/src/lib.rs", 2), ("beacon-wasm/package-lock.json", 2)];
        assert_eq!(places, expected.map(|(path, line)| (path.to_owned(), line)));
    }
}
