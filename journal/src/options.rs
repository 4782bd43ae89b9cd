//! What an owner decides about a journal: where it lies and how large things may grow. Reads no file and no clock.

use std::path::PathBuf;
use std::time::Duration;

/// How one journal is kept. [`Options::new`] gives the defaults; every field may be changed before the opening.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of the journal, made (mode 0700) when missing. One journal per folder.
    pub dir: PathBuf,
    /// Size at which a segment file is left for the next one, in bytes. An append larger than that gets a segment of its own.
    pub segment_bytes: u64,
    /// Most bytes that may wait for their release, queued ones included. An append beyond is refused with `Full`.
    /// The disk can hold this much, `keep.bytes`, and up to three segments more.
    pub max_bytes: u64,
    /// How much of what is released stays readable.
    pub keep: Keep,
    /// Largest record in bytes.
    pub max_record_bytes: u32,
    /// How long [`Journal::open`](crate::Journal::open) waits for another holder of the folder to let go.
    pub lock_wait: Duration,
    /// Least time between two syncs. Zero syncs whenever anyone waits; half a millisecond trades latency for fewer syncs.
    pub sync_pause: Duration,
}

/// Released records stay until they are older than `age`, or until newer released ones fill `bytes`, whichever is first;
/// whole segments go.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Released records older than this may go.
    pub age: Duration,
    /// Released records may go when this many newer released bytes remain.
    pub bytes: u64,
}

impl Options {
    /// Segments of 64 MiB, at most 4 GiB unreleased, min(60 minutes, 1 GiB) kept after release, records up to 4 MiB,
    /// ten seconds of waiting for the lock, no pause between syncs.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            segment_bytes: 64 << 20,
            max_bytes: 4 << 30,
            keep: Keep { age: Duration::from_secs(60 * 60), bytes: 1 << 30 },
            max_record_bytes: 4 << 20,
            lock_wait: Duration::from_secs(10),
            sync_pause: Duration::ZERO,
        }
    }
}
