//! The raw log of one partition read again, chunk by chunk, through the same reader as the log itself.

use std::collections::VecDeque;

use super::plan::{Step, steps};
use crate::raw_log::RawLogStore;
use crate::raw_log::manifest::{Batch, Manifest};
use footfall_blobs::BlobError;
use footfall_log::RawEntry;
use footfall_log::deduplicator::{DecodedBatch, Deduplicator};
use footfall_log::seen_offsets::Order;
use footfall_proto::relay::ParkReason;

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
    judge: Option<&'a Judge<'a>>,
}

/// Says why a record is to be parked, as of now.
pub type Judge<'a> = dyn Fn(&[u8]) -> Option<ParkReason> + Send + Sync + 'a;

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
        Self { raw_log, steps, reader, fetched: VecDeque::new(), next: start, missing: 0, judge: None }
    }

    /// What was parked when it came in is judged again.
    pub(super) fn judging_again(mut self, judge: &'a Judge<'a>) -> Self {
        self.judge = Some(judge);
        self
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
        let entries = self.fetched.drain(..self.fetched.len().min(CHUNK_RECORDS));
        let entries: Vec<_> = match self.judge {
            Some(judge) => entries.map(|entry| entry.judged_again(judge)).collect(),
            None => entries.collect(),
        };
        let next = self.fetched.front().map_or(self.next, |entry| entry.offset);
        Ok(Some(self.reader.read(entries, next)))
    }
}
