//! Files and folders are nouns of the field. A name without a purpose is a room into which everything falls.

use super::{Fault, Tree};

const EMPTY: [&str; 14] = [
    "util",
    "utils",
    "common",
    "commons",
    "type",
    "types",
    "manager",
    "managers",
    "helper",
    "helpers",
    "misc",
    "constants",
    "stuff",
    "legacy",
];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, _) in tree.ending(".rs") {
        for part in path.trim_end_matches(".rs").split('/') {
            let part = part.to_lowercase();
            let word = part.split(['_', '-']).find(|word| EMPTY.contains(word));
            if let Some(word) = word.or_else(|| is_version(&part).then_some(part.as_str())) {
                faults.push(Fault::new(path, 0, format!("\"{word}\" says nothing: name what it is about")));
                break;
            }
        }
    }
    faults
}

/// `v1`: the old way should have been deleted.
fn is_version(part: &str) -> bool {
    part.strip_prefix('v')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_a_purpose_are_found_in_files_and_folders() {
        let tree = Tree::of(&[
            ("central/server/src/utils.rs", ""),
            ("central/server/src/sink_helper.rs", ""),
            ("central/server/src/types/mod.rs", ""),
            ("central/server/src/v1/api.rs", ""),
            ("central/server/src/sink/runner.rs", ""),
            ("central/server/src/media_type.md", ""),
        ]);
        assert_eq!(check(&tree).len(), 4);
    }
}
