//! Where things that nobody could read are parked, with their reason and their place in the log: a journal or a topic of its own,
//! bounded: the newest stay.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use footfall_journal::{AppendError, Journal, OpenError, Options, Retention};
use prost::Message;

use super::incarnation::Incarnation;
use super::kafka::Archive;
use super::metrics::Metrics;
use super::record::Poison;

/// What stays readable, bytes.
const KEPT_BYTES: u64 = 256 << 20;
/// Largest payload kept whole; of a larger one the beginning is kept.
const MAX_PAYLOAD_BYTES: usize = 1 << 20;

/// Where unreadable things are kept; clones share it.
#[derive(Clone)]
pub struct DeadLetter {
    place: Place,
    incarnation: Incarnation,
    metrics: Metrics,
}

#[derive(Clone)]
enum Place {
    Journal(Journal),
    Topic(Archive),
}

/// One parked thing. A crash can park it twice; its place in the log tells.
#[derive(Clone, PartialEq, Message)]
pub struct Parked {
    /// The log's incarnation, 16 bytes.
    #[prost(bytes = "bytes", tag = "1")]
    pub incarnation: Bytes,
    /// Offset in the log; nothing (0) of what was too large for it, whose payload then begins with the log's envelope.
    #[prost(uint64, tag = "2")]
    pub offset: u64,
    /// The event in question; the whole record when absent.
    #[prost(uint32, optional, tag = "3")]
    pub index: Option<u32>,
    /// A word of [`PoisonReason`](super::record::PoisonReason).
    #[prost(string, tag = "4")]
    pub reason: String,
    /// What could not be read, or its beginning.
    #[prost(bytes = "bytes", tag = "5")]
    pub payload: Bytes,
    /// Partition of the log.
    #[prost(uint32, tag = "6")]
    pub partition: u32,
}

impl DeadLetter {
    /// Opens the journal in a folder, or makes it. Blocks.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        dir: PathBuf,
        incarnation: Incarnation,
        lock_wait: Duration,
        metrics: Metrics,
    ) -> Result<Self, OpenError> {
        let options = Options {
            segment_bytes: 16 << 20,
            retention: Retention { age: Duration::from_hours(10 * 365 * 24), bytes: KEPT_BYTES },
            lock_wait,
            ..Options::new(dir)
        };
        let (journal, _) = Journal::open(options)?;
        Ok(Self { place: Place::Journal(journal), incarnation, metrics })
    }

    /// In a topic beside the log's, where every central puts them.
    pub(super) fn in_topic(archive: Archive, incarnation: Incarnation, metrics: Metrics) -> Self {
        Self { place: Place::Topic(archive), incarnation, metrics }
    }

    /// Parks these of a partition; returns once they are on disk.
    ///
    /// # Errors
    /// [`ParkError`]; nothing may then be taken for parked.
    pub async fn park(&self, partition: u32, poison: &[Poison]) -> Result<(), ParkError> {
        if poison.is_empty() {
            return Ok(());
        }
        let parked = poison.iter().map(|poison| {
            let entry = Parked {
                incarnation: Bytes::copy_from_slice(&self.incarnation.0),
                offset: poison.offset,
                index: poison.index,
                reason: poison.reason.name().to_owned(),
                payload: poison.payload.slice(..poison.payload.len().min(MAX_PAYLOAD_BYTES)),
                partition,
            };
            Bytes::from(entry.encode_to_vec())
        });
        match &self.place {
            Place::Journal(journal) => {
                let appended = journal.append(parked.collect()).await?;
                // Nobody is waited for: old ones may go as soon as newer ones need the room.
                journal.release(appended.first + u64::from(appended.count));
            }
            Place::Topic(archive) => {
                for parked in parked {
                    archive.park(parked).await?;
                }
            }
        }
        self.metrics.parked.inc_by(poison.len() as u64);
        Ok(())
    }

    /// Writes what is queued and stops. Blocks.
    pub fn close(&self) {
        if let Place::Journal(journal) = &self.place {
            journal.close();
        }
    }
}

/// What is parked in a journal's folder, oldest first, whether a central runs there or not; nothing where there is no such folder.
/// Blocks.
///
/// # Errors
/// What the file system says.
pub fn in_folder(dir: &Path) -> io::Result<Vec<Parked>> {
    let mut parked = Vec::new();
    if dir.try_exists()? {
        // What cannot be decoded here was written by a later version.
        footfall_journal::inspect(dir, |entry| parked.extend(Parked::decode(entry.payload).ok()))?;
    }
    Ok(parked)
}

/// Why nothing was parked. Transient as far as anyone can tell.
#[derive(Debug, thiserror::Error)]
pub enum ParkError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] AppendError),
    /// The server.
    #[error(transparent)]
    Topic(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use super::super::record::PoisonReason;
    use super::*;

    #[tokio::test]
    async fn what_is_parked_can_be_read_with_its_reason_while_more_is_parked() {
        let dir = tempfile::tempdir().expect("temp dir");
        let dead =
            DeadLetter::open(dir.path().to_owned(), Incarnation([1; 16]), Duration::ZERO, Metrics::default())
                .expect("open");
        let poison = Poison {
            offset: 9,
            index: Some(2),
            reason: PoisonReason::Event,
            payload: Bytes::from_static(b"\xff"),
        };
        dead.park(3, std::slice::from_ref(&poison)).await.expect("parked");
        dead.park(3, &[]).await.expect("nothing to do");
        let read = in_folder(dir.path()).expect("read while it is open");
        let parked = &read[0];
        assert_eq!((parked.partition, parked.offset, parked.index), (3, 9, Some(2)));
        assert_eq!(parked.reason, "event");
        assert_eq!((&parked.payload, read.len()), (&poison.payload, 1));
        assert_eq!(in_folder(&dir.path().join("nowhere")).expect("nothing"), []);
    }
}
