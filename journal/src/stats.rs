//! The figures of an open journal, for its owner's metrics. Decides nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Figures of an open journal. Counters begin at zero with each opening.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes of all segments in use; space allocated ahead is not counted.
    pub bytes: u64,
    /// Bytes on disk that wait for their release; too high by up to 32 KiB.
    pub unreleased_bytes: u64,
    /// Bytes in memory that wait for the disk.
    pub queued_bytes: u64,
    /// Segment files.
    pub segments: u64,
    /// Whether appends can be expected to succeed: `false` from a failed one until one succeeds, or until the disk is found to
    /// work again (tried every two seconds).
    pub writable: bool,
    /// Counter: records made durable.
    pub appended: u64,
    /// Counter: groups of appends made durable, each by one sync.
    pub syncs: u64,
    /// Counter: writes and syncs of records that failed; each gave a segment up.
    pub failed_syncs: u64,
    /// Counter: segments that could not be made.
    pub failed_segments: u64,
    /// Counter: ranges of offsets found lost to damage, by recovery or by a reader.
    pub holes: u64,
    /// Counter: records lost in those ranges.
    pub missing: u64,
}

/// What the writer counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    appended: AtomicU64,
    syncs: AtomicU64,
    failed_syncs: AtomicU64,
    failed_segments: AtomicU64,
    failing: AtomicBool,
}

impl Counters {
    pub(crate) fn synced(&self, records: u64) {
        self.appended.fetch_add(records, Ordering::Relaxed);
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.failing.store(false, Ordering::Relaxed);
    }

    pub(crate) fn sync_failed(&self) {
        self.failed_syncs.fetch_add(1, Ordering::Relaxed);
        self.failing.store(true, Ordering::Relaxed);
    }

    pub(crate) fn segment_failed(&self) {
        self.failed_segments.fetch_add(1, Ordering::Relaxed);
        self.failing.store(true, Ordering::Relaxed);
    }

    /// Whether the last write failed and the disk has not worked since.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    pub(crate) fn recovered(&self) {
        self.failing.store(false, Ordering::Relaxed);
    }

    /// Adds the counters to `stats`.
    pub(crate) fn fill(&self, stats: Stats) -> Stats {
        Stats {
            writable: !self.is_failing(),
            appended: self.appended.load(Ordering::Relaxed),
            syncs: self.syncs.load(Ordering::Relaxed),
            failed_syncs: self.failed_syncs.load(Ordering::Relaxed),
            failed_segments: self.failed_segments.load(Ordering::Relaxed),
            ..stats
        }
    }
}
