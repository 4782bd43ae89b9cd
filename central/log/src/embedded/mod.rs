//! The log as a journal in the data folder: one partition, one central. Knows no reader of records.

use std::future::Future;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use footfall_journal::{Journal, Retention};
use footfall_proto::limits::MAX_BATCH_BYTES;

use super::backend::Placed;
use super::checkpoint::Checkpoints;
use super::deduplicator::Deduplicator;
use super::entry::{EntryBatch, ReadError};
use super::incarnation::Incarnation;
use super::offsets::Offsets;
use super::record::RawEntry;
use super::{DeadLetter, LogError, Metrics, Refused};

/// Of the envelope that the log puts around a record, bytes.
const ENVELOPE_BYTES: u32 = 4096;
/// Read and stored records stay for the live view, which begins again from the last 65 minutes.
const KEEP_AGE: Duration = Duration::from_mins(70);
/// ... but not more than this.
const KEEP_BYTES: u64 = 1 << 30;

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

/// The whole log.
pub(super) struct Whole {
    journal: Journal,
    dead_letter: DeadLetter,
    /// What the last append said.
    refusal: Mutex<Option<String>>,
}

/// Its only partition.
pub(super) struct Origin {
    journal: Journal,
    offsets: Offsets,
    checkpoints: Arc<Checkpoints>,
}

/// Opens the journal, or makes it. Blocks.
///
/// # Errors
/// [`LogError`].
pub(super) fn open(
    options: &Options,
    metrics: Metrics,
) -> Result<(Arc<Whole>, Origin, Incarnation), LogError> {
    let dir = options.dir.join("log");
    let records = dir.join("journal");
    std::fs::create_dir_all(&dir).map_err(LogError::Storage)?;
    let fresh = !records.try_exists().map_err(LogError::Storage)?;
    let incarnation = Incarnation::keep(&dir.join("incarnation"), fresh)?;
    let (journal, recovery) = Journal::open(footfall_journal::Options {
        segment_bytes: options.segment_bytes,
        max_bytes: options.max_bytes,
        retention: Retention { age: KEEP_AGE, bytes: KEEP_BYTES },
        max_record_bytes: MAX_BATCH_BYTES as u32 + ENVELOPE_BYTES,
        lock_wait: options.lock_wait,
        ..footfall_journal::Options::new(records)
    })?;
    tracing::info!(%incarnation, start = journal.start(), end = journal.end(), ?recovery, "log open");
    let checkpoints = Checkpoints::open(dir.join("checkpoints"), incarnation.0).map_err(LogError::Storage)?;
    let offsets = Offsets::open(dir.join("offsets"), incarnation).map_err(LogError::Storage)?;
    let origin = Origin { journal: journal.clone(), offsets, checkpoints: Arc::new(checkpoints) };
    let dir = options.dir.join("dead-letter");
    let dead_letter = DeadLetter::open(dir, incarnation, options.lock_wait, metrics)?;
    let whole = Whole { journal, dead_letter, refusal: Mutex::default() };
    Ok((Arc::new(whole), origin, incarnation))
}

impl Whole {
    /// Queues records in their order; the answer comes once they are on disk.
    pub(super) fn append(
        self: &Arc<Self>,
        placed: Placed,
    ) -> impl Future<Output = Result<(), Refused>> + Send + 'static + use<> {
        let pending = self.journal.append(placed.into_iter().map(|record| record.payload).collect());
        let whole = Arc::clone(self);
        async move {
            let answer = pending.await.map(drop).map_err(Refused::from);
            let refusal =
                answer.as_ref().err().filter(|refused| refused.is_transient()).map(ToString::to_string);
            *whole.refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
            answer
        }
    }

    pub(super) fn dead_letter(&self) -> DeadLetter {
        self.dead_letter.clone()
    }

    /// What keeps the log from taking records; nothing when it takes them.
    pub(super) fn refusal(&self) -> Option<String> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn waiting_bytes(&self) -> u64 {
        self.journal.stats().unreleased_bytes
    }

    pub(super) fn close(&self) {
        self.journal.close();
        self.dead_letter.close();
    }
}

impl Origin {
    pub(super) fn end(&self) -> u64 {
        self.journal.end()
    }

    pub(super) fn bounds(&self) -> Range<u64> {
        self.journal.start()..self.journal.end()
    }

    pub(super) fn seek_time(&self, at: SystemTime) -> u64 {
        self.journal.seek_time(at)
    }

    pub(super) fn source(&self, from: u64) -> footfall_journal::Reader {
        self.journal.reader(from)
    }

    pub(super) async fn load(&self, position: u64) -> io::Result<Option<Deduplicator>> {
        let checkpoints = Arc::clone(&self.checkpoints);
        let loading = tokio::task::spawn_blocking(move || checkpoints.load(position));
        loading.await.expect("loading does not panic")
    }

    pub(super) async fn save(&self, reader: Deduplicator, needed: u64) -> (Deduplicator, io::Result<()>) {
        let checkpoints = Arc::clone(&self.checkpoints);
        let saving = tokio::task::spawn_blocking(move || {
            let saved = checkpoints.save(&reader, needed);
            (reader, saved)
        });
        saving.await.expect("saving does not panic")
    }

    pub(super) fn committed(&self, consumer: &str) -> io::Result<Option<u64>> {
        self.offsets.committed(consumer)
    }

    /// What no consumer and no checkpoint needs any more is released.
    pub(super) fn commit(&self, consumer: &str, next: u64, needed: u64) -> io::Result<()> {
        self.offsets.commit(consumer, next)?;
        if let Some(checkpoint) = self.checkpoints.newest(needed)? {
            self.journal.release(checkpoint);
        }
        Ok(())
    }
}

pub(super) async fn next(
    reader: &mut footfall_journal::Reader,
    max_bytes: usize,
) -> Result<EntryBatch, ReadError> {
    match reader.next(max_bytes).await {
        Ok(chunk) => {
            let entry =
                |entry: footfall_journal::Entry| RawEntry { offset: entry.offset, payload: entry.payload };
            Ok(EntryBatch { entries: chunk.entries.into_iter().map(entry).collect(), next: chunk.next })
        }
        Err(footfall_journal::ReadError::Trimmed { start }) => Err(ReadError::Trimmed { start }),
        Err(footfall_journal::ReadError::Io(error)) => Err(ReadError::Io(error)),
        Err(footfall_journal::ReadError::Closed) => Err(ReadError::Closed),
    }
}
