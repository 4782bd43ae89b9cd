//! What the writer and the journal's owner ask of the maintenance thread, and the segment file that it has ready for them. Does no I/O.

use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::allocation::Preallocated;

/// Requests to the maintenance thread. They are merged: asking twice before it looks is asking once.
#[derive(Debug, Default)]
pub(crate) struct MaintenanceRequests {
    requested: Mutex<Requested>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Requested {
    /// Size of the next segment's file, in bytes, when it is to be preallocated.
    preallocate: Option<u64>,
    ready: Option<Preallocated>,
    /// Files named so far.
    named: u64,
    trim: bool,
    stop: bool,
}

impl Requested {
    fn lacks(&self, size: u64) -> bool {
        self.ready.as_ref().is_none_or(|file| file.size < size)
    }
}

impl MaintenanceRequests {
    fn lock(&self) -> MutexGuard<'_, Requested> {
        self.requested.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a preallocated file of `size` bytes or more, unless one is ready.
    pub(crate) fn preallocate(&self, size: u64) {
        let mut requested = self.lock();
        if requested.lacks(size) {
            requested.preallocate = Some(size);
            self.changed.notify_one();
        }
    }

    /// The file that is ready, if one of `size` bytes or more is.
    pub(crate) fn take_ready(&self, size: u64) -> Option<Preallocated> {
        self.lock().ready.take_if(|file| file.size >= size)
    }

    /// Has `file` ready; gives back the one that was.
    pub(crate) fn replace_ready(&self, file: Preallocated) -> Option<Preallocated> {
        self.lock().ready.replace(file)
    }

    /// Asks to remove the segments that are released and need not be kept.
    pub(crate) fn trim(&self) {
        self.lock().trim = true;
        self.changed.notify_one();
    }

    /// Ends the maintenance thread.
    pub(crate) fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_one();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.lock().stop
    }

    /// A name for a file in the making, never given before.
    pub(crate) fn next_name(&self) -> String {
        let mut requested = self.lock();
        requested.named += 1;
        format!("next-{}", requested.named)
    }

    /// Waits until something is asked for, `round` at most. Continues with the size of a file to preallocate, if there is
    /// one to be; breaks once stopped.
    pub(crate) fn wait(&self, round: Duration) -> ControlFlow<(), Option<u64>> {
        let idle =
            |requested: &mut Requested| !requested.stop && !requested.trim && requested.preallocate.is_none();
        let waited = self.changed.wait_timeout_while(self.lock(), round, idle);
        let mut requested = waited.unwrap_or_else(PoisonError::into_inner).0;
        requested.trim = false;
        if requested.stop {
            return ControlFlow::Break(());
        }
        // It may have been asked for again while it was being written.
        let size = requested.preallocate.take();
        ControlFlow::Continue(size.filter(|size| requested.lacks(*size)))
    }
}

#[cfg(test)]
mod maintenance {
    use super::*;
    use crate::allocation;
    use crate::storage::Disk;

    #[test]
    fn makes_no_second_file_when_asked_again_while_the_first_is_being_written() {
        let dir = tempfile::tempdir().unwrap();
        let requests = MaintenanceRequests::default();
        let make = || allocation::preallocate(&Disk, dir.path(), &requests.next_name(), 10, || true).unwrap();
        requests.preallocate(10);
        assert_eq!(requests.wait(Duration::ZERO), ControlFlow::Continue(Some(10)));
        requests.preallocate(10);
        assert!(requests.replace_ready(make()).is_none());
        assert_eq!(requests.wait(Duration::ZERO), ControlFlow::Continue(None));
        assert!(requests.take_ready(11).is_none() && requests.take_ready(10).is_some());
        requests.preallocate(10);
        assert_eq!(requests.wait(Duration::ZERO), ControlFlow::Continue(Some(10)));
        assert!(requests.replace_ready(make()).is_none());
        requests.preallocate(11);
        assert_eq!(
            requests.wait(Duration::ZERO),
            ControlFlow::Continue(Some(11)),
            "what is too small does not count"
        );
        assert_ne!(requests.next_name(), requests.next_name(), "no two files share a name");
        requests.stop();
        assert_eq!(requests.wait(Duration::ZERO), ControlFlow::Break(()));
    }
}
