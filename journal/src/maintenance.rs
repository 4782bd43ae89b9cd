//! The thread that does what no appender should wait for: zeroing the next segment, removing old ones, remembering the
//! release watermark. Nothing that it fails at loses a record.

use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use crate::allocation;
use crate::retention::{self, WATERMARK};
use crate::shared::Tail;
use crate::storage::write_all;

/// Longest time between two looks at the clock.
const ROUND: Duration = Duration::from_secs(2);

/// Runs until [`MaintenanceRequests::stop`](crate::maintenance_requests::MaintenanceRequests::stop). `remembered` is the watermark that the opening found.
pub(crate) fn run(tail: &Tail, mut remembered: u64) {
    let round = (tail.options.keep.age / 4).clamp(Duration::from_millis(20), ROUND);
    while let ControlFlow::Continue(wanted) = tail.maintenance.wait(round) {
        if let Some(size) = wanted {
            prepare(tail, size);
        }
        for path in tail.trim(SystemTime::now()) {
            tracing::debug!(path = %path.display(), "a released segment goes");
            allocation::discard(&*tail.storage, &path);
        }
        remember(tail, &mut remembered);
        probe(tail);
    }
    remember(tail, &mut remembered);
    if let Some(blank) = tail.maintenance.take_ready(0) {
        blank.discard(&*tail.storage);
    }
}

fn prepare(tail: &Tail, size: u64) {
    let go_on = || !tail.maintenance.is_stopping();
    let name = tail.maintenance.next_name();
    match allocation::blank(&*tail.storage, &tail.options.dir, &name, size, go_on) {
        Ok(blank) => {
            let smaller = tail.maintenance.replace_ready(blank);
            if let Some(smaller) = smaller {
                smaller.discard(&*tail.storage);
            }
        }
        Err(_) if tail.maintenance.is_stopping() => {}
        Err(error) => tracing::warn!(%error, size, "no space could be prepared for the next journal segment"),
    }
}

/// While the last append failed, tries whether the disk takes as much as a segment's beginning again: an owner who sends no
/// appends until the journal is writable must learn that it is.
fn probe(tail: &Tail) {
    if tail.counters.is_failing() {
        let size = tail.options.first_segment_bytes();
        let name = tail.maintenance.next_name();
        let tried = allocation::blank(&*tail.storage, &tail.options.dir, &name, size, || {
            !tail.maintenance.is_stopping()
        });
        if let Ok(blank) = tried {
            blank.discard(&*tail.storage);
            tail.counters.recovered();
        }
    }
}

/// Writes the watermark, if it has moved.
fn remember(tail: &Tail, remembered: &mut u64) {
    let released = tail.released();
    if released == *remembered {
        return;
    }
    let unfinished = tail.options.dir.join(format!("{WATERMARK}.{}", allocation::UNFINISHED));
    let path = tail.options.dir.join(WATERMARK);
    let storage = &*tail.storage;
    allocation::discard(storage, &unfinished);
    let written = storage
        .create(&unfinished)
        .and_then(|file| write_all(storage, &file, &retention::encode(released), 0))
        .and_then(|()| storage.rename(&unfinished, &path));
    match written {
        Ok(()) => *remembered = released,
        Err(error) => {
            allocation::discard(storage, &unfinished);
            tracing::debug!(%error, "the release watermark was not remembered; it will be tried again");
        }
    }
}
