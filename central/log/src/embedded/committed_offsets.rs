//! How far each consumer has come, a small file for each. Not synced: a consumer whose store is durable asks the store itself.

use std::fs;
use std::io;
use std::path::PathBuf;

use footfall_daemon::file;

use crate::incarnation::Incarnation;

/// The folder of committed offsets.
#[derive(Clone, Debug)]
pub(super) struct CommittedOffsets {
    dir: PathBuf,
    incarnation: Incarnation,
}

impl CommittedOffsets {
    /// Makes the folder when it is missing.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn open(dir: PathBuf, incarnation: Incarnation) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        Ok(Self { dir, incarnation })
    }

    /// The offset that `consumer` committed for this log, if it did. An unreadable file counts as none: the consumer then
    /// reads what it has read before, which changes no store.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn committed(&self, consumer: &str) -> io::Result<Option<u64>> {
        let text = match fs::read_to_string(self.path(consumer)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let committed = text.split_once(' ').and_then(|(incarnation, offset)| {
            (incarnation == self.incarnation.to_string()).then(|| offset.trim().parse().ok()).flatten()
        });
        if committed.is_none() {
            tracing::warn!(consumer, text, "the committed offset belongs to another log or cannot be read");
        }
        Ok(committed)
    }

    /// Everything below `next` is in the consumer's store. Blocks for a moment.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn commit(&self, consumer: &str, next: u64) -> io::Result<()> {
        file::replace_unsynced(
            &self.path(consumer),
            format!("{} {next}\n", self.incarnation).as_bytes(),
            0o600,
        )
    }

    fn path(&self, consumer: &str) -> PathBuf {
        self.dir.join(format!("{consumer}.offset"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_kept_for_its_log_only() {
        let dir = tempfile::tempdir().expect("temp dir");
        let mine = CommittedOffsets::open(dir.path().to_owned(), Incarnation([1; 16])).expect("open");
        assert_eq!(mine.committed("clickhouse").expect("read"), None);
        mine.commit("clickhouse", 41).expect("write");
        mine.commit("clickhouse", 42).expect("write");
        assert_eq!(mine.committed("clickhouse").expect("read"), Some(42));
        assert_eq!(mine.committed("live").expect("read"), None);
        let other = CommittedOffsets::open(dir.path().to_owned(), Incarnation([2; 16])).expect("open");
        assert_eq!(other.committed("clickhouse").expect("read"), None);
    }

    #[test]
    fn a_torn_file_counts_as_nothing_committed() {
        let dir = tempfile::tempdir().expect("temp dir");
        let offsets = CommittedOffsets::open(dir.path().to_owned(), Incarnation([1; 16])).expect("open");
        for torn in ["", "0101", "not an offset", "01010101010101010101010101010101 4x"] {
            fs::write(offsets.path("clickhouse"), torn).expect("write");
            assert_eq!(offsets.committed("clickhouse").expect("read"), None);
        }
    }
}
