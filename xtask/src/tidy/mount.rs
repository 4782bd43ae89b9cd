//! Every file of ours that deploy/compose.yaml hands to a container is there.

use super::{Fault, Tree};

const FILE: &str = "deploy/compose.yaml";

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let text = tree.ending(FILE).find(|(path, _)| *path == FILE).map_or("", |(_, text)| text);
    let lines = text.lines().enumerate();
    let mounts = lines.filter_map(|(index, line)| {
        let mount = line.trim().strip_prefix("- ./")?.split(':').next()?;
        Some((index + 1, format!("deploy/{mount}")))
    });
    mounts
        .filter(|(_, path)| !tree.has(path))
        .map(|(line, path)| Fault::new(FILE, line, format!("hands out {path}, which is not there")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_handed_out_and_is_not_there_is_found() {
        let compose =
            "volumes:\n      - ./compose/there.sh:/x:ro\n      - ./compose/gone.sh:/y:ro\n      - data:/z\n";
        let tree = Tree::of(&[(FILE, compose), ("deploy/compose/there.sh", "")]);
        let lines: Vec<usize> = check(&tree).iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [3]);
    }
}
