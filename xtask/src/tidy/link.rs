//! Links of the documents lead somewhere: to a file that is there, and to a heading in it. lychee looks; nothing is asked of the
//! network.

use std::path::Path;
use std::process::Command;

use crate::{fetch, shell};

/// Fails with what lychee found in the documents below `root`; files that git ignores are left out.
pub(super) fn check(root: &Path) -> anyhow::Result<()> {
    let mut lychee = Command::new(fetch::lychee()?);
    lychee.current_dir(root);
    lychee.args(["--offline", "--include-fragments", "--no-progress", "--format", "compact"]);
    shell::run(lychee.args(["--extensions", "md", "--root-dir", ".", "."]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_sound(text: &str) -> bool {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("docs")).unwrap();
        std::fs::write(folder.path().join("docs/a.md"), text).unwrap();
        std::fs::write(folder.path().join("docs/b.md"), "# First things, first\n").unwrap();
        check(folder.path()).is_ok()
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        assert!(is_sound(
            "# Here\n[b](b.md) [c](b.md#first-things-first) [d](#here) [e](/docs/b.md) `[f](gone.md)`"
        ));
        for link in ["gone.md", "b.md#second", "#there", "/b.md"] {
            assert!(!is_sound(&format!("# Here\n[it]({link})")), "{link}");
        }
        assert!(!is_sound("see [it]\n\n[it]: gone.md"));
    }
}
