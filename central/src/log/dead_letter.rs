//! Where things that nobody could read are parked, with their reason and their place in the log: a journal or a topic of its own,
//! bounded: the newest stay.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use footfall_journal::{AppendError, Journal, Keep, OpenError, Options};
use prost::Message;

use super::incarnation::Incarnation;
use super::kafka::Archive;
use super::metrics::Metrics;
use super::reading::Poison;

/// What stays readable, bytes.
const KEPT_BYTES: u64 = 256 << 20;
/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;
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
    /// A word of [`Spoilt`](super::reading::Spoilt).
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
            keep: Keep { age: Duration::from_hours(10 * 365 * 24), bytes: KEPT_BYTES },
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

    /// What is parked in a journal, oldest first.
    ///
    /// # Errors
    /// What the journal says; a topic cannot be read from here.
    pub async fn parked(&self) -> io::Result<Vec<Parked>> {
        let Place::Journal(journal) = &self.place else {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "what is parked in a topic is read by Kafka's own tools",
            ));
        };
        let mut reader = journal.reader(journal.start());
        let mut parked = Vec::new();
        while reader.position() < journal.end() {
            let read = reader.next(READ_BYTES).await.map_err(io::Error::other)?;
            // What cannot be decoded here was written by a later version.
            parked.extend(read.entries.into_iter().filter_map(|entry| Parked::decode(entry.payload).ok()));
        }
        Ok(parked)
    }

    /// Writes what is queued and stops. Blocks.
    pub fn close(&self) {
        if let Place::Journal(journal) = &self.place {
            journal.close();
        }
    }
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
    use super::super::reading::Spoilt;
    use super::*;

    #[tokio::test]
    async fn what_is_parked_can_be_read_again_with_its_reason() {
        let dir = tempfile::tempdir().expect("temp dir");
        let dead =
            DeadLetter::open(dir.path().to_owned(), Incarnation([1; 16]), Duration::ZERO, Metrics::default())
                .expect("open");
        let poison =
            Poison { offset: 9, index: Some(2), reason: Spoilt::Event, payload: Bytes::from_static(b"\xff") };
        dead.park(3, std::slice::from_ref(&poison)).await.expect("parked");
        dead.park(3, &[]).await.expect("nothing to do");
        let read = dead.parked().await.expect("read");
        let parked = &read[0];
        assert_eq!((parked.partition, parked.offset, parked.index), (3, 9, Some(2)));
        assert_eq!(parked.reason, "event");
        assert_eq!((&parked.payload, read.len()), (&poison.payload, 1));
    }
}
