//! A lock whose holder has panicked is still a lock: whoever takes one goes on with what it guards (`unwrap_or_else(PoisonError::into_inner)`,
//! or a lock that knows no poison). One panic must not become one for everybody who comes later.

use super::{Fault, Tree};

/// Where every lock is taken so.
const ROOMS: [&str; 1] = ["central/"];

/// How a lock is taken that stays poisoned.
const POISONED: [&str; 6] = [
    ".lock().unwrap()",
    ".lock().expect(",
    ".read().unwrap()",
    ".read().expect(",
    ".write().unwrap()",
    ".write().expect(",
];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let product = |path: &str| {
        ROOMS.iter().any(|room| path.starts_with(room))
            && !path.contains("/tests")
            && !path.ends_with("/sample.rs")
    };
    let mut faults = Vec::new();
    for (path, text) in tree.ending(".rs").filter(|(path, _)| product(path)) {
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        // A call may be broken over lines.
        let (mut packed, mut lines) = (String::new(), Vec::new());
        for (index, line) in code.lines().enumerate() {
            for letter in line.chars().filter(|letter| !letter.is_whitespace()) {
                packed.push(letter);
                lines.resize(packed.len(), index + 1);
            }
        }
        for call in POISONED {
            faults.extend(packed.match_indices(call).map(|(at, _)| {
                Fault::new(path, lines[at], format!("`{call}` fails for ever once a holder has panicked"))
            }));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_stays_poisoned_is_found_however_it_is_written_and_tests_may_take_one_so() {
        let tree = Tree::of(&[
            ("central/a/src/one.rs", "//! One.\nfn f() {\n    m.lock().expect(\"no holder panics\");\n}\n"),
            ("central/a/src/broken.rs", "//! Two.\nfn f() {\n    m.lock()\n        .unwrap();\n}\n"),
            (
                "central/a/src/good.rs",
                "//! Good.\nfn f() {\n    m.lock().unwrap_or_else(PoisonError::into_inner);\n}\n",
            ),
            ("central/a/src/tested.rs", "//! Good.\n#[cfg(test)]\nmod tests {\n    m.lock().unwrap();\n}\n"),
            ("central/a/src/b/tests.rs", "//! Good.\nfn f() {\n    m.lock().unwrap();\n}\n"),
        ]);
        let found: Vec<_> = check(&tree).into_iter().map(|fault| (fault.path, fault.line)).collect();
        assert_eq!(
            found,
            [("central/a/src/broken.rs".to_owned(), 3), ("central/a/src/one.rs".to_owned(), 3)]
        );
    }
}
