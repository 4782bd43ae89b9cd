//! Finds what one segment holds from its bytes. Does no I/O; `recovery` combines what all segments hold.

use crate::record::Seed;
use crate::scan::{self, Step};
use crate::segment::DATA;
use crate::segments::Index;

/// What one segment holds.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    /// Offsets from here on are void: the successor's header says so.
    limit: u64,
    pub(crate) records: u64,
    /// One past the last readable offset; the first offset when there is none.
    pub(crate) end: u64,
    /// One past the highest offset that a sound header names, readable or not.
    pub(crate) claimed: u64,
    /// Position after the last readable record.
    pub(crate) length: u64,
    /// Position after the last byte that is not zero.
    pub(crate) written: u64,
    pub(crate) index: Index,
    /// Ranges of offsets that no record was found for, between records that were.
    pub(crate) gaps: Vec<(u64, u64)>,
}

impl Contents {
    /// Of a segment that begins at offset `first`, and in which offsets from `limit` on do not count.
    pub(crate) fn new(first: u64, limit: u64) -> Self {
        let (index, gaps) = (Index::default(), Vec::new());
        Self { limit, records: 0, end: first, claimed: first, length: DATA, written: DATA, index, gaps }
    }

    /// Takes the bytes that stand at `base` of the file; `last` says that nothing follows them. Answers how many it is done
    /// with, and how many it must see from there on to go on.
    pub(crate) fn feed(&mut self, window: &[u8], base: u64, seed: Seed, last: bool) -> (usize, usize) {
        let mut at = 0;
        loop {
            match scan::step(window, at, seed, last) {
                Step::Record { offset, end, .. } => {
                    self.record(offset, base + at as u64, base + end as u64);
                    at = end;
                }
                Step::Corrupt { offset, end } => {
                    if offset < self.limit {
                        self.claimed = self.claimed.max(offset + 1);
                    }
                    self.not_a_record(&window[at..end], base + at as u64);
                    at = end;
                }
                Step::NoRecord { end } => {
                    self.not_a_record(&window[at..end], base + at as u64);
                    at = end;
                }
                Step::More(want) => return (at, want),
                Step::End => return (at, 0),
            }
        }
    }

    fn record(&mut self, offset: u64, position: u64, end: u64) {
        self.written = end;
        if offset < self.end || offset >= self.limit {
            return;
        }
        if offset > self.end {
            self.gaps.push((self.end, offset));
        }
        self.index.note(offset, position);
        self.records += 1;
        self.end = offset + 1;
        self.claimed = self.claimed.max(self.end);
        self.length = end;
    }

    fn not_a_record(&mut self, bytes: &[u8], position: u64) {
        if let Some(at) = bytes.iter().rposition(|byte| *byte != 0) {
            self.written = position + at as u64 + 1;
        }
    }

    /// Whether nothing was ever written behind the header.
    pub(crate) fn is_empty(&self) -> bool {
        self.written == DATA
    }

    /// Bytes after the last readable record.
    pub(crate) fn torn(&self) -> u64 {
        self.written.saturating_sub(self.length)
    }
}
