//! How much of the disk is left for what a command writes: a full one shows as servers that refuse, in tests that have nothing to do with it.

use std::path::Path;

use super::part::Need;
use crate::place;

const GIB: u64 = 1 << 30;

/// What a build from nothing and a run write, in bytes.
fn wanted(need: Need) -> u64 {
    match need {
        Need::Up => 4 * GIB,
        Need::Services => GIB,
        Need::Test | Need::Bench => 16 * GIB,
    }
}

/// A sentence about the folders with less room than any of `needs` may take; `None` when there is enough. What is built already takes no
/// room again, so that this is no reason to refuse.
///
/// # Errors
/// The build's folder cannot be found or looked at.
pub(super) fn warning(needs: &[Need]) -> anyhow::Result<Option<String>> {
    let wanted = needs.iter().map(|need| wanted(*need)).max().unwrap_or(0);
    let (target, temporary) = (place::target()?, std::env::temp_dir());
    for folder in [target.as_path(), temporary.as_path()] {
        let free = free(folder)?;
        if free < wanted {
            return Ok(Some(sentence(folder, free, wanted)));
        }
    }
    Ok(None)
}

fn sentence(folder: &Path, free: u64, wanted: u64) -> String {
    let folder = folder.display();
    let tenths = free * 10 / GIB;
    format!(
        "{}.{} GiB are free where {folder} lies, and this may take up to {} GiB",
        tenths / 10,
        tenths % 10,
        wanted / GIB
    )
}

/// What may be written by anybody, in bytes.
fn free(folder: &Path) -> anyhow::Result<u64> {
    let found = rustix::fs::statvfs(folder)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_with_less_than_is_wanted_is_told_with_both_figures() {
        let told = sentence(Path::new("/build"), 5 * GIB / 2, 16 * GIB);
        assert_eq!(told, "2.5 GiB are free where /build lies, and this may take up to 16 GiB");
        assert!(free(&std::env::temp_dir()).expect("a folder") > 0);
    }
}
