//! The log of all records, and the one reading of it that every sink shares. Knows nothing of stores, nor of how edges send.
//!
//! Read [`Log`] first, then [`reader::Reader`]: which records of the log are resends and which events are repeats is decided there,
//! the same for every sink and every replay.

pub mod checkpoint;
pub mod cursor;
pub mod dead_letter;
mod feed;
pub mod incarnation;
mod metrics;
pub mod offsets;
pub mod reader;
pub mod reading;
#[cfg(test)]
pub(crate) mod sample;
pub mod spans;
pub mod window;

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use footfall_journal::{AppendError, Journal, Keep, OpenError};
use footfall_proto::limits::MAX_BATCH_BYTES;
use footfall_proto::relay::LogEntry;
use prost::Message as _;

pub use cursor::{Cursor, CursorError, Piece};
pub use dead_letter::DeadLetter;
pub use incarnation::Incarnation;
pub use metrics::Metrics;
pub use reading::{Poison, RawEntry, ReadEvent, Reading, Spoilt};

use checkpoint::Checkpoints;
use feed::Feed;
use offsets::Offsets;

/// The log's only partition, as long as it is embedded.
pub const PARTITION: u32 = 0;
/// Of the envelope that the log puts around a record, bytes.
const ENVELOPE_BYTES: u32 = 4096;
/// Read and stored records stay for the live view, which begins again from the last 65 minutes.
const KEEP_AGE: Duration = Duration::from_mins(70);
/// ... but not more than this.
const KEEP_BYTES: u64 = 1 << 30;
/// A checkpoint of the reader is written after this many bytes, or an eighth of the log's bound.
const CHECKPOINT_BYTES: u64 = 64 << 20;

/// Where the log lies and how large it may grow.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder that holds `log/` and `dead-letter/`.
    pub dir: PathBuf,
    /// Most bytes that may wait for a sink; beyond, ingest stops acknowledging and the edges keep their records.
    pub max_bytes: u64,
    /// Size of a segment file, bytes.
    pub segment_bytes: u64,
    /// How long to wait for another process to let go.
    pub lock_wait: Duration,
}

/// The embedded log; clones share it.
#[derive(Clone)]
pub struct Log {
    journal: Journal,
    incarnation: Incarnation,
    offsets: Offsets,
    feed: Arc<Feed>,
    dead_letter: DeadLetter,
    progress: Arc<Mutex<Progress>>,
}

/// How far the durable consumers are, and what the last append said.
#[derive(Default)]
struct Progress {
    committed: BTreeMap<&'static str, u64>,
    refusal: Option<String>,
}

