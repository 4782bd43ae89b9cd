//! `unsafe` stands in event-store only. The compiler forbids it elsewhere; this makes sure that nobody turned that off.

use super::code::{bare, lines_with_word};
use super::{Fault, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree.ending(".rs").filter(|(path, _)| !path.starts_with("event-store/")) {
        let code = bare(text);
        faults.extend(
            lines_with_word(&code, "unsafe")
                .map(|line| Fault::new(path, line, "`unsafe` stands in event-store only")),
        );
    }
    for (path, text) in tree.ending("/Cargo.toml").filter(|(path, _)| !path.starts_with("event-store/")) {
        if !inherits_lints(text) {
            faults.push(Fault::new(path, 0, "does not inherit the workspace's lints"));
        }
    }
    faults
}

fn inherits_lints(manifest: &str) -> bool {
    let table = manifest.parse::<toml::Table>().unwrap_or_default();
    table.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_code_is_found_outside_its_room_and_the_word_in_a_sentence_is_not() {
        let tree = Tree::of(&[
            ("journal/src/lib.rs", "//! Not unsafe.\nfn f() {\n    unsafe { g() }\n}\n"),
            ("event-store/src/lib.rs", "unsafe {}"),
            ("journal/Cargo.toml", "[lints]\nworkspace = true"),
            ("central/Cargo.toml", "[package]"),
        ]);
        let places: Vec<_> = check(&tree).into_iter().map(|fault| (fault.path, fault.line)).collect();
        assert_eq!(places, [("journal/src/lib.rs".to_owned(), 3), ("central/Cargo.toml".to_owned(), 0)]);
    }
}
