//! Reads records by offset and follows the tail. Must never see a byte that is not durable: every read ends at the length that
//! the writer published after its sync.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::epoch::Epoch;
use crate::error::ReadError;
use crate::record::HEADER;
use crate::scan::{self, Step};
use crate::segment::Header;
use crate::segments::Segment;
use crate::shared::{Progress, Tail};
use crate::storage::{Storage, read_up_to};

/// Reads by offset, follows the tail, never passes what is on disk.
pub struct Reader {
    tail: Arc<Tail>,
    progress: watch::Receiver<Progress>,
    position: u64,
    place: Option<Place>,
}

/// Where in which file the record at the reader's position is to be looked for.
#[derive(Clone)]
struct Place {
    segment: Arc<Segment>,
    file: Option<Arc<File>>,
    at: u64,
}

/// One read to do.
struct Fetch {
    storage: Arc<dyn Storage>,
    place: Place,
    /// Durable length of the segment.
    until: u64,
    /// Records below this offset are passed over.
    from: u64,
    max_bytes: usize,
    /// The segment has a successor: it is not written to any more and perhaps not in the page cache.
    cold: bool,
}

/// What a read brought.
struct Fetched {
    place: Place,
    entries: Vec<Entry>,
    /// Ranges of offsets that should have been there.
    gaps: Vec<(u64, u64)>,
}

/// Some records in order of their offsets.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// One record at least; holes between them are possible.
    pub entries: Vec<Entry>,
    /// Where to go on, past holes.
    pub next: u64,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the journal; never given twice within an epoch.
    pub offset: u64,
    /// The opening that wrote it.
    pub epoch: Epoch,
    /// What was appended. It shares its memory with the other entries of the chunk.
    pub payload: Bytes,
}

impl Reader {
    pub(crate) fn new(tail: Arc<Tail>, position: u64) -> Self {
        Self { progress: tail.subscribe(), tail, position, place: None }
    }

    /// The next offset it will look for.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next records: at least one, waiting for it if need be; together at most `max_bytes`, but for a single larger
    /// record; of one segment. Cancel-safe. Within a tokio runtime, reads of segments that are not the newest are done
    /// on its blocking threads; other reads are short.
    ///
    /// # Errors
    /// [`ReadError`]; the position stays.
    pub async fn next(&mut self, max_bytes: usize) -> Result<Chunk, ReadError> {
        loop {
            let closed = self.progress.borrow_and_update().closed;
            while let Some(fetch) = self.aim(max_bytes)? {
                let fetched = match Handle::try_current() {
                    Ok(runtime) if fetch.cold => {
                        runtime.spawn_blocking(|| fetch.run()).await.map_err(io::Error::other)?
                    }
                    _ => fetch.run(),
                };
                if let Some(chunk) = self.take(fetched)? {
                    return Ok(chunk);
                }
            }
            if closed {
                return Err(ReadError::Closed);
            }
            self.progress.changed().await.map_err(|_| ReadError::Closed)?;
        }
    }

    /// As [`next`](Self::next), but `None` instead of waiting, and all reading is done on the calling thread.
    ///
    /// # Errors
    /// [`ReadError`]; the position stays. A closed journal is no error here.
    pub fn try_next(&mut self, max_bytes: usize) -> Result<Option<Chunk>, ReadError> {
        while let Some(fetch) = self.aim(max_bytes)? {
            let fetched = fetch.run();
            if let Some(chunk) = self.take(fetched)? {
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }

    /// The read to do next, or none while nothing more is durable. Moves on to the next segment when one is read.
    fn aim(&mut self, max_bytes: usize) -> Result<Option<Fetch>, ReadError> {
        loop {
            let state = self.tail.lock();
            let (holder, successor) = state.extents.around(self.position);
            let successor: Option<Header> = successor.map(|extent| extent.segment.header);
            let Some(extent) = holder else {
                let start = state.start(&self.tail);
                if self.position < start {
                    return Err(ReadError::Trimmed { start });
                }
                let Some(oldest) = successor else { return Ok(None) };
                // Between what was trimmed, or the very beginning, and the oldest segment nothing was ever acknowledged.
                self.position = oldest.first;
                continue;
            };
            let read = self.place.as_ref().filter(|place| Arc::ptr_eq(&place.segment, &extent.segment));
            let place = read.cloned().unwrap_or_else(|| Place {
                segment: Arc::clone(&extent.segment),
                file: None,
                at: extent.index.position(self.position),
            });
            if self.position < extent.end && place.at < extent.length {
                return Ok(Some(Fetch {
                    storage: Arc::clone(&self.tail.storage),
                    place,
                    until: extent.length,
                    from: self.position,
                    max_bytes,
                    cold: successor.is_some(),
                }));
            }
            drop(state);
            let Some(successor) = successor else { return Ok(None) };
            if self.position < successor.predecessor_end {
                self.tail.note_hole(&place.segment, self.position, successor.predecessor_end);
            }
            self.position = successor.first;
            self.place = None;
        }
    }

    /// Takes what a read brought; no chunk when all it met was damage.
    fn take(&mut self, fetched: io::Result<Fetched>) -> Result<Option<Chunk>, ReadError> {
        let fetched = match fetched {
            Ok(fetched) => fetched,
            Err(error) => {
                self.place = None;
                let start = self.tail.start();
                // The file of a trimmed segment is gone.
                return Err(if self.position < start { ReadError::Trimmed { start } } else { error.into() });
            }
        };
        for (from, to) in fetched.gaps {
            self.tail.note_hole(&fetched.place.segment, from, to);
        }
        self.place = Some(fetched.place);
        let Some(last) = fetched.entries.last() else { return Ok(None) };
        self.position = last.offset + 1;
        Ok(Some(Chunk { entries: fetched.entries, next: self.position }))
    }
}

impl Fetch {
    /// Reads until there is a record or the durable part ends.
    fn run(self) -> io::Result<Fetched> {
        let Self { storage, mut place, until, from, max_bytes, .. } = self;
        let file = match &place.file {
            Some(file) => Arc::clone(file),
            None => Arc::new(storage.open(&place.segment.path, false)?),
        };
        place.file = Some(Arc::clone(&file));
        let (seed, epoch) = (place.segment.seed, place.segment.header.epoch);
        let (mut entries, mut gaps) = (Vec::new(), Vec::new());
        let (mut expected, mut taken) = (from, 0);
        let mut size = max_bytes.max(HEADER) as u64;
        while entries.is_empty() && place.at < until {
            let want = size.min(until - place.at) as usize;
            let mut bytes = vec![0; want];
            if read_up_to(&*storage, &file, &mut bytes, place.at)? < want {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let bytes = Bytes::from(bytes);
            let last = place.at + want as u64 == until;
            let mut at = 0;
            loop {
                match scan::step(&bytes, at, seed, last) {
                    Step::Record { offset, payload, end } => {
                        if offset >= expected {
                            taken += payload.len();
                            if taken > max_bytes && !entries.is_empty() {
                                break;
                            }
                            if offset > expected {
                                gaps.push((expected, offset));
                            }
                            entries.push(Entry { offset, epoch, payload: bytes.slice(payload) });
                            expected = offset + 1;
                        }
                        at = end;
                    }
                    Step::Spoiled { end, .. } | Step::Rubble { end } => at = end,
                    Step::More(needed) => {
                        size = size.max(needed as u64);
                        break;
                    }
                    Step::End => break,
                }
            }
            place.at += at as u64;
        }
        Ok(Fetched { place, entries, gaps })
    }
}
