//! The handle that owners hold, and the two threads behind it. What they do is written elsewhere.

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
use crate::shared::Tail;
use crate::stats::Stats;
use crate::storage::{Disk, Storage};

/// An open journal. Clones share it; the last one dropped closes it, as [`close`](Self::close) does.
#[derive(Clone)]
pub struct Journal {
    held: Arc<Held>,
}

struct Held {
    tail: Arc<Tail>,
    running: Mutex<Option<Running>>,
}

struct Running {
    writer: JoinHandle<()>,
    caretaker: JoinHandle<()>,
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
        let Opened { tail, writer, recovery, lock } = opening::open(options, storage)?;
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let spawned = thread::Builder::new().name(format!("journal-{name}")).spawn(work);
            spawned.map_err(|source| OpenError::Io { path: dir.clone(), source })
        };
        let (kept, released) = (Arc::clone(&tail), tail.released());
        let caretaker = spawn("keep", Box::new(move || maintenance::run(&kept, released)))?;
        let writer =
            spawn("write", Box::new(move || writer.run())).inspect_err(|_| tail.maintenance.stop())?;
        let running = Mutex::new(Some(Running { writer, caretaker, lock }));
        Ok((Self { held: Arc::new(Held { tail, running }) }, recovery))
    }

    /// Queues records: all or none, under contiguous offsets, in the order of the calls. Without any record it is a barrier
    /// that resolves once everything queued before is answered.
    ///
    /// # Errors
    /// The answer is an [`AppendError`](crate::AppendError), at once if the bound is reached.
    pub fn append(&self, records: Vec<Bytes>) -> Pending {
        self.held.tail.append(records)
    }

    /// The oldest offset that can be read.
    pub fn start(&self) -> u64 {
        self.held.tail.start()
    }

    /// One past the last offset that is on disk.
    pub fn end(&self) -> u64 {
        self.held.tail.progress().end
    }

    /// The watermark of [`release`](Self::release). It is remembered across openings, if not always the latest.
    pub fn released(&self) -> u64 {
        self.held.tail.released()
    }

    /// The epoch of this opening.
    pub fn epoch(&self) -> Epoch {
        self.held.tail.epoch
    }

    /// Says that records below `below` are acknowledged by whomever they were for. They leave the bound at once; their
    /// segments go when [`Keep`](crate::Keep) allows. Never goes back, and not beyond [`end`](Self::end).
    pub fn release(&self, below: u64) {
        self.held.tail.release(below);
    }

    /// A reader that begins at `from`, be that in the future, and follows the tail.
    pub fn reader(&self, from: u64) -> Reader {
        Reader::new(Arc::clone(&self.held.tail), from)
    }

    /// An offset at or before the first record written at or after `at`; as precise as segments are.
    pub fn seek_time(&self, at: SystemTime) -> u64 {
        self.held.tail.seek_time(at)
    }

    /// Figures for metrics.
    pub fn stats(&self) -> Stats {
        self.held.tail.stats()
    }

    /// Refuses further appends, writes what is queued, stops the threads and lets the lock go. Blocks until that is done.
    /// Readers can read what is there to its end.
    pub fn close(&self) {
        self.held.close();
    }
}

impl Held {
    fn close(&self) {
        self.tail.close();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Running { writer, caretaker, lock }) = running.take() else { return };
        let written = writer.join();
        self.tail.maintenance.stop();
        let kept = caretaker.join();
        if written.is_err() || kept.is_err() {
            tracing::error!("a thread of the journal had panicked; what it acknowledged is on disk");
        }
        drop(lock);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.close();
    }
}
