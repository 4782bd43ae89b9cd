//! Files stay short: past 400 lines they need a reason in `xtask/long-files.toml`, and a reason needs such a file.

use toml::Table;

use super::{Fault, Tree};

const LIMIT: usize = 400;
const REASONS: &str = "xtask/long-files.toml";
/// Written by people. Data, lists and lock files may be as long as they are.
const WRITTEN: [&str; 9] = [".rs", ".js", ".mjs", ".ts", ".css", ".html", ".proto", ".sql", ".sh"];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let reasons: Table = match tree.text(REASONS).unwrap_or_default().parse() {
        Ok(reasons) => reasons,
        Err(error) => return vec![Fault::new(REASONS, 0, format!("is no TOML: {error}"))],
    };
    let mut faults = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| WRITTEN.iter().any(|end| path.ends_with(end))) {
        let lines = text.lines().count();
        let reason = reasons.get(path).and_then(|reason| reason.as_str()).unwrap_or_default();
        if lines > LIMIT && reason.len() < 20 {
            faults.push(Fault::new(
                path,
                0,
                format!("has {lines} lines: split it, or give the reason in {REASONS}"),
            ));
        } else if lines <= LIMIT && reasons.contains_key(path) {
            faults.push(Fault::new(REASONS, 0, format!("{path} is short enough: take it off the list")));
        }
    }
    let gone = reasons.keys().filter(|path| !tree.has(path));
    faults.extend(gone.map(|path| Fault::new(REASONS, 0, format!("{path} is gone: take it off the list"))));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_needs_a_reason_and_a_reason_needs_a_long_file() {
        let long = "x\n".repeat(LIMIT + 1);
        let just = "x\n".repeat(LIMIT);
        let tree = Tree::of(&[
            ("a/long.rs", &long),
            ("a/just.rs", &just),
            ("a/excused.rs", &long),
            ("a/lamely.rs", &long),
            ("a/data.json", &long),
            (
                REASONS,
                "\"a/excused.rs\" = \"one table, and splitting it would hide its order\"\n\"a/lamely.rs\" = \"long\"\n\
                 \"a/gone.rs\" = \"was one table once, long ago\"\n\"a/just.rs\" = \"was longer than it is today\"",
            ),
        ]);
        let faults: Vec<_> = check(&tree).into_iter().map(|fault| fault.to_string()).collect();
        assert_eq!(faults.len(), 4, "{faults:#?}");
        assert!(faults[0].contains("just.rs is short enough"));
        assert!(faults[1].starts_with("a/lamely.rs"));
        assert!(faults[2].starts_with("a/long.rs"));
        assert!(faults[3].contains("a/gone.rs is gone"));
    }
}
