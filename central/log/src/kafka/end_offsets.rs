//! How far each partition of the topic is known to reach. Asks nobody.

use std::sync::atomic::{AtomicU64, Ordering};

/// One past the last record that each partition is known to have.
#[derive(Default)]
pub(super) struct EndOffsets(Vec<AtomicU64>);

impl EndOffsets {
    pub(super) fn new(partitions: u32) -> Self {
        Self((0..partitions).map(|_| AtomicU64::new(0)).collect())
    }

    pub(super) fn get(&self, partition: u32) -> u64 {
        self.0[partition as usize].load(Ordering::Relaxed)
    }

    /// The partition was seen to reach to `end`, or further.
    pub(super) fn reached(&self, partition: u32, end: u64) {
        self.0[partition as usize].fetch_max(end, Ordering::Relaxed);
    }
}
