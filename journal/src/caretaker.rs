//! The thread that does what no appender should wait for: zeroing the next segment, removing old ones, remembering the
//! release watermark. Nothing that it fails at loses a record.

use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::allocation::{self, Blank};
use crate::retention::{self, WATERMARK};
use crate::storage::write_all;
use crate::tail::Tail;
use crate::writer::FIRST_SEGMENT;

/// Longest time between two looks at the clock.
const ROUND: Duration = Duration::from_secs(2);

/// What the caretaker was asked to do, and what it has ready.
#[derive(Debug, Default)]
pub(crate) struct Chores {
    list: Mutex<List>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct List {
    /// Size of the blank that is wanted.
    wanted: Option<u64>,
    ready: Option<Blank>,
    /// Blanks made so far; names the next.
    made: u64,
    tidy: bool,
    stop: bool,
}

impl List {
    fn lacks(&self, size: u64) -> bool {
        self.ready.as_ref().is_none_or(|blank| blank.size < size)
    }
}

impl Chores {
    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a blank of `size` bytes or more, unless one is ready.
    pub(crate) fn prepare(&self, size: u64) {
        let mut list = self.lock();
        if list.lacks(size) {
            list.wanted = Some(size);
            self.bell.notify_one();
        }
    }

    /// The blank that is ready, if one of `size` bytes or more is.
    pub(crate) fn take_ready(&self, size: u64) -> Option<Blank> {
        self.lock().ready.take_if(|blank| blank.size >= size)
    }

    /// Asks for a look at what may go.
    pub(crate) fn tidy(&self) {
        self.lock().tidy = true;
        self.bell.notify_one();
    }

    /// Ends the caretaker.
    pub(crate) fn stop(&self) {
        self.lock().stop = true;
        self.bell.notify_one();
    }

    fn name(&self) -> String {
        let mut list = self.lock();
        list.made += 1;
        format!("next-{}", list.made)
    }

    fn stopping(&self) -> bool {
        self.lock().stop
    }

    /// Waits until there is something to do, `round` at most. Goes on with the size of a
    /// blank, if one is wanted; breaks at the end.
    fn wait(&self, round: Duration) -> ControlFlow<(), Option<u64>> {
        let idle = |list: &mut List| !list.stop && !list.tidy && list.wanted.is_none();
        let rung = self.bell.wait_timeout_while(self.lock(), round, idle);
        let mut list = rung.unwrap_or_else(PoisonError::into_inner).0;
        list.tidy = false;
        if list.stop {
            return ControlFlow::Break(());
        }
        // It may have been asked for again while it was in the making.
        let wanted = list.wanted.take();
        ControlFlow::Continue(wanted.filter(|size| list.lacks(*size)))
    }
}

/// Runs until [`Chores::stop`]. `remembered` is the watermark that the opening found.
pub(crate) fn run(tail: &Tail, mut remembered: u64) {
    let round = (tail.options.keep.age / 4).clamp(Duration::from_millis(20), ROUND);
    while let ControlFlow::Continue(wanted) = tail.chores.wait(round) {
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
    if let Some(blank) = tail.chores.take_ready(0) {
        blank.discard(&*tail.storage);
    }
}

fn prepare(tail: &Tail, size: u64) {
    let go_on = || !tail.chores.stopping();
    let name = tail.chores.name();
    match allocation::blank(&*tail.storage, &tail.options.dir, &name, size, go_on) {
        Ok(blank) => {
            let smaller = tail.chores.lock().ready.replace(blank);
            if let Some(smaller) = smaller {
                smaller.discard(&*tail.storage);
            }
        }
        Err(_) if tail.chores.stopping() => {}
        Err(error) => tracing::warn!(%error, size, "no space could be prepared for the next journal segment"),
    }
}

/// While the last append failed, tries whether the disk takes as much as a segment's beginning again: an owner who sends no
/// appends until the journal is writable must learn that it is.
fn probe(tail: &Tail) {
    if tail.counters.is_failing() {
        let size = FIRST_SEGMENT.min(tail.options.segment_bytes);
        let name = tail.chores.name();
        let tried =
            allocation::blank(&*tail.storage, &tail.options.dir, &name, size, || !tail.chores.stopping());
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

#[cfg(test)]
mod the_list_of_chores {
    use super::*;
    use crate::storage::Disk;

    #[test]
    fn wants_no_second_blank_when_asked_again_while_the_first_is_in_the_making() {
        let dir = tempfile::tempdir().unwrap();
        let chores = Chores::default();
        chores.prepare(10);
        assert_eq!(chores.wait(Duration::ZERO), ControlFlow::Continue(Some(10)));
        chores.prepare(10);
        let blank = allocation::blank(&Disk, dir.path(), &chores.name(), 10, || true).unwrap();
        chores.lock().ready = Some(blank);
        assert_eq!(chores.wait(Duration::ZERO), ControlFlow::Continue(None));
        assert!(chores.take_ready(11).is_none() && chores.take_ready(10).is_some());
        chores.prepare(10);
        assert_eq!(chores.wait(Duration::ZERO), ControlFlow::Continue(Some(10)));
        let small = allocation::blank(&Disk, dir.path(), &chores.name(), 10, || true).unwrap();
        chores.lock().ready = Some(small);
        chores.prepare(11);
        assert_eq!(
            chores.wait(Duration::ZERO),
            ControlFlow::Continue(Some(11)),
            "what is too small does not count"
        );
        assert_ne!(chores.name(), chores.name(), "no two files share a name");
        chores.stop();
        assert_eq!(chores.wait(Duration::ZERO), ControlFlow::Break(()));
    }
}
