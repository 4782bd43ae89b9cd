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
use crate::segments::SegmentFile;
use crate::shared::{Progress, Shared};
use crate::storage::{Storage, read_up_to};

/// Reads by offset and follows the tail; never returns what is not on disk.
pub struct Reader {
    shared: Arc<Shared>,
    progress: watch::Receiver<Progress>,
    position: u64,
    cursor: Option<Cursor>,
}

/// In which file, and from which byte on, the record at the reader's position is to be looked for.
#[derive(Clone)]
struct Cursor {
    segment: Arc<SegmentFile>,
    file: Option<Arc<File>>,
    at: u64,
}

/// One read to do.
struct Fetch {
    storage: Arc<dyn Storage>,
    cursor: Cursor,
    /// Durable length of the segment.
    until: u64,
    /// Records below this offset are passed over.
    from: u64,
    max_bytes: usize,
    /// The segment has a successor: it is not written to any more and perhaps not in the page cache.
    cold: bool,
}

/// The result of a read.
struct Fetched {
    cursor: Cursor,
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
    /// Its position in the journal; never given twice within an epoch.
    pub offset: u64,
    /// The opening that wrote it.
    pub epoch: Epoch,
    /// What was appended. It shares its memory with the other entries of the chunk.
    pub payload: Bytes,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>, position: u64) -> Self {
        Self { progress: shared.subscribe(), shared, position, cursor: None }
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
            while let Some(fetch) = self.next_fetch(max_bytes)? {
                let fetched = match Handle::try_current() {
                    Ok(runtime) if fetch.cold => {
                        runtime.spawn_blocking(|| fetch.run()).await.map_err(io::Error::other)?
                    }
                    _ => fetch.run(),
                };
                if let Some(chunk) = self.accept(fetched)? {
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
        while let Some(fetch) = self.next_fetch(max_bytes)? {
            let fetched = fetch.run();
            if let Some(chunk) = self.accept(fetched)? {
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }

    /// The read to do next, or none while nothing more is durable. Moves on to the next segment when one is read.
    fn next_fetch(&mut self, max_bytes: usize) -> Result<Option<Fetch>, ReadError> {
        loop {
            let state = self.shared.lock();
            let (holder, successor) = state.segments.around(self.position);
            let successor: Option<Header> = successor.map(|segment| segment.file.header);
            let Some(segment) = holder else {
                let start = state.start(&self.shared);
                if self.position < start {
                    return Err(ReadError::Trimmed { start });
                }
                let Some(oldest) = successor else { return Ok(None) };
                // Between what was trimmed, or the very beginning, and the oldest segment nothing was ever acknowledged.
                self.position = oldest.first;
                continue;
            };
            let current = self.cursor.as_ref().filter(|cursor| Arc::ptr_eq(&cursor.segment, &segment.file));
            let cursor = current.cloned().unwrap_or_else(|| Cursor {
                segment: Arc::clone(&segment.file),
                file: None,
                at: segment.index.position(self.position),
            });
            if self.position < segment.end && cursor.at < segment.length {
                return Ok(Some(Fetch {
                    storage: Arc::clone(&self.shared.storage),
                    cursor,
                    until: segment.length,
                    from: self.position,
                    max_bytes,
                    cold: successor.is_some(),
                }));
            }
            drop(state);
            let Some(successor) = successor else { return Ok(None) };
            if self.position < successor.predecessor_end {
                self.shared.note_hole(&cursor.segment, self.position, successor.predecessor_end);
            }
            self.position = successor.first;
            self.cursor = None;
        }
    }

    /// Advances by the result of a read; no chunk when it met nothing but damage.
    fn accept(&mut self, fetched: io::Result<Fetched>) -> Result<Option<Chunk>, ReadError> {
        let fetched = match fetched {
            Ok(fetched) => fetched,
            Err(error) => {
                self.cursor = None;
                let start = self.shared.start();
                // The file of a trimmed segment is gone.
                return Err(if self.position < start { ReadError::Trimmed { start } } else { error.into() });
            }
        };
        for (from, to) in fetched.gaps {
            self.shared.note_hole(&fetched.cursor.segment, from, to);
        }
        self.cursor = Some(fetched.cursor);
        let Some(last) = fetched.entries.last() else { return Ok(None) };
        self.position = last.offset + 1;
        Ok(Some(Chunk { entries: fetched.entries, next: self.position }))
    }
}

impl Fetch {
    /// Reads until there is a record or the durable part ends.
    fn run(self) -> io::Result<Fetched> {
        let Self { storage, mut cursor, until, from, max_bytes, .. } = self;
        let file = match &cursor.file {
            Some(file) => Arc::clone(file),
            None => Arc::new(storage.open(&cursor.segment.path, false)?),
        };
        cursor.file = Some(Arc::clone(&file));
        let (seed, epoch) = (cursor.segment.seed, cursor.segment.header.epoch);
        let (mut entries, mut gaps) = (Vec::new(), Vec::new());
        let (mut expected, mut taken) = (from, 0);
        let mut size = max_bytes.max(HEADER) as u64;
        while entries.is_empty() && cursor.at < until {
            let want = size.min(until - cursor.at) as usize;
            let mut bytes = vec![0; want];
            if read_up_to(&*storage, &file, &mut bytes, cursor.at)? < want {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let bytes = Bytes::from(bytes);
            let last = cursor.at + want as u64 == until;
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
                    Step::Corrupt { end, .. } | Step::NoRecord { end } => at = end,
                    Step::More(needed) => {
                        size = size.max(needed as u64);
                        break;
                    }
                    Step::End => break,
                }
            }
            cursor.at += at as u64;
        }
        Ok(Fetched { cursor, entries, gaps })
    }
}
