//! The raw log of one partition read again, chunk by chunk, through the same reader as the log itself.

use std::collections::VecDeque;

use super::plan::{Step, steps};
use crate::raw_log::RawLogStore;
use crate::raw_log::manifest::{Batch, Manifest};
use footfall_blobs::BlobError;
use footfall_log::RawEntry;
use footfall_log::deduplicator::{DecodedBatch, Deduplicator};
use footfall_log::seen_offsets::Order;

/// Records decoded at once.
const CHUNK_RECORDS: usize = 4096;

/// Reads the batches that matter.
pub(super) struct RawLogReader<'a> {
    raw_log: &'a RawLogStore,
    steps: VecDeque<Step<'a>>,
    reader: Deduplicator,
    /// What was fetched and not read yet, and where it ends.
    fetched: VecDeque<RawEntry>,
    next: u64,
    /// Offsets that are in no batch, though batches lie around them.
    pub(super) missing: u64,
}

impl<'a> RawLogReader<'a> {
    /// Begins so far before the first `wanted` batch that the reader decides as it did the first time.
    pub(super) fn new(
        raw_log: &'a RawLogStore,
        incarnation: [u8; 16],
        manifest: &'a Manifest,
        wanted: impl Fn(&Batch) -> bool,
    ) -> Self {
        let steps = VecDeque::from(steps(manifest, wanted));
        let start = match steps.front() {
            Some(Step::Read(batch)) => batch.from,
            Some(Step::Skip { next, .. }) => *next,
            None => 0,
        };
        // Right for either kind of log: of what is wanted, the raw log holds the first copy in the same hour as the resend.
        let reader = Deduplicator::new(start, incarnation, Order::OutOfOrder);
        Self { raw_log, steps, reader, fetched: VecDeque::new(), next: start, missing: 0 }
    }

    /// The next chunk; nothing at the end.
    pub(super) async fn next(&mut self) -> Result<Option<DecodedBatch>, BlobError> {
        while self.fetched.is_empty() {
            match self.steps.pop_front() {
                None => return Ok(None),
                Some(Step::Skip { next, records }) => self.reader.skip(next, records),
                Some(Step::Read(batch)) => {
                    if batch.from > self.reader.position() {
                        self.missing += batch.from - self.reader.position();
                        self.reader.skip(batch.from, 0);
                    }
                    self.fetched = self.raw_log.read(batch).await?.into();
                    self.next = batch.last.saturating_add(1);
                }
            }
        }
        let entries: Vec<_> = self.fetched.drain(..self.fetched.len().min(CHUNK_RECORDS)).collect();
        let next = self.fetched.front().map_or(self.next, |entry| entry.offset);
        Ok(Some(self.reader.read(entries, next)))
    }
}
