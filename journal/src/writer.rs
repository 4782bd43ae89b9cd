//! The thread that makes appends durable: one write and one sync for all that wait. Knows neither readers nor retention.
//!
//! A write or sync that fails says nothing about what is on disk, and a second sync that succeeds says nothing about the pages
//! of the first. So the segment is given up: the next one's header tells where the sound part ends, and what was not answered
//! is written again there, under new offsets. If that fails too, the appenders learn it.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::allocation::{self, HEADER_ONLY, Preallocated};
use crate::error::AppendError;
use crate::queue::{Appended, Request};
use crate::record;
use crate::segment::{DATA, Header};
use crate::segments::SegmentFile;
use crate::shared::{Durable, Shared};
use crate::storage::write_all;

/// Most bytes that one sync covers, unless a single append has more.
const MAX_GROUP: u64 = 8 << 20;
/// Name of the file of a segment that is made while appends wait.
const NEW: &str = "new";
/// An encoding buffer larger than this is not kept.
const MAX_KEPT_BUFFER: usize = 2 * MAX_GROUP as usize;

/// The writer's own state.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    active: Option<Active>,
    /// Offset of the next record; higher than any that was ever tried.
    next: u64,
    /// Size of the next segment to be made.
    size: u64,
    buffer: Vec<u8>,
    last_sync: Option<Instant>,
}

/// The segment that is written to.
struct Active {
    file: File,
    segment: Arc<SegmentFile>,
    /// Where the next record goes.
    position: u64,
    /// Where it ends: no record goes beyond.
    limit: u64,
    /// Whether the next segment's file was asked for.
    next_requested: bool,
}

impl Writer {
    /// A writer that begins at offset `next`. `begun` is the opening's first segment, if one could be made.
    pub(crate) fn new(shared: Arc<Shared>, next: u64, begun: Option<(File, Arc<SegmentFile>)>) -> Self {
        let size = shared.options.first_segment_bytes();
        let mut writer = Self { shared, active: None, next, size, buffer: Vec::new(), last_sync: None };
        if let Some((file, segment)) = begun {
            writer.activate(file, segment, size);
        }
        writer
    }

    /// Runs until the journal is closed and its queue empty. However it ends, nobody is left waiting.
    pub(crate) fn run(mut self) {
        struct Stop(Arc<Shared>);
        impl Drop for Stop {
            fn drop(&mut self) {
                self.0.stop();
            }
        }
        let _stop = Stop(Arc::clone(&self.shared));
        let pause = self.shared.options.sync_pause;
        while let Some(requests) = self.shared.take(self.last_sync.map(|at| at + pause)) {
            let mut requests = requests.into_iter().peekable();
            while requests.peek().is_some() {
                let group = self.group(&mut requests);
                self.commit(group);
            }
        }
        self.finish_segment();
    }

    /// As many requests as one sync should cover and the segment has room for; one at least.
    fn group(&self, requests: &mut std::iter::Peekable<std::vec::IntoIter<Request>>) -> Vec<Request> {
        let room = self.active.as_ref().map_or(0, Active::room);
        let fits = requests.peek().is_some_and(|first| first.bytes <= room);
        let most = MAX_GROUP.min(if fits { room } else { self.size - DATA });
        let (mut group, mut bytes) = (Vec::new(), 0);
        while let Some(request) = requests.next_if(|next| group.is_empty() || bytes + next.bytes <= most) {
            bytes += request.bytes;
            group.push(request);
        }
        group
    }

    fn commit(&mut self, group: Vec<Request>) {
        if group.iter().all(|request| request.records.is_empty()) {
            self.shared.settle(&group);
            self.acknowledge(group, self.next);
            return;
        }
        let written = self.write(&group).or_else(|error| {
            tracing::error!(%error, "writing to the journal failed; trying once more in a new segment");
            self.write(&group)
        });
        match written {
            Ok((first, durable)) => {
                self.shared.publish(durable, &group);
                self.acknowledge(group, first);
            }
            Err(error) => {
                tracing::error!(%error, appends = group.len(), "appends failed");
                let source = Arc::new(error);
                self.shared.settle(&group);
                for request in group {
                    request.answer(Err(AppendError::Storage { source: Arc::clone(&source) }));
                }
            }
        }
    }

