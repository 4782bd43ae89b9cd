//! What the handles, the two threads and the readers of one journal share: the queue, the segments, how far all is on disk.
//! The lock is never held during I/O.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use tokio::sync::watch;

use crate::epoch::Epoch;
use crate::error::AppendError;
use crate::holes::Holes;
use crate::maintenance_requests::MaintenanceRequests;
use crate::options::Options;
use crate::queue::{Pending, Queue, Request};
use crate::retention;
use crate::segments::{Segment, SegmentFile, Segments};
use crate::stats::{Counters, Stats};
use crate::storage::Storage;

/// How far all is on disk; readers wait for it to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// One past the last durable offset.
    pub(crate) end: u64,
    /// Nothing will be appended any more.
    pub(crate) closed: bool,
}

/// The state of an open journal.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) epoch: Epoch,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) counters: Counters,
    pub(crate) maintenance: MaintenanceRequests,
    state: Mutex<State>,
    /// Notified when the queue stops being empty, and on closing.
    queued: Condvar,
    progress: watch::Sender<Progress>,
}

/// What the lock guards.
pub(crate) struct State {
    queue: Queue,
    pub(crate) segments: Segments,
    pub(crate) holes: Holes,
    released: u64,
    /// Bytes on disk at or above `released`.
    unreleased: u64,
}

/// A group of appends that has just become durable at the end of the newest segment.
pub(crate) struct Durable {
    /// One past its last offset.
    pub(crate) end: u64,
    /// Position after its last record.
    pub(crate) length: u64,
    /// Offset and position of the first record of each append.
    pub(crate) places: Vec<(u64, u64)>,
}

impl Shared {
    pub(crate) fn new(
        options: Options,
        epoch: Epoch,
        storage: Arc<dyn Storage>,
        (segments, holes): (Segments, Holes),
        (end, released): (u64, u64),
    ) -> Self {
        let unreleased = segments.unreleased(released);
        let state = State { queue: Queue::default(), segments, holes, released, unreleased };
        Self {
            options,
            epoch,
            storage,
            counters: Counters::default(),
            maintenance: MaintenanceRequests::default(),
            state: Mutex::new(state),
            queued: Condvar::new(),
            progress: watch::Sender::new(Progress { end, closed: false }),
        }
    }

    /// No panic can leave the state half changed, so a poisoned lock is taken as it is.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    // --- for handles

    pub(crate) fn append(&self, records: Vec<Bytes>) -> Pending {
        let measured = self.options.measure(records.iter().map(Bytes::len));
        let (request, pending) = Request::new(records, measured.unwrap_or(0));
        let admitted =
            measured.map_err(|(bytes, limit)| AppendError::TooLarge { bytes, limit }).and_then(|bytes| {
                let state = self.lock();
                state.queue.admit(bytes, state.unreleased, self.options.max_bytes).map(|()| state)
            });
        match admitted {
            Ok(mut state) => {
                if state.queue.push(request) {
                    self.queued.notify_one();
                }
            }
            Err(error) => request.answer(Err(error)),
        }
        pending
    }

    pub(crate) fn start(&self) -> u64 {
        let state = self.lock();
        state.start(self)
    }

    pub(crate) fn released(&self) -> u64 {
        self.lock().released
    }

    pub(crate) fn release(&self, below: u64) {
        let below = below.min(self.progress().end);
        let mut state = self.lock();
        if below <= state.released {
            return;
        }
        state.released = below;
        state.unreleased = state.segments.unreleased(below);
        let oldest = state.segments.iter().next();
        let trim = oldest.is_some_and(|segment| segment.end <= below) && state.segments.iter().len() > 1;
        drop(state);
        if trim {
            self.maintenance.trim();
        }
    }

    pub(crate) fn seek_time(&self, at: SystemTime) -> u64 {
        let state = self.lock();
        state.segments.seek_time(at).unwrap_or_else(|| state.start(self))
    }

    pub(crate) fn stats(&self) -> Stats {
        let state = self.lock();
        self.counters.fill(Stats {
            bytes: state.segments.bytes(),
            unreleased_bytes: state.unreleased,
            queued_bytes: state.queue.bytes(),
            segments: state.segments.iter().len() as u64,
            holes: state.holes.found(),
            missing: state.holes.missing(),
            ..Stats::default()
        })
    }

    /// Refuses appends from now on; what is queued will still be written.
    pub(crate) fn close(&self) {
        self.lock().queue.close();
        self.queued.notify_all();
    }

    // --- for the writer

    /// All that is queued, waiting for something to be; not before `quiet_until`. `None` once closed and empty.
    pub(crate) fn take(&self, quiet_until: Option<Instant>) -> Option<Vec<Request>> {
        let mut state = self.lock();
        loop {
            if state.queue.is_empty() {
                if state.queue.is_closed() {
                    return None;
                }
                state = self.queued.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let pause = quiet_until
                .map_or_else(Default::default, |until| until.saturating_duration_since(Instant::now()));
            if pause.is_zero() || state.queue.is_closed() {
                return Some(state.queue.take());
            }
            state = self.queued.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Adds a new newest segment.
    pub(crate) fn extend(&self, segment: Arc<SegmentFile>) {
        self.lock().segments.push(Segment::new(segment));
    }

    /// Lets readers see what has become durable and takes it out of the queue's count.
    pub(crate) fn publish(&self, durable: Durable, requests: &[Request]) {
        let mut state = self.lock();
        let newest = state.segments.newest_mut().expect("what is durable stands in a segment");
        for (offset, position) in durable.places {
            newest.index.note(offset, position);
        }
        let added = durable.length - newest.length;
        newest.length = durable.length;
        newest.end = durable.end;
        state.unreleased += added;
        state.queue.settle(requests);
        // Under the lock, so that nobody reads a record at or past what `end` says.
        self.progress.send_modify(|progress| progress.end = durable.end);
    }

    /// Takes answered requests out of the queue's count.
    pub(crate) fn settle(&self, requests: &[Request]) {
        self.lock().queue.settle(requests);
    }

    /// Nothing will be appended any more, for whatever reason: readers learn it, appends that wait are answered `Closed`.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.queue.close();
        let abandoned = state.queue.take();
        state.queue.settle(&abandoned);
        drop(state);
        drop(abandoned);
        self.progress.send_modify(|progress| progress.closed = true);
    }

    // --- for the maintenance thread and readers

    /// Takes expired segments out of the list, and says which files to remove.
    pub(crate) fn trim(&self, now: SystemTime) -> Vec<PathBuf> {
        let mut state = self.lock();
        let count = retention::expired(&state.segments, state.released, self.options.retention, now);
        let gone: Vec<PathBuf> = (0..count)
            .filter_map(|_| state.segments.pop_oldest())
            .map(|segment| segment.file.path.clone())
            .collect();
        if let Some(start) = state.segments.start() {
            state.holes.forget_below(start);
        }
        gone
    }

    /// Notes offsets that a reader found lost.
    pub(crate) fn note_hole(&self, segment: &SegmentFile, from: u64, to: u64) {
        if self.lock().holes.note(from, to) {
            let path = segment.path.display();
            tracing::error!(%path, from, to, "records are lost to damage");
        }
    }
}

impl State {
    /// The oldest offset that can be read.
    pub(crate) fn start(&self, shared: &Shared) -> u64 {
        self.segments.start().unwrap_or_else(|| shared.progress().end)
    }
}
