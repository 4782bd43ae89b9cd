//! One sink's position in a partition. Near the head it shares what was decoded there; further back it reads on its own.

use std::io;
use std::sync::Arc;

use super::backend::PartitionReader;
use super::deduplicator::{DecodedBatch, Deduplicator};
use super::entry::{RawEntry, ReadError};
use super::feed::{BATCH_BYTES, Feed, Location};
use super::poison::Poison;
use super::record::DecodedRecord;

/// Reads the log from a position on, waiting at its end.
pub struct Cursor {
    feed: Arc<Feed>,
    sink: &'static str,
    position: u64,
    lagging: Option<LaggingReader>,
}

/// How a cursor reads that is too far behind the head to share what was decoded there.
struct LaggingReader {
    deduplicator: Deduplicator,
    reader: PartitionReader,
}

/// Decoded records of consecutive offsets, from a cursor's position on.
#[derive(Clone, Debug)]
pub struct RecordBatch {
    batch: Arc<DecodedBatch>,
    from: u64,
}

impl RecordBatch {
    /// The offset it begins with.
    pub fn start(&self) -> u64 {
        self.from
    }

    /// The offset that follows it.
    pub fn next(&self) -> u64 {
        self.batch.next
    }

    /// What of it begins at `offset` or later.
    #[must_use]
    pub fn rest(&self, offset: u64) -> Self {
        Self { from: self.from.max(offset), batch: Arc::clone(&self.batch) }
    }

    /// The whole of what was decoded at once.
    pub fn new(batch: DecodedBatch) -> Self {
        Self { from: batch.start, batch: Arc::new(batch) }
    }

    /// Its entries as they are stored in the log, in order, resends and unreadable ones too.
    pub fn raw(&self) -> &[RawEntry] {
        let skip = self.batch.raw().partition_point(|entry| entry.offset < self.from);
        &self.batch.raw()[skip..]
    }

    /// Its records that were not in the log before, in order.
    pub fn records(&self) -> &[DecodedRecord<'_>] {
        let skip = self.batch.records().partition_point(|record| record.offset < self.from);
        &self.batch.records()[skip..]
    }

    /// What in it could not be read.
    pub fn poison(&self) -> impl Iterator<Item = &Poison> {
        self.batch.poison.iter().filter(|poison| poison.offset >= self.from)
    }
}

impl Cursor {
    pub(super) fn new(feed: Arc<Feed>, sink: &'static str, position: u64) -> Self {
        Self { feed, sink, position, lagging: None }
    }

    /// The next offset it gives.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next records, at least one offset of them. Waits at the log's end. Cancel-safe, though a cancelled call may have to
    /// read a checkpoint again.
    ///
    /// # Errors
    /// [`CursorError`]; the position stays.
    pub async fn next(&mut self) -> Result<RecordBatch, CursorError> {
        loop {
            match self.feed.locate(self.position) {
                Location::Within(batch) => {
                    self.lagging = None;
                    return Ok(self.advance(batch));
                }
                Location::Ahead => {
                    self.lagging = None;
                    self.feed.wait_past(self.position).await;
                }
                Location::Behind => {
                    if let Some(batch) = self.read_lagging().await? {
                        return Ok(self.advance(Arc::new(batch)));
                    }
                }
            }
        }
    }

    fn advance(&mut self, batch: Arc<DecodedBatch>) -> RecordBatch {
        let records = RecordBatch { from: self.position, batch };
        self.position = records.next();
        records
    }

    async fn read_lagging(&mut self) -> Result<Option<DecodedBatch>, CursorError> {
        if self.lagging.is_none() {
            let log = &self.feed.log;
            let start = log.bounds().await?.start;
            let checkpoint =
                log.load(self.position).await?.filter(|checkpoint| checkpoint.position() >= start);
            let deduplicator =
                checkpoint.unwrap_or_else(|| Deduplicator::new(start, self.feed.key, log.order()));
            let reader = log.reader(deduplicator.position())?;
            self.feed.metrics.left_behind.inc();
            self.lagging = Some(LaggingReader { deduplicator, reader });
        }
        let lagging = self.lagging.as_mut().expect("just made");
        match lagging.reader.next(BATCH_BYTES).await {
            Ok(entries) => {
                let batch = lagging.deduplicator.read(entries.entries, entries.next);
                Ok((batch.next > self.position).then_some(batch))
            }
            Err(ReadError::Trimmed { start }) => {
                self.feed.metrics.gap(self.sink, self.feed.partition, self.position, start);
                self.position = self.position.max(start);
                self.lagging = None;
                Ok(None)
            }
            Err(ReadError::Closed) => Err(CursorError::Closed),
            Err(ReadError::Io(error)) => Err(CursorError::Storage(error)),
        }
    }
}

/// Why a cursor gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// The log or a checkpoint could not be read. Transient as far as anyone can tell.
    #[error("reading the log: {0}")]
    Storage(#[from] io::Error),
    /// The log is closed. Permanent.
    #[error("the log is closed")]
    Closed,
}
