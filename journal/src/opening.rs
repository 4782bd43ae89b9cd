//! Opens a journal: takes the lock, reads what is there, writes and syncs the newest segment again, begins a new one. What
//! counts as damage is decided in `recovery`. Changes no file before it holds the lock.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::allocation::{self, HEADER_ONLY, UNFINISHED};
use crate::contents::Contents;
use crate::epoch::Epoch;
use crate::error::OpenError;
use crate::folder;
use crate::options::Options;
use crate::record::Seed;
use crate::recovery::{self, Outcome, Recovery};
use crate::retention::{self, WATERMARK};
use crate::segment::{self, DATA, FORMAT, Header, Unreadable};
use crate::segments::{Segment, SegmentFile, Segments};
use crate::shared::Shared;
use crate::storage::{Storage, read_up_to, write_all};
use crate::writer::{self, Writer};

/// Bytes read at a time; grows when a record is larger.
const WINDOW: usize = 1 << 20;

/// An open journal whose threads do not run yet.
pub(crate) struct Opened {
    pub(crate) shared: Arc<Shared>,
    pub(crate) writer: Writer,
    pub(crate) recovery: Recovery,
    /// Held as long as this file is open.
    pub(crate) lock: File,
}

/// A segment file and what it holds.
struct Found {
    header: Header,
    path: PathBuf,
    contents: Contents,
    /// Neither copy of the header was sound; it was made from the file's name.
    header_from_name: bool,
}

pub(crate) fn open(options: Options, storage: Arc<dyn Storage>) -> Result<Opened, OpenError> {
    options.check()?;
    let clock = Instant::now();
    let dir = options.dir.clone();
    folder::create(&*storage, &dir).map_err(|error| OpenError::at(&dir, error))?;
    let lock = folder::lock(&dir, options.lock_wait)?;
    let found = read_all(&*storage, &dir)?;
    let Outcome { mut recovery, holes, end, next } =
        recovery::combine(found.iter().map(|found| (&found.header, &found.contents)));
    recovery.segments = found.len() as u64;
    recovery.damaged_headers = found.iter().filter(|found| found.header_from_name).count() as u64;
    let newest = found.last().map(|newest| (newest.path.clone(), newest.contents.length));
    if let Some((path, length)) = &newest {
        rewrite_and_sync(&*storage, path, *length).map_err(|error| OpenError::at(path, error))?;
    }
    let released = watermark(&*storage, &dir);
    let next = next.max(released);
    let epoch = Epoch::random().map_err(|error| OpenError::at(&dir, io::Error::other(error)))?;
    let (mut segments, mut empty) = (Segments::default(), Vec::new());
    for Found { header, path, contents, .. } in found {
        if contents.is_empty() {
            empty.push(path);
            continue;
        }
        let Contents { end, length, index, .. } = contents;
        segments.push(Segment { file: SegmentFile::new(header, path), end, length, index });
    }
    let shared = Arc::new(Shared::new(options, epoch, storage, (segments, holes), (end, released)));
    let begun = begin(&shared, next, end);
    if begun.is_some() {
        // What told where to go on may be removed only now: the new segment's header tells it too.
        if let Some((path, length)) = newest.filter(|(path, _)| !empty.contains(path)) {
            cut_torn_tail(&*shared.storage, &path, length);
        }
        for path in empty {
            allocation::discard(&*shared.storage, &path);
        }
    }
    recovery.took = clock.elapsed();
    report(&dir, &recovery);
    Ok(Opened { writer: Writer::new(Arc::clone(&shared), next, begun), shared, recovery, lock })
}

/// The opening's first segment. On a full disk there is none until space is back: the journal opens all the same, so that
/// its owner can read and release.
fn begin(shared: &Shared, next: u64, end: u64) -> Option<(File, Arc<SegmentFile>)> {
    let header =
        Header { epoch: shared.epoch, first: next, predecessor_end: end, created: SystemTime::now() };
    let size = shared.options.first_segment_bytes();
    let begun = writer::create_segment(shared, &header, None, size)
        .or_else(|_| writer::create_segment(shared, &header, None, HEADER_ONLY));
    match begun {
        Ok((file, segment)) => {
            shared.extend(Arc::clone(&segment));
            Some((file, segment))
        }
        Err(error) => {
            shared.counters.segment_failed();
            tracing::warn!(%error, "the journal can be read but not written yet");
            None
        }
    }
}

