//! How many packages a build takes: read from what `cargo tree` prints, as cargo selects features for the whole workspace.

use std::collections::{HashMap, HashSet};
use std::process::{Command, Stdio};

use crate::without_package;

/// The question for what `build`, a `cargo build`, will take for `roots`; none means all of the workspace and its tests.
pub(crate) fn tree(build: &Command, roots: &[&str]) -> Command {
    let mut tree = Command::new(build.get_program());
    if let Some(folder) = build.get_current_dir() {
        tree.current_dir(folder);
    }
    without_package(&mut tree);
    let edges = if roots.is_empty() { "normal,build,dev" } else { "normal,build" };
    tree.args(["tree", "--prefix", "depth", "--format", " {p}", "--edges", edges]);
    // Of the whole workspace cargo selects other features than of its packages alone, and of another target other packages.
    if build.get_args().any(|argument| argument == "--workspace") {
        tree.arg("--workspace");
    } else {
        for root in roots {
            tree.args(["--package", root]);
        }
    }
    if let Some(target) = build.get_args().skip_while(|argument| *argument != "--target").nth(1) {
        tree.arg("--target").arg(target);
    }
    tree
}

/// The packages that `roots` are built from, themselves included. `None` when cargo does not say.
pub(crate) fn count(mut tree: Command, roots: &[&str]) -> Option<usize> {
    let output = tree.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| reached(&String::from_utf8_lossy(&output.stdout), roots))
}

/// Lines are `DEPTH NAME vVERSION (…)`. What a package is built from is printed below the first of its lines only.
fn reached(tree: &str, roots: &[&str]) -> usize {
    let mut uses: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut above: Vec<&str> = Vec::new();
    let mut begin = Vec::new();
    for line in tree.lines() {
        let Some((depth, rest)) = line.split_once(' ') else { continue };
        let Ok(depth) = depth.parse::<usize>() else { continue };
        // Without marks such as (*) or (proc-macro): the name and the version.
        let end = rest.match_indices(' ').nth(1).map_or(rest.len(), |(end, _)| end);
        let package = &rest[..end];
        above.truncate(depth);
        uses.entry(package).or_default();
        if let Some(user) = above.last() {
            uses.entry(user).or_default().push(package);
        } else if roots.is_empty() || rest.split(' ').next().is_some_and(|name| roots.contains(&name)) {
            begin.push(package);
        }
        above.push(package);
    }
    let mut found: HashSet<&str> = HashSet::new();
    while let Some(package) = begin.pop() {
        if found.insert(package) {
            begin.extend(&uses[package]);
        }
    }
    found.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "\
0 edge v0.1.0 (/x/edge)
1 tokio v1.0.0
2 mio v1.0.0
1 proto v0.1.0 (/x/proto)

0 xtask v0.1.0 (/x/xtask)
1 derive v2.0.0 (proc-macro)
2 syn v2.0.0
1 tokio v1.0.0 (*)

0 proto v0.1.0 (/x/proto)
";

    #[test]
    fn what_a_root_reaches_is_counted_once_also_where_the_tree_leaves_it_out() {
        assert_eq!(reached(TREE, &["xtask"]), 5, "xtask, derive, syn, tokio, mio");
        assert_eq!(reached(TREE, &["edge"]), 4);
        assert_eq!(reached(TREE, &["edge", "xtask"]), 7);
        assert_eq!(reached(TREE, &[]), 7);
        assert_eq!(reached(TREE, &["proto"]), 1);
        assert_eq!(reached("nothing of the kind", &[]), 0);
    }

    fn count_of(arguments: &[&str], roots: &[&str]) -> usize {
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(env!("CARGO_MANIFEST_DIR")).arg("build").args(arguments);
        count(tree(&build, roots), roots).expect("cargo says")
    }

    #[test]
    fn cargo_prints_what_is_read_here() {
        assert_eq!(
            count_of(&["--workspace", "--bin", "xtask-launch"], &["xtask-launch"]),
            2,
            "itself and anyhow"
        );
        let xtask = count_of(&["--workspace", "--bin", "xtask"], &["xtask"]);
        let all = count_of(&["--workspace", "--tests"], &[]);
        assert!(100 < xtask && xtask < all, "{xtask} {all}");
        let target = ["--target", "wasm32-unknown-unknown"];
        let beacon =
            count_of(&[&["--package", "footfall-beacon"], &target[..]].concat(), &["footfall-beacon"]);
        assert!(2 < beacon && beacon < all, "{beacon}");
    }
}
