//! The folder of a deduplicator's checkpoints. Knows nothing of what is in them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use footfall_daemon::file;

use crate::checkpoint::{CheckpointError, decode, encode, to_delete};
use crate::deduplicator::Deduplicator;
use crate::seen_offsets::Order;

/// The folder of checkpoints, one file for each, named by its offset.
#[derive(Clone, Debug)]
pub(super) struct Checkpoints {
    dir: PathBuf,
    incarnation: [u8; 16],
}

impl Checkpoints {
    /// Makes the folder when it is missing.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn open(dir: PathBuf, incarnation: [u8; 16]) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        Ok(Self { dir, incarnation })
    }

    /// Keeps the state, durably: the log may be released up to it. Of those that became too many, the ones that say least
    /// go; the newest at or below `needed` stays. Blocks.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn save(&self, deduplicator: &Deduplicator, needed: u64) -> io::Result<()> {
        let path = self.path(deduplicator.position());
        file::replace(&path, &encode(deduplicator, self.incarnation), 0o600)?;
        for offset in to_delete(self.offsets()?, needed) {
            fs::remove_file(self.path(offset))?;
        }
        Ok(())
    }

    /// The offset of the newest one at or below `position`.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn newest(&self, position: u64) -> io::Result<Option<u64>> {
        Ok(self.offsets()?.into_iter().rfind(|offset| *offset <= position))
    }

    /// The newest usable state at or below `position`. A damaged one is removed. Blocks.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn load(&self, position: u64) -> io::Result<Option<Deduplicator>> {
        while let Some(offset) = self.newest(position)? {
            let path = self.path(offset);
            match decode(&fs::read(&path)?, self.incarnation, Order::OutOfOrder) {
                Ok(deduplicator) if deduplicator.position() == offset => return Ok(Some(deduplicator)),
                found => {
                    let error = found.err().unwrap_or(CheckpointError::Foreign);
                    tracing::warn!(path = %path.display(), %error, "removing a checkpoint that cannot be used");
                    fs::remove_file(&path)?;
                }
            }
        }
        Ok(None)
    }

    /// Ascending.
    fn offsets(&self) -> io::Result<Vec<u64>> {
        let mut offsets = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let name = PathBuf::from(entry?.file_name());
            if name.extension().is_some_and(|extension| extension == "checkpoint") {
                offsets.extend(name.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok()));
            }
        }
        offsets.sort_unstable();
        Ok(offsets)
    }

    fn path(&self, offset: u64) -> PathBuf {
        Path::new(&self.dir).join(format!("{offset:020}.checkpoint"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::MAX_KEPT;

    #[test]
    fn the_newest_usable_state_is_found_and_a_damaged_one_is_removed() {
        let dir = tempfile::tempdir().expect("temp dir");
        let checkpoints = Checkpoints::open(dir.path().join("c"), [1; 16]).expect("open");
        assert!(checkpoints.load(u64::MAX).expect("read").is_none());
        for position in [10, 20, 30] {
            checkpoints.save(&Deduplicator::new(position, [1; 16], Order::OutOfOrder), 0).expect("save");
        }
        let at =
            |position| checkpoints.load(position).expect("read").map(|deduplicator| deduplicator.position());
        assert_eq!((at(9), at(10), at(29), at(1_000)), (None, Some(10), Some(20), Some(30)));
        let mut bytes = fs::read(checkpoints.path(20)).expect("there");
        bytes[20] ^= 1;
        fs::write(checkpoints.path(20), bytes).expect("write");
        fs::write(checkpoints.path(5), encode(&Deduplicator::new(5, [2; 16], Order::OutOfOrder), [2; 16]))
            .expect("write");
        assert_eq!((at(29), at(9)), (Some(10), None));
        assert_eq!(checkpoints.offsets().expect("list"), [10, 30]);
    }

    #[test]
    fn only_a_few_are_kept_and_the_needed_one_is_among_them() {
        let dir = tempfile::tempdir().expect("temp dir");
        let checkpoints = Checkpoints::open(dir.path().to_owned(), [1; 16]).expect("open");
        for position in 0..100 {
            checkpoints
                .save(&Deduplicator::new(position * 10, [1; 16], Order::OutOfOrder), 155)
                .expect("save");
        }
        let kept = checkpoints.offsets().expect("list");
        assert_eq!(kept.len(), MAX_KEPT);
        assert!(kept.contains(&150) && kept.contains(&990), "{kept:?}");
    }
}
