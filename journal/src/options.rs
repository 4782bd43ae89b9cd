//! What an owner decides about a journal: where it lies and how large things may grow. Reads no file and no clock.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::OpenError;
use crate::record;
use crate::segment::DATA;

/// Size of the first segment of an opening: small, so that opening is quick. Each next one is four times as large, up to
/// [`Options::segment_bytes`].
const FIRST_SEGMENT: u64 = 4 << 20;

/// How one journal is kept. [`Options::new`] gives the defaults; every field may be changed before the opening.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of the journal, made (mode 0700) when missing. One journal per folder.
    pub dir: PathBuf,
    /// Size at which a segment file is left for the next one, in bytes. An append larger than that gets a segment of its own.
    pub segment_bytes: u64,
    /// Most bytes that may wait for their release, queued ones included. An append beyond is refused with `Full`, as is one
    /// that would make more than 64 MiB wait for the disk in memory. The disk can hold this much, `retention.bytes`, and up to
    /// three segments more.
    pub max_bytes: u64,
    /// How much of what is released stays readable.
    pub retention: Retention,
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
pub struct Retention {
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
            retention: Retention { age: Duration::from_hours(1), bytes: 1 << 30 },
            max_record_bytes: 4 << 20,
            lock_wait: Duration::from_secs(10),
            sync_pause: Duration::ZERO,
        }
    }

    /// Size of the first segment of an opening, in bytes.
    pub(crate) fn first_segment_bytes(&self) -> u64 {
        FIRST_SEGMENT.min(self.segment_bytes)
    }

    /// Bytes that records of these lengths take on disk.
    ///
    /// # Errors
    /// The size and the limit when a record, or all together, can never fit.
    pub(crate) fn measure(&self, lengths: impl Iterator<Item = usize>) -> Result<u64, (u64, u64)> {
        let mut total = 0;
        for length in lengths {
            if length as u64 > u64::from(self.max_record_bytes) {
                return Err((length as u64, u64::from(self.max_record_bytes)));
            }
            total += record::size(length) as u64;
        }
        if total > self.max_bytes { Err((total, self.max_bytes)) } else { Ok(total) }
    }

    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let record = record::size(self.max_record_bytes as usize) as u64;
        if self.segment_bytes < 2 * DATA {
            Err(OpenError::Options("segment_bytes must be at least 16384"))
        } else if self.max_record_bytes == 0 {
            Err(OpenError::Options("max_record_bytes must not be zero"))
        } else if self.max_bytes < record {
            Err(OpenError::Options("max_bytes must hold a record of max_record_bytes"))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod the_options {
    use super::*;

    #[test]
    fn are_sound_by_default() {
        assert!(Options::new("x").check().is_ok());
    }

    #[test]
    fn may_be_as_small_as_one_record() {
        let mut small = Options::new("x");
        small.segment_bytes = 2 * DATA;
        small.max_record_bytes = 1;
        small.max_bytes = record::size(1) as u64;
        assert!(small.check().is_ok());
    }

    #[test]
    fn that_contradict_each_other_are_refused() {
        let mut small = Options::new("x");
        small.segment_bytes = 16_383;
        let mut narrow = Options::new("x");
        narrow.max_bytes = u64::from(narrow.max_record_bytes);
        let mut empty = Options::new("x");
        empty.max_record_bytes = 0;
        for options in [small, narrow, empty] {
            let error = options.check().unwrap_err();
            assert!(!error.is_transient(), "{error}");
        }
    }

    #[test]
    fn tell_an_append_that_can_never_fit() {
        let options = Options { max_bytes: 200, max_record_bytes: 100, ..Options::new("x") };
        assert_eq!(options.measure([100, 8].into_iter()), Ok(160));
        assert_eq!(options.measure([101].into_iter()), Err((101, 100)));
        assert_eq!(options.measure([100, 48].into_iter()), Ok(200));
        assert_eq!(options.measure([100, 100].into_iter()), Err((256, 200)));
    }
}