impl Log {
    /// Opens the log, or makes it. Blocks; needs a runtime to spawn on.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn open(options: &Options, metrics: Metrics) -> Result<Self, LogError> {
        let dir = options.dir.join("log");
        let records = dir.join("journal");
        std::fs::create_dir_all(&dir).map_err(LogError::Storage)?;
        let fresh = !records.try_exists().map_err(LogError::Storage)?;
        let incarnation = Incarnation::keep(&dir.join("incarnation"), fresh)?;
        let (journal, recovery) = Journal::open(footfall_journal::Options {
            segment_bytes: options.segment_bytes,
            max_bytes: options.max_bytes,
            keep: Keep { age: KEEP_AGE, bytes: KEEP_BYTES },
            max_record_bytes: MAX_BATCH_BYTES as u32 + ENVELOPE_BYTES,
            lock_wait: options.lock_wait,
            ..footfall_journal::Options::new(records)
        })?;
        tracing::info!(%incarnation, start = journal.start(), end = journal.end(), ?recovery, "log open");
        let dead_letter = DeadLetter::open(
            options.dir.join("dead-letter"),
            incarnation,
            options.lock_wait,
            metrics.clone(),
        )?;
        let checkpoints =
            Checkpoints::open(dir.join("checkpoints"), incarnation.0).map_err(LogError::Storage)?;
        let checkpoint_bytes = CHECKPOINT_BYTES.min(options.max_bytes / 8);
        let feed = Feed::start(journal.clone(), checkpoints, incarnation.0, checkpoint_bytes, metrics)
            .map_err(LogError::Storage)?;
        let offsets = Offsets::open(dir.join("offsets"), incarnation).map_err(LogError::Storage)?;
        Ok(Self { journal, incarnation, offsets, feed, dead_letter, progress: Arc::default() })
    }

    /// The log's own name.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// One past the last record that is on disk.
    pub fn end(&self) -> u64 {
        self.journal.end()
    }

    /// Where unreadable things are parked.
    pub fn dead_letter(&self) -> &DeadLetter {
        &self.dead_letter
    }

    /// Bytes that wait for a sink.
    pub fn waiting_bytes(&self) -> u64 {
        self.journal.stats().unreleased_bytes
    }

    /// Queues consecutive records of one edge: all or none. The answer comes once they are on disk; answers come in the order
    /// of the calls.
    ///
    /// # Errors
    /// [`Refused`], in the answer.
    pub fn append(
        &self,
        edge_id: &str,
        epoch: Bytes,
        first_offset: u64,
        records: Vec<Bytes>,
    ) -> impl Future<Output = Result<(), Refused>> + Send + 'static {
        let entries = envelop(edge_id, epoch, first_offset, records);
        let pending = self.journal.append(entries);
        let progress = Arc::clone(&self.progress);
        async move {
            let answer = pending.await.map(drop).map_err(Refused::from);
            let refusal =
                answer.as_ref().err().filter(|refused| refused.is_transient()).map(ToString::to_string);
            progress.lock().unwrap_or_else(PoisonError::into_inner).refusal = refusal;
            answer
        }
    }

    /// A cursor for a consumer whose commits hold the log back: from where it committed last, or from the log's beginning.
    ///
    /// # Errors
    /// [`LogError::Storage`] when the commit cannot be read; [`LogError::Beyond`] when it lies past the log's end.
    pub fn consumer(&self, name: &'static str) -> Result<Cursor, LogError> {
        let from = self.offsets.committed(name).map_err(LogError::Storage)?.unwrap_or(0);
        self.consumer_at(name, from)
    }

    /// The same for a consumer whose store says itself where to go on: from there, or from the log's beginning when that lies beyond.
    ///
    /// # Errors
    /// [`LogError::Beyond`] when it lies past the log's end.
    pub fn consumer_at(&self, name: &'static str, from: u64) -> Result<Cursor, LogError> {
        let from = from.max(self.journal.start());
        if from > self.journal.end() {
            return Err(LogError::Beyond { consumer: name, committed: from, end: self.journal.end() });
        }
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.committed.insert(name, from);
        drop(progress);
        Ok(Cursor::new(Arc::clone(&self.feed), from))
    }

    /// A cursor that holds nothing back, from the first record of `at` or somewhat before.
    pub fn observer(&self, at: SystemTime) -> Cursor {
        let from = self.journal.seek_time(at).clamp(self.journal.start(), self.journal.end());
        Cursor::new(Arc::clone(&self.feed), from)
    }

    /// Everything below `next` is in the consumer's store: what no consumer and no checkpoint needs any more is released.
    ///
    /// # Errors
    /// What the file system says; the commit may then be forgotten at the next start.
    pub fn commit(&self, consumer: &'static str, next: u64) -> io::Result<()> {
        let needed = {
            let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
            progress.committed.insert(consumer, next);
            progress.committed.values().copied().min().unwrap_or(next)
        };
        self.feed.needed.store(needed, Ordering::Release);
        self.offsets.commit(consumer, next)?;
        if let Some(checkpoint) = self.feed.checkpoints.newest(needed)? {
            self.journal.release(checkpoint);
        }
        Ok(())
    }

    /// How many records the consumer is behind.
    pub fn lag(&self, consumer: &str) -> u64 {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.committed.get(consumer).map_or(0, |next| self.journal.end().saturating_sub(*next))
    }

    /// What keeps the log from taking records; nothing when it takes them.
    pub fn refusal(&self) -> Option<String> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).refusal.clone()
    }

    /// Writes what is queued and stops. Blocks.
    pub fn close(&self) {
        self.feed.stop();
        self.journal.close();
        self.dead_letter.close();
    }
}

/// Puts the log's envelope around records, all cut from one buffer.
fn envelop(edge_id: &str, epoch: Bytes, first_offset: u64, records: Vec<Bytes>) -> Vec<Bytes> {
    let envelope = edge_id.len() + epoch.len() + 32;
    let mut buffer = BytesMut::with_capacity(records.iter().map(|record| record.len() + envelope).sum());
    let mut entry =
        LogEntry { edge_id: edge_id.to_owned(), epoch, edge_offset: first_offset, record: Bytes::new() };
    let mut entries = Vec::with_capacity(records.len());
    for record in records {
        entry.record = record;
        entry.encode(&mut buffer).expect("a growing buffer has room");
        entries.push(buffer.split().freeze());
        entry.edge_offset = entry.edge_offset.wrapping_add(1);
    }
    entries
}

/// Why the log does not open, or a consumer cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The journal. See [`OpenError::is_transient`].
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// The log's name. Permanent.
    #[error(transparent)]
    Incarnation(#[from] incarnation::IncarnationError),
    /// The file system refused. Transient as far as anyone can tell.
    #[error("the log's folder: {0}")]
    Storage(#[source] io::Error),
    /// A commit lies past the log's end: part of the log was lost or replaced. Permanent.
    #[error("{consumer} committed offset {committed}, but the log ends at {end}: part of it was lost")]
    Beyond {
        /// Who committed.
        consumer: &'static str,
        /// What it committed.
        committed: u64,
        /// The log's end.
        end: u64,
    },
}

/// Why records were not taken into the log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refused {
    /// Sinks are so far behind that the log has no room.
    #[error("the log is full: {0}")]
    Full(String),
    /// A record that can never fit.
    #[error("a record is too large for the log: {0}")]
    TooLarge(String),
    /// The disk failed, or the log is closing.
    #[error("the log takes nothing: {0}")]
    Unavailable(String),
}

impl Refused {
    /// Whether the same records can be taken later.
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::TooLarge(_))
    }
}

impl From<AppendError> for Refused {
    fn from(error: AppendError) -> Self {
        let sentence = error.to_string();
        match error {
            AppendError::Full { .. } => Self::Full(sentence),
            AppendError::TooLarge { .. } => Self::TooLarge(sentence),
            AppendError::Storage { .. } | AppendError::Closed => Self::Unavailable(sentence),
        }
    }
}

#[cfg(test)]
mod tests;
