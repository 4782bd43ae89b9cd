//! The log as a journal in the data folder: one partition, one central. Decodes no record.

mod checkpoints;
mod committed_offsets;
mod dead_letters;

use std::future::Future;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use footfall_daemon::fault::Classify as _;
use footfall_daemon::status::Status;
use footfall_journal::{Journal, Retention};
use footfall_proto::limits::MAX_BATCH_BYTES;

use crate::dead_letter::DeadLetters;
use crate::deduplicator::Deduplicator;
use crate::entry::{EntryBatch, RawEntry, ReadError};
use crate::error::{LogError, Refused};
use crate::incarnation::Incarnation;
use crate::metrics::Metrics;
use crate::placement::PlacedRecord;
use checkpoints::Checkpoints;
use committed_offsets::CommittedOffsets;
use dead_letters::DeadLetterJournal;

pub use dead_letters::read_dead_letters;

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
pub(super) struct EmbeddedLog {
    journal: Journal,
    incarnation: Incarnation,
    dead_letter_journal: DeadLetterJournal,
    dead_letters: DeadLetters,
    /// Why the last append was refused.
    refusal: Status,
}

/// Its only partition.
pub(super) struct EmbeddedPartition {
    journal: Journal,
    offsets: CommittedOffsets,
    checkpoints: Arc<Checkpoints>,
}

impl EmbeddedLog {
    /// Opens the journal, or makes it. Blocks.
    ///
    /// # Errors
    /// [`LogError`].
    pub(super) fn open(
        options: &Options,
        metrics: Metrics,
    ) -> Result<(Arc<Self>, EmbeddedPartition), LogError> {
        let dir = options.dir.join("log");
        let records = dir.join("journal");
        std::fs::create_dir_all(&dir).map_err(LogError::Storage)?;
        let fresh = !records.try_exists().map_err(LogError::Storage)?;
        let incarnation = Incarnation::load_or_create(&dir.join("incarnation"), fresh)?;
        let (journal, recovery) = Journal::open(footfall_journal::Options {
            segment_bytes: options.segment_bytes,
            max_bytes: options.max_bytes,
            retention: Retention { age: KEEP_AGE, bytes: KEEP_BYTES },
            max_record_bytes: MAX_BATCH_BYTES as u32 + ENVELOPE_BYTES,
            lock_wait: options.lock_wait,
            ..footfall_journal::Options::new(records)
        })?;
        tracing::info!(%incarnation, start = journal.start(), end = journal.end(), ?recovery, "log open");
        let checkpoints =
            Checkpoints::open(dir.join("checkpoints"), incarnation.0).map_err(LogError::Storage)?;
        let offsets = CommittedOffsets::open(dir.join("offsets"), incarnation).map_err(LogError::Storage)?;
        let partition =
            EmbeddedPartition { journal: journal.clone(), offsets, checkpoints: Arc::new(checkpoints) };
        let dead_letter_journal =
            DeadLetterJournal::open(options.dir.join("dead-letter"), options.lock_wait)?;
        let dead_letters = DeadLetters::new(Arc::new(dead_letter_journal.clone()), incarnation, metrics);
        let refusal = Status::default();
        Ok((Arc::new(Self { journal, incarnation, dead_letter_journal, dead_letters, refusal }), partition))
    }

    /// Queues records in their order; the answer comes once they are on disk.
    pub(super) fn append(
        &self,
        placed: Vec<PlacedRecord>,
    ) -> impl Future<Output = Result<(), Refused>> + Send + 'static + use<> {
        let pending = self.journal.append(placed.into_iter().map(|record| record.payload).collect());
        let refusal = self.refusal.clone();
        async move {
            let answer = pending.await.map(drop).map_err(Refused::from);
            refusal
                .set(answer.as_ref().err().filter(|refused| refused.is_transient()).map(ToString::to_string));
            answer
        }
    }

    pub(super) fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    pub(super) fn dead_letters(&self) -> DeadLetters {
        self.dead_letters.clone()
    }

    /// What keeps the log from taking records; nothing when it takes them.
    pub(super) fn refusal(&self) -> Option<String> {
        self.refusal.fault()
    }

    pub(super) fn waiting_bytes(&self) -> u64 {
        self.journal.stats().unreleased_bytes
    }

    pub(super) fn close(&self) {
        self.journal.close();
        self.dead_letter_journal.close();
    }
}

impl EmbeddedPartition {
    pub(super) fn end(&self) -> u64 {
        self.journal.end()
    }

    pub(super) fn bounds(&self) -> Range<u64> {
        self.journal.start()..self.journal.end()
    }

    pub(super) fn seek_time(&self, at: SystemTime) -> u64 {
        self.journal.seek_time(at)
    }

    pub(super) fn reader(&self, from: u64) -> footfall_journal::Reader {
        self.journal.reader(from)
    }

    pub(super) async fn load(&self, position: u64) -> io::Result<Option<Deduplicator>> {
        let checkpoints = Arc::clone(&self.checkpoints);
        let loading = tokio::task::spawn_blocking(move || checkpoints.load(position));
        loading.await.expect("loading does not panic")
    }

    pub(super) async fn save(
        &self,
        deduplicator: Deduplicator,
        needed: u64,
    ) -> (Deduplicator, io::Result<()>) {
        let checkpoints = Arc::clone(&self.checkpoints);
        let saving = tokio::task::spawn_blocking(move || {
            let saved = checkpoints.save(&deduplicator, needed);
            (deduplicator, saved)
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

/// The next entries, waiting for them if need be.
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
