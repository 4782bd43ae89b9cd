//! One sink's place in the log. Near the head it shares what was decoded there; further back it reads on its own.

use std::io;
use std::sync::Arc;

use super::backend::Source;
use super::deduplicator::{DecodedBatch, Deduplicator};
use super::entry::ReadError;
use super::feed::{CHUNK_BYTES, Feed, Place};
use super::record::{DecodedRecord, Poison, RawEntry};

/// Reads the log from a position on, waiting at its end.
pub struct Cursor {
    feed: Arc<Feed>,
    sink: &'static str,
    position: u64,
    behind: Option<Behind>,
}

/// The reading of a cursor that the head has left behind.
struct Behind {
    reader: Deduplicator,
    source: Source,
}

/// A stretch of the log from a cursor's position on.
#[derive(Clone, Debug)]
pub struct RecordBatch {
    chunk: Arc<DecodedBatch>,
    from: u64,
}

impl RecordBatch {
    /// The offset it begins with.
    pub fn start(&self) -> u64 {
        self.from
    }

    /// The offset that follows it.
    pub fn next(&self) -> u64 {
        self.chunk.next
    }

    /// What was read of it at once.
    pub fn new(chunk: DecodedBatch) -> Self {
        Self { from: chunk.start, chunk: Arc::new(chunk) }
    }

    /// Its records as they stand in the log, in order, resends and unreadable ones too.
    pub fn raw(&self) -> &[RawEntry] {
        let skip = self.chunk.raw().partition_point(|entry| entry.offset < self.from);
        &self.chunk.raw()[skip..]
    }

    /// Its records that were not in the log before, in order.
    pub fn records(&self) -> &[DecodedRecord<'_>] {
        let skip = self.chunk.records().partition_point(|reading| reading.offset < self.from);
        &self.chunk.records()[skip..]
    }

    /// What in it could not be read.
    pub fn poison(&self) -> impl Iterator<Item = &Poison> {
        self.chunk.poison.iter().filter(|poison| poison.offset >= self.from)
    }
}

impl Cursor {
    pub(super) fn new(feed: Arc<Feed>, sink: &'static str, position: u64) -> Self {
        Self { feed, sink, position, behind: None }
    }

    /// The next offset it gives.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next stretch, at least one offset long. Waits at the log's end. Cancel-safe, though a cancelled call may have to
    /// read a checkpoint again.
    ///
    /// # Errors
    /// [`CursorError`]; the position stays.
    pub async fn next(&mut self) -> Result<RecordBatch, CursorError> {
        loop {
            match self.feed.find(self.position) {
                Place::Within(chunk) => {
                    self.behind = None;
                    return Ok(self.advance(chunk));
                }
                Place::Ahead => {
                    self.behind = None;
                    self.feed.ask(self.position).await;
                }
                Place::Behind => {
                    if let Some(chunk) = self.read_behind().await? {
                        return Ok(self.advance(Arc::new(chunk)));
                    }
                }
            }
        }
    }

    fn advance(&mut self, chunk: Arc<DecodedBatch>) -> RecordBatch {
        let piece = RecordBatch { from: self.position, chunk };
        self.position = piece.next();
        piece
    }

    async fn read_behind(&mut self) -> Result<Option<DecodedBatch>, CursorError> {
        if self.behind.is_none() {
            let origin = &self.feed.origin;
            let start = origin.bounds().await?.start;
            let saved = origin.load(self.position).await?.filter(|reader| reader.position() >= start);
            let reader = saved.unwrap_or_else(|| Deduplicator::new(start, self.feed.key, origin.order()));
            let source = origin.source(reader.position())?;
            self.feed.metrics.left_behind.inc();
            self.behind = Some(Behind { reader, source });
        }
        let behind = self.behind.as_mut().expect("just made");
        match behind.source.next(CHUNK_BYTES).await {
            Ok(stretch) => {
                let chunk = behind.reader.read(stretch.entries, stretch.next);
                Ok((chunk.next > self.position).then_some(chunk))
            }
            Err(ReadError::Trimmed { start }) => {
                self.feed.metrics.gap(self.sink, self.feed.partition, self.position, start);
                self.position = self.position.max(start);
                self.behind = None;
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
