//! The import arrows between packages: which room may know which. Read from the manifests, so that nothing can hide.

use toml::{Table, Value};

use super::{Fault, Tree};

/// Package, its folder, and the packages of the workspace that it may use. Tests (`dev-dependencies`) count as well.
const ARROWS: &[(&str, &[&str])] = &[
    ("proto", &[]),
    ("daemon", &[]),
    ("journal", &[]),
    ("event-store", &["footfall-daemon"]),
    ("beacon-wasm", &["footfall-proto"]),
    ("edge-collector", &["footfall-proto", "footfall-journal", "footfall-daemon"]),
    ("central", &["footfall-proto", "footfall-journal", "footfall-daemon"]),
    // Rooms that look at the others from outside; benches measure parts of central alone as well.
    ("benches", &["footfall-proto", "footfall-journal", "footfall-central", "footfall-daemon"]),
    ("tests", &["footfall-proto", "footfall-daemon"]),
    ("xtask", &["footfall-daemon"]),
];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree.ending("/Cargo.toml") {
        let room = path.trim_end_matches("/Cargo.toml");
        let manifest: Table = match text.parse() {
            Ok(manifest) => manifest,
            Err(error) => {
                faults.push(Fault::new(path, 0, format!("is no TOML: {error}")));
                continue;
            }
        };
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room) else {
            faults.push(Fault::new(path, 0, "this room is not on the map in xtask/src/tidy/arrows.rs"));
            continue;
        };
        for dependency in own_dependencies(&manifest) {
            if !allowed.contains(&dependency.as_str()) {
                faults.push(Fault::new(path, 0, format!("{room} must not know {dependency}")));
            }
        }
    }
    faults
}

/// Packages of this workspace that a manifest names, in any of its dependency tables.
fn own_dependencies(manifest: &Table) -> Vec<String> {
    let mut names = Vec::new();
    for (key, value) in manifest {
        let Some(table) = value.as_table() else { continue };
        if key.ends_with("dependencies") {
            names.extend(table.iter().filter_map(|(name, spec)| own_name(name, spec)));
        } else if key == "target" {
            names.extend(table.values().filter_map(Value::as_table).flat_map(own_dependencies));
        }
    }
    names
}

fn own_name(name: &str, spec: &Value) -> Option<String> {
    let field = |key: &str| spec.get(key).and_then(Value::as_str);
    let real = field("package").unwrap_or(name);
    (real.starts_with("footfall-") || real == "xtask" || field("path").is_some()).then(|| real.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files)).into_iter().map(|fault| fault.sentence).collect()
    }

    #[test]
    fn the_arrows_of_the_design_pass() {
        let manifest = "[dependencies]\nfootfall-proto.workspace = true\nserde.workspace = true\n";
        assert!(sentences(&[("central/Cargo.toml", manifest)]).is_empty());
        assert!(sentences(&[("beacon-wasm/Cargo.toml", manifest)]).is_empty());
    }

    #[test]
    fn an_arrow_that_the_design_does_not_draw_is_found_wherever_it_hides() {
        for manifest in [
            "[dependencies]\nfootfall-edge.workspace = true",
            "[dev-dependencies]\nfootfall-edge = { path = \"../edge-collector\" }",
            "[build-dependencies.footfall-edge]\nworkspace = true",
            "[target.'cfg(unix)'.dependencies]\nfootfall-edge = { workspace = true }",
            "[dependencies]\nedge = { package = \"footfall-edge\", path = \"../edge-collector\" }",
        ] {
            assert_eq!(
                sentences(&[("central/Cargo.toml", manifest)]),
                ["central must not know footfall-edge"],
                "{manifest}"
            );
        }
    }

    #[test]
    fn a_new_room_must_be_drawn_first() {
        assert_eq!(sentences(&[("cellar/Cargo.toml", "[package]")]).len(), 1);
    }
}