    fn acknowledge(&self, group: Vec<Request>, mut first: u64) {
        for request in group {
            let count = request.records.len() as u32;
            request.answer(Ok(Appended { epoch: self.shared.epoch, first, count }));
            first += u64::from(count);
        }
    }

    /// Makes a group durable, and says under which offsets. After a failure no segment is active, and `next` is past all
    /// that was tried.
    fn write(&mut self, group: &[Request]) -> io::Result<(u64, Durable)> {
        let bytes = group.iter().map(|request| request.bytes).sum();
        let mut active = self.active_with_room(bytes)?;
        let first = self.next;
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut places = Vec::with_capacity(group.len());
        for request in group {
            places.push((self.next, active.position + buffer.len() as u64));
            for payload in &request.records {
                record::encode(active.segment.seed, self.next, payload, &mut buffer);
                self.next += 1;
            }
        }
        let storage = &*self.shared.storage;
        let synced = write_all(storage, &active.file, &buffer, active.position)
            .and_then(|()| storage.sync(&active.file));
        self.last_sync = Some(Instant::now());
        synced.inspect_err(|_| self.shared.counters.sync_failed())?;
        self.shared.counters.synced(self.next - first);
        active.position += buffer.len() as u64;
        let durable = Durable { end: self.next, length: active.position, places };
        if buffer.capacity() <= MAX_KEPT_BUFFER {
            buffer.clear();
            self.buffer = buffer;
        }
        self.request_next(&mut active);
        self.active = Some(active);
        Ok((first, durable))
    }

    /// Takes the active segment, or a new one when it has too little room or there is none.
    fn active_with_room(&mut self, bytes: u64) -> io::Result<Active> {
        if self.active.as_ref().is_none_or(|active| active.room() < bytes) {
            self.finish_segment();
            let size = self.size.max(DATA + bytes);
            let ready = self.shared.maintenance.take_ready(size);
            let header = Header {
                epoch: self.shared.epoch,
                first: self.next,
                predecessor_end: self.shared.progress().end,
                created: SystemTime::now(),
            };
            let (file, segment) = create_segment(&self.shared, &header, ready, HEADER_ONLY)
                .inspect_err(|_| self.shared.counters.segment_failed())?;
            self.shared.extend(Arc::clone(&segment));
            self.activate(file, segment, size);
        }
        Ok(self.active.take().expect("a segment was made active"))
    }

    fn activate(&mut self, file: File, segment: Arc<SegmentFile>, limit: u64) {
        self.size = limit.saturating_mul(4).min(self.shared.options.segment_bytes);
        self.active = Some(Active { file, segment, position: DATA, limit, next_requested: false });
    }

    /// Has the next segment's file preallocated once a quarter of this one is used.
    fn request_next(&self, active: &mut Active) {
        if !active.next_requested && active.position - DATA > (active.limit - DATA) / 4 {
            active.next_requested = true;
            self.shared.maintenance.preallocate(self.size);
        }
    }

    /// Ends the active segment, which is sound, and gives back the space behind its records. A failure costs space and nothing
    /// else.
    fn finish_segment(&mut self) {
        if let Some(active) = self.active.take()
            && let Err(error) = self.shared.storage.truncate(&active.file, active.position)
        {
            tracing::debug!(%error, "unused space of a journal segment was not given back");
        }
    }
}

impl Active {
    fn room(&self) -> u64 {
        self.limit.saturating_sub(self.position)
    }
}

/// Makes a segment, from a preallocated file that is `ready` or from one of `size` bytes that is made now.
pub(crate) fn create_segment(
    shared: &Shared,
    header: &Header,
    ready: Option<Preallocated>,
    size: u64,
) -> io::Result<(File, Arc<SegmentFile>)> {
    let (storage, dir) = (&*shared.storage, &*shared.options.dir);
    let preallocated = if let Some(file) = ready {
        file
    } else {
        // What an earlier attempt could not remove.
        allocation::discard_unfinished(storage, dir, NEW);
        allocation::preallocate(storage, dir, NEW, size, || true)?
    };
    let (file, path) = allocation::install(storage, dir, preallocated, header)?;
    Ok((file, SegmentFile::new(*header, path)))
}
