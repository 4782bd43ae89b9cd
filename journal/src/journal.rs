//! The handle to an open journal, and the start and end of its two threads. What these do stands in `writer` and `maintenance`.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use bytes::Bytes;

use crate::epoch::Epoch;
use crate::error::OpenError;
use crate::maintenance;
use crate::opening::{self, Opened};
use crate::options::Options;
use crate::queue::Pending;
use crate::reader::Reader;
use crate::recovery::Recovery;
use crate::shared::Shared;
use crate::stats::Stats;
use crate::storage::{Disk, Storage};

/// An open journal. Clones share it; the last one dropped closes it, as [`close`](Self::close) does.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    threads: Mutex<Option<Threads>>,
}

struct Threads {
    writer: JoinHandle<()>,
    maintenance: JoinHandle<()>,
    lock: File,
}

impl Journal {
    /// Opens the journal in `options.dir`, waiting for the lock of another holder. Reads and checks every record that is
    /// there; blocks meanwhile. A new epoch begins.
    ///
    /// # Errors
    /// [`OpenError`]. A full disk is none: the journal opens and appends fail until there is space.
    pub fn open(options: Options) -> Result<(Self, Recovery), OpenError> {
        Self::open_on(options, Arc::new(Disk))
    }

    pub(crate) fn open_on(
        options: Options,
        storage: Arc<dyn Storage>,
    ) -> Result<(Self, Recovery), OpenError> {
        let dir = options.dir.clone();
        let Opened { shared, writer, recovery, lock } = opening::open(options, storage)?;
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let spawned = thread::Builder::new().name(format!("journal-{name}")).spawn(work);
            spawned.map_err(|source| OpenError::Io { path: dir.clone(), source })
        };
        let (state, saved) = (Arc::clone(&shared), shared.released());
        let maintenance = spawn("maintenance", Box::new(move || maintenance::run(&state, saved)))?;
        let writer =
            spawn("write", Box::new(move || writer.run())).inspect_err(|_| shared.maintenance.stop())?;
        let threads = Mutex::new(Some(Threads { writer, maintenance, lock }));
        Ok((Self { inner: Arc::new(Inner { shared, threads }) }, recovery))
    }

    /// Queues records: all or none, under contiguous offsets, in the order of the calls. Without any record it is a barrier
    /// that resolves once everything queued before is answered.
    ///
    /// # Errors
    /// The answer is an [`AppendError`](crate::AppendError), at once if the bound is reached.
    pub fn append(&self, records: Vec<Bytes>) -> Pending {
        self.inner.shared.append(records)
    }

    /// The oldest offset that can be read.
    pub fn start(&self) -> u64 {
        self.inner.shared.start()
    }

    /// One past the last offset that is on disk.
    pub fn end(&self) -> u64 {
        self.inner.shared.progress().end
    }

    /// The watermark of [`release`](Self::release). It is saved across openings, though not always the latest.
    pub fn released(&self) -> u64 {
        self.inner.shared.released()
    }

    /// The epoch of this opening.
    pub fn epoch(&self) -> Epoch {
        self.inner.shared.epoch
    }

    /// Says that nobody needs the records below `below` any more. They leave the bound at once; their segments are removed when [`Retention`](crate::Retention) allows. Never goes back, and not beyond [`end`](Self::end).
    pub fn release(&self, below: u64) {
        self.inner.shared.release(below);
    }

    /// A reader that begins at `from`, be that in the future, and follows the tail.
    pub fn reader(&self, from: u64) -> Reader {
        Reader::new(Arc::clone(&self.inner.shared), from)
    }

    /// An offset at or before the first record written at or after `at`; as precise as segments are.
    pub fn seek_time(&self, at: SystemTime) -> u64 {
        self.inner.shared.seek_time(at)
    }

    /// Figures for metrics.
    pub fn stats(&self) -> Stats {
        self.inner.shared.stats()
    }

    /// Refuses further appends, writes what is queued, stops the threads and lets the lock go. Blocks until that is done.
    /// Readers can read what is there to its end.
    pub fn close(&self) {
        self.inner.close();
    }
}

impl Inner {
    fn close(&self) {
        self.shared.close();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Threads { writer, maintenance, lock }) = threads.take() else { return };
        let written = writer.join();
        self.shared.maintenance.stop();
        let kept = maintenance.join();
        if written.is_err() || kept.is_err() {
            tracing::error!("a thread of the journal had panicked; what it acknowledged is on disk");
        }
        drop(lock);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
