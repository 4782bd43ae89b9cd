//! The thread that does what no append should wait for: it preallocates the next segment, removes segments that need not be
//! kept, saves the release watermark. A failure here loses no record.

use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use crate::allocation;
use crate::retention::{self, WATERMARK};
use crate::shared::Shared;
use crate::storage::write_all;

/// Longest time between two looks at the clock.
const ROUND: Duration = Duration::from_secs(2);

/// Runs until it is [stopped](crate::maintenance_requests::MaintenanceRequests::stop). `saved` is the watermark that the
/// opening found.
pub(crate) fn run(shared: &Shared, mut saved: u64) {
    let round = (shared.options.retention.age / 4).clamp(Duration::from_millis(20), ROUND);
    while let ControlFlow::Continue(size) = shared.maintenance.wait(round) {
        if let Some(size) = size {
            preallocate(shared, size);
        }
        for path in shared.trim(SystemTime::now()) {
            tracing::debug!(path = %path.display(), "a released segment is removed");
            allocation::discard(&*shared.storage, &path);
        }
        save_watermark(shared, &mut saved);
        probe(shared);
    }
    save_watermark(shared, &mut saved);
    if let Some(file) = shared.maintenance.take_ready(0) {
        file.discard(&*shared.storage);
    }
}

fn preallocate(shared: &Shared, size: u64) {
    let go_on = || !shared.maintenance.is_stopping();
    let name = shared.maintenance.next_name();
    match allocation::preallocate(&*shared.storage, &shared.options.dir, &name, size, go_on) {
        Ok(file) => {
            if let Some(smaller) = shared.maintenance.replace_ready(file) {
                smaller.discard(&*shared.storage);
            }
        }
        Err(_) if shared.maintenance.is_stopping() => {}
        Err(error) => tracing::warn!(%error, size, "the next journal segment could not be preallocated"),
    }
}

/// While the last append failed, tries whether the disk takes a file as large as a first segment again: an owner who sends no
/// appends until the journal is writable must learn that it is.
fn probe(shared: &Shared) {
    if shared.counters.is_failing() {
        let size = shared.options.first_segment_bytes();
        let name = shared.maintenance.next_name();
        let go_on = || !shared.maintenance.is_stopping();
        let tried = allocation::preallocate(&*shared.storage, &shared.options.dir, &name, size, go_on);
        if let Ok(file) = tried {
            file.discard(&*shared.storage);
            shared.counters.recovered();
        }
    }
}

/// Writes the release watermark, if it has moved. It is not synced.
fn save_watermark(shared: &Shared, saved: &mut u64) {
    let released = shared.released();
    if released == *saved {
        return;
    }
    let unfinished = shared.options.dir.join(format!("{WATERMARK}.{}", allocation::UNFINISHED));
    let path = shared.options.dir.join(WATERMARK);
    let storage = &*shared.storage;
    allocation::discard(storage, &unfinished);
    let written = storage
        .create(&unfinished)
        .and_then(|file| write_all(storage, &file, &retention::encode(released), 0))
        .and_then(|()| storage.rename(&unfinished, &path));
    match written {
        Ok(()) => *saved = released,
        Err(error) => {
            allocation::discard(storage, &unfinished);
            tracing::debug!(%error, "the release watermark was not saved; it will be tried again");
        }
    }
}
