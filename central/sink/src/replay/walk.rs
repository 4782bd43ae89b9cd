//! The raw log of one partition read again, chunk by chunk, through the same reader as the log itself.

use std::collections::VecDeque;

use super::plan::{Step, steps};
use crate::raw_log::Shelf;
use crate::raw_log::manifest::{Manifest, Stretch};
use footfall_blobs::BlobError;
use footfall_log::RawEntry;
use footfall_log::deduplicator::{DecodedBatch, Deduplicator};
use footfall_log::seen_offsets::Order;

/// Records decoded at once.
const CHUNK_RECORDS: usize = 4096;

/// A walk through the stretches that matter.
pub(super) struct Walk<'a> {
    shelf: &'a Shelf,
    steps: VecDeque<Step<'a>>,
    reader: Deduplicator,
    /// What was fetched and not read yet, and where it ends.
    fetched: VecDeque<RawEntry>,
    next: u64,
    /// Offsets that are in no stretch, though stretches lie around them.
    pub(super) missing: u64,
}

impl<'a> Walk<'a> {
    /// Begins so far before the first `wanted` stretch that the reader decides as it did the first time.
    pub(super) fn new(
        shelf: &'a Shelf,
        incarnation: [u8; 16],
        manifest: &'a Manifest,
        wanted: impl Fn(&Stretch) -> bool,
    ) -> Self {
        let steps = VecDeque::from(steps(manifest, wanted));
        let start = match steps.front() {
            Some(Step::Read(stretch)) => stretch.from,
            Some(Step::Skip { next, .. }) => *next,
            None => 0,
        };
        // Right for either kind of log: of what is wanted, the raw log holds the first copy in the same hour as the resend.
        let reader = Deduplicator::new(start, incarnation, Order::OutOfOrder);
        Self { shelf, steps, reader, fetched: VecDeque::new(), next: start, missing: 0 }
    }

    /// The next chunk; nothing at the end.
    pub(super) async fn next(&mut self) -> Result<Option<DecodedBatch>, BlobError> {
        while self.fetched.is_empty() {
            match self.steps.pop_front() {
                None => return Ok(None),
                Some(Step::Skip { next, records }) => self.reader.skip(next, records),
                Some(Step::Read(stretch)) => {
                    if stretch.from > self.reader.position() {
                        self.missing += stretch.from - self.reader.position();
                        self.reader.skip(stretch.from, 0);
                    }
                    self.fetched = self.shelf.read(stretch).await?.into();
                    self.next = stretch.last.saturating_add(1);
                }
            }
        }
        let entries: Vec<_> = self.fetched.drain(..self.fetched.len().min(CHUNK_RECORDS)).collect();
        let next = self.fetched.front().map_or(self.next, |entry| entry.offset);
        Ok(Some(self.reader.read(entries, next)))
    }
}
