//! Every package obeys the workspace's lints, of which `unsafe_code = "forbid"` is one; what cannot is named here. And a
//! clippy.toml of a package's own says all that the workspace's says: clippy reads only the nearest one.

use toml::{Table, Value};

use super::{Fault, Tree};

/// Their tables repeat the workspace's.
const OWN_TABLES: [&str; 1] = ["event-store/Cargo.toml"];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree.ending("/Cargo.toml").filter(|(path, _)| !OWN_TABLES.contains(path)) {
        if !inherits_lints(text) {
            faults.push(Fault::new(path, 0, "does not inherit the workspace's lints"));
        }
    }
    let everywhere: Table = tree.text("clippy.toml").unwrap_or_default().parse().unwrap_or_default();
    for (path, text) in tree.ending("/clippy.toml") {
        let own: Table = match text.parse() {
            Ok(own) => own,
            Err(error) => {
                faults.push(Fault::new(path, 0, format!("is no TOML: {error}")));
                continue;
            }
        };
        let missing =
            everywhere.iter().filter(|(name, value)| !own.get(*name).is_some_and(|own| holds(own, value)));
        faults.extend(missing.map(|(name, _)| {
            Fault::new(path, 0, format!("does not repeat all of `{name}` of the workspace's clippy.toml"))
        }));
    }
    faults
}

fn inherits_lints(manifest: &str) -> bool {
    let table = manifest.parse::<Table>().unwrap_or_default();
    table.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool) == Some(true)
}

/// Whether one value says what the other says; a list may say more.
fn holds(own: &Value, everywhere: &Value) -> bool {
    match (own, everywhere) {
        (Value::Array(own), Value::Array(everywhere)) => everywhere.iter().all(|line| own.contains(line)),
        _ => own == everywhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_turns_the_lints_off_is_found() {
        let tree = Tree::of(&[
            ("journal/Cargo.toml", "[lints]\nworkspace = true"),
            ("central/log/Cargo.toml", "[package]"),
            ("event-store/Cargo.toml", "[lints.rust]"),
        ]);
        let paths: Vec<_> = check(&tree).into_iter().map(|fault| fault.path).collect();
        assert_eq!(paths, ["central/log/Cargo.toml"]);
    }

    #[test]
    fn a_clippy_toml_of_its_own_forgets_nothing() {
        let everywhere = "a = true\nmethods = [{ path = \"x\" }]";
        let faults = |own| check(&Tree::of(&[("clippy.toml", everywhere), ("proto/clippy.toml", own)])).len();
        assert_eq!(faults("a = true\nmethods = [{ path = \"y\" }, { path = \"x\" }]\nb = 1"), 0);
        assert_eq!(faults("a = true\nmethods = [{ path = \"y\" }]"), 1);
        assert_eq!(faults("a = false"), 2);
        assert_eq!(faults("a ="), 1);
    }
}
