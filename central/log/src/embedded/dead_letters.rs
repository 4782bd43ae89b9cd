//! Dead letters in a journal of their own, beside the log's. Knows nothing of what is in them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use footfall_journal::{Journal, OpenError, Options, Retention};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use prost::Message as _;

use crate::dead_letter::{DeadLetterStore, KEPT_BYTES, ParkError, Parked};

/// How long a dead letter stays while there is room for it.
const KEEP_AGE: Duration = Duration::from_hours(10 * 365 * 24);
/// Size of a segment file, bytes.
const SEGMENT_BYTES: u64 = 16 << 20;

/// The journal of dead letters; clones share it.
#[derive(Clone)]
pub(super) struct DeadLetterJournal(Journal);

impl DeadLetterJournal {
    /// Opens the journal in a folder, or makes it. Blocks.
    pub(super) fn open(dir: PathBuf, lock_wait: Duration) -> Result<Self, OpenError> {
        let retention = Retention { age: KEEP_AGE, bytes: KEPT_BYTES };
        let (journal, _) = Journal::open(Options {
            segment_bytes: SEGMENT_BYTES,
            retention,
            lock_wait,
            ..Options::new(dir)
        })?;
        Ok(Self(journal))
    }

    /// Writes what is queued and stops. Blocks.
    pub(super) fn close(&self) {
        self.0.close();
    }
}

impl DeadLetterStore for DeadLetterJournal {
    fn append(&self, letters: Vec<Bytes>) -> BoxFuture<'_, Result<(), ParkError>> {
        async move {
            let appended = self.0.append(letters).await.map_err(io::Error::other)?;
            // No reader is waited for: old ones may go as soon as newer ones need the room.
            self.0.release(appended.first + u64::from(appended.count));
            Ok(())
        }
        .boxed()
    }
}

/// The dead letters in a journal's folder, oldest first, whether a central runs there or not; nothing where there is no such folder.
/// Blocks.
///
/// # Errors
/// What the file system says.
pub fn read_dead_letters(dir: &Path) -> io::Result<Vec<Parked>> {
    let mut letters = Vec::new();
    if dir.try_exists()? {
        // What cannot be decoded here was written by a later version.
        footfall_journal::inspect(dir, |entry| letters.extend(Parked::decode(entry.payload).ok()))?;
    }
    Ok(letters)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::dead_letter::DeadLetters;
    use crate::incarnation::Incarnation;
    use crate::metrics::Metrics;
    use crate::poison::{Poison, PoisonReason};

    #[tokio::test]
    async fn what_is_parked_can_be_read_with_its_reason_while_more_is_parked() {
        let dir = tempfile::tempdir().expect("temp dir");
        let journal = DeadLetterJournal::open(dir.path().to_owned(), Duration::ZERO).expect("open");
        let dead_letters = DeadLetters::new(Arc::new(journal), Incarnation([1; 16]), Metrics::default());
        let payload = Bytes::from_static(b"\xff");
        let poison = Poison { offset: 9, index: Some(2), reason: PoisonReason::Event, payload };
        dead_letters.park(3, std::slice::from_ref(&poison)).await.expect("parked");
        dead_letters.park(3, &[]).await.expect("nothing to do");
        let read = read_dead_letters(dir.path()).expect("read while it is open");
        let letter = &read[0];
        assert_eq!((letter.partition, letter.offset, letter.index), (3, 9, Some(2)));
        assert_eq!(letter.reason, "event");
        assert_eq!((&letter.payload, read.len()), (&poison.payload, 1));
        assert_eq!(read_dead_letters(&dir.path().join("nowhere")).expect("nothing"), []);
    }
}