/// The segments in `dir` with what they hold, in order of their first offsets. Removes files that never became segments.
fn read_all(storage: &dyn Storage, dir: &Path) -> Result<Vec<Found>, OpenError> {
    let mut headers = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|error| OpenError::at(dir, error))? {
        let path = entry.map_err(|error| OpenError::at(dir, error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.extension().is_some_and(|extension| extension == UNFINISHED) {
            allocation::discard(storage, &path);
        } else if segment::parse_name(name).is_some() {
            let (header, header_from_name) = header(storage, name, &path)?;
            headers.push((header, path, header_from_name));
        }
    }
    headers.sort_by_key(|(header, ..)| header.first);
    let limits = recovery::limits(headers.iter().map(|(header, ..)| header));
    let mut found = Vec::with_capacity(headers.len());
    for ((header, path, header_from_name), limit) in headers.into_iter().zip(limits) {
        let contents = read(storage, &header, &path, limit).map_err(|error| OpenError::at(&path, error))?;
        found.push(Found { header, path, contents, header_from_name });
    }
    // A segment that was left empty can have a successor with the same first offset.
    found.sort_by_key(|found| (found.header.first, !found.contents.is_empty()));
    Ok(found)
}

/// A segment's header, and whether it had to be made from the file's name.
fn header(storage: &dyn Storage, name: &str, path: &Path) -> Result<(Header, bool), OpenError> {
    let mut bytes = vec![0; DATA as usize];
    let file = storage.open(path, false).map_err(|error| OpenError::at(path, error))?;
    read_up_to(storage, &file, &mut bytes, 0).map_err(|error| OpenError::at(path, error))?;
    match Header::decode(&bytes) {
        Ok(header) => Ok((header, false)),
        Err(Unreadable::Format(found)) => {
            Err(OpenError::Format { path: path.to_owned(), found, known: FORMAT })
        }
        Err(Unreadable::Damaged) => {
            let modified = file
                .metadata()
                .and_then(|metadata| metadata.modified())
                .map_err(|error| OpenError::at(path, error))?;
            tracing::error!(path = %path.display(), "a segment's header is damaged; its name is used instead");
            Ok((Header::from_name(name, modified).expect("only names that parse are looked at"), true))
        }
    }
}

fn read(storage: &dyn Storage, header: &Header, path: &Path, limit: u64) -> io::Result<Contents> {
    let file = storage.open(path, false)?;
    let length = file.metadata()?.len();
    let seed = Seed::of(header.epoch);
    let mut contents = Contents::new(header.first, limit);
    let (mut window, mut filled, mut base) = (vec![0; WINDOW], 0, DATA);
    loop {
        filled += read_up_to(storage, &file, &mut window[filled..], base + filled as u64)?;
        let last = base + filled as u64 >= length || filled < window.len();
        let (done, want) = contents.feed(&window[..filled], base, seed, last);
        if last {
            return Ok(contents);
        }
        window.copy_within(done..filled, 0);
        (base, filled) = (base + done as u64, filled - done);
        // A sound header asks for no more than the file can hold, or the rest of the file will show that it lies.
        let left = usize::try_from(length - base).unwrap_or(usize::MAX);
        window.resize(want.min(left).max(WINDOW), 0);
    }
}

/// Writes the records of the newest segment where they already are, and syncs. What a killed writer had not synced is only in
/// the page cache; and after a sync that failed the cache can hold as clean what the disk never got: a sync without a write
/// would bring nothing to disk. Older segments were synced before their successors were made.
fn rewrite_and_sync(storage: &dyn Storage, path: &Path, length: u64) -> io::Result<()> {
    let file = storage.open(path, true)?;
    let mut window = vec![0; WINDOW];
    let mut position = DATA;
    while position < length {
        let size = WINDOW.min((length - position) as usize);
        if read_up_to(storage, &file, &mut window[..size], position)? < size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        write_all(storage, &file, &window[..size], position)?;
        position += size as u64;
    }
    storage.sync(&file)
}

/// Cuts what follows the last readable record. The successor's header voids it already, so a failure costs space only.
fn cut_torn_tail(storage: &dyn Storage, path: &Path, length: u64) {
    let cut = storage.open(path, true).and_then(|file| storage.truncate(&file, length));
    if let Err(error) = cut {
        tracing::warn!(path = %path.display(), %error, "a torn tail was left in place");
    }
}

/// The saved release watermark. A missing or damaged one costs nothing but that old records count as unreleased until
/// the owner's next release.
fn watermark(storage: &dyn Storage, dir: &Path) -> u64 {
    let mut bytes = [0; 32];
    let read =
        storage.open(&dir.join(WATERMARK), false).and_then(|file| read_up_to(storage, &file, &mut bytes, 0));
    read.ok().and_then(|length| retention::decode(&bytes[..length])).unwrap_or(0)
}

fn report(dir: &Path, recovery: &Recovery) {
    let Recovery { segments, records, bytes, holes, missing, abandoned, torn_bytes, .. } = *recovery;
    let took = recovery.took.as_millis();
    if missing > 0 || recovery.damaged_headers > 0 {
        tracing::error!(dir = %dir.display(), holes, missing, recovery.damaged_headers, "the journal was damaged");
    }
    tracing::info!(dir = %dir.display(), segments, records, bytes, abandoned, torn_bytes, took_ms = took, "journal open");
}
