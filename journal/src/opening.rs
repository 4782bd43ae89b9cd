//! Opens a journal: takes the lock, reads what is there, makes it durable once more, begins a new segment. Decides nothing
//! about damage itself (that is `recovery`) and changes no file before it holds the lock.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::allocation::{self, BARE, UNFINISHED};
use crate::contents::Survey;
use crate::epoch::Epoch;
use crate::error::OpenError;
use crate::folder;
use crate::options::Options;
use crate::record::Seed;
use crate::recovery::{self, Outcome, Recovery};
use crate::retention::{self, WATERMARK};
use crate::segment::{self, DATA, FORMAT, Header, Unreadable};
use crate::segments::{Extent, Extents, Segment};
use crate::shared::Tail;
use crate::storage::{Storage, read_up_to, write_all};
use crate::writer::{self, Writer};

/// Bytes read at a time; grows when a record is larger.
const WINDOW: usize = 1 << 20;

/// An open journal that nobody works for yet.
pub(crate) struct Opened {
    pub(crate) tail: Arc<Tail>,
    pub(crate) writer: Writer,
    pub(crate) recovery: Recovery,
    /// Held as long as this file is open.
    pub(crate) lock: File,
}

/// A segment file and what it holds.
struct Found {
    header: Header,
    path: PathBuf,
    survey: Survey,
    /// The header was damaged and is made up from the name.
    headless: bool,
}

pub(crate) fn open(options: Options, storage: Arc<dyn Storage>) -> Result<Opened, OpenError> {
    options.check()?;
    let clock = Instant::now();
    let dir = options.dir.clone();
    folder::create(&*storage, &dir).map_err(|error| OpenError::at(&dir, error))?;
    let lock = folder::lock(&dir, options.lock_wait)?;
    let found = survey_all(&*storage, &dir)?;
    let Outcome { mut recovery, holes, end, next } =
        recovery::stitch(found.iter().map(|found| (&found.header, &found.survey)));
    recovery.segments = found.len() as u64;
    recovery.damaged_headers = found.iter().filter(|found| found.headless).count() as u64;
    let newest = found.last().map(|newest| (newest.path.clone(), newest.survey.length));
    if let Some((path, length)) = &newest {
        reassert(&*storage, path, *length).map_err(|error| OpenError::at(path, error))?;
    }
    let released = watermark(&*storage, &dir);
    let next = next.max(released);
    let epoch = Epoch::random().map_err(|error| OpenError::at(&dir, io::Error::other(error)))?;
    let (mut extents, mut blanks) = (Extents::default(), Vec::new());
    for Found { header, path, survey, .. } in found {
        if survey.is_blank() {
            blanks.push(path);
            continue;
        }
        let segment = Segment::new(header, path);
        extents.push(Extent { segment, end: survey.end, length: survey.length, index: survey.index });
    }
    let tail = Arc::new(Tail::new(options, epoch, storage, (extents, holes), (end, released)));
    let begun = begin(&tail, next, end);
    if begun.is_some() {
        // Only now that a segment exists whose header tells where to go on may the traces go that told it before.
        if let Some((path, length)) = newest.filter(|(path, _)| !blanks.contains(path)) {
            cut(&*tail.storage, &path, length);
        }
        for path in blanks {
            allocation::discard(&*tail.storage, &path);
        }
    }
    recovery.took = clock.elapsed();
    report(&dir, &recovery);
    Ok(Opened { writer: Writer::new(Arc::clone(&tail), next, begun), tail, recovery, lock })
}

/// The opening's first segment. On a full disk there is none until space is back: the journal opens all the same, so that
/// its owner can read and release.
fn begin(tail: &Tail, next: u64, end: u64) -> Option<(File, Arc<Segment>)> {
    let header = Header { epoch: tail.epoch, first: next, predecessor_end: end, created: SystemTime::now() };
    let zeroed = tail.options.first_segment_bytes();
    let begun =
        writer::begin(tail, &header, None, zeroed).or_else(|_| writer::begin(tail, &header, None, BARE));
    match begun {
        Ok((file, segment)) => {
            tail.extend(Arc::clone(&segment));
            Some((file, segment))
        }
        Err(error) => {
            tail.counters.segment_failed();
            tracing::warn!(%error, "the journal can be read but not written yet");
            None
        }
    }
}

/// The segments in `dir` with what they hold, in order of their first offsets. Removes files that never became segments.
fn survey_all(storage: &dyn Storage, dir: &Path) -> Result<Vec<Found>, OpenError> {
    let mut headers = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|error| OpenError::at(dir, error))? {
        let path = entry.map_err(|error| OpenError::at(dir, error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.extension().is_some_and(|extension| extension == UNFINISHED) {
            allocation::discard(storage, &path);
        } else if segment::parse_name(name).is_some() {
            let (header, headless) = header(storage, name, &path)?;
            headers.push((header, path, headless));
        }
    }
    headers.sort_by_key(|(header, ..)| header.first);
    let limits = recovery::limits(headers.iter().map(|(header, ..)| header));
    let mut found = Vec::with_capacity(headers.len());
    for ((header, path, headless), limit) in headers.into_iter().zip(limits) {
        let survey = survey(storage, &header, &path, limit).map_err(|error| OpenError::at(&path, error))?;
        found.push(Found { header, path, survey, headless });
    }
    // A segment that was left blank can have a successor with the same first offset.
    found.sort_by_key(|found| (found.header.first, !found.survey.is_blank()));
    Ok(found)
}

/// A segment's header, and whether it had to be made up from the name.
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
            tracing::error!(path = %path.display(), "a segment's header is damaged; its name stands in");
            Ok((Header::from_name(name, modified).expect("only names that tell are looked at"), true))
        }
    }
}

fn survey(storage: &dyn Storage, header: &Header, path: &Path, limit: u64) -> io::Result<Survey> {
    let file = storage.open(path, false)?;
    let length = file.metadata()?.len();
    let seed = Seed::of(header.epoch);
    let mut survey = Survey::new(header.first, limit);
    let (mut window, mut filled, mut base) = (vec![0; WINDOW], 0, DATA);
    loop {
        filled += read_up_to(storage, &file, &mut window[filled..], base + filled as u64)?;
        let last = base + filled as u64 >= length || filled < window.len();
        let (done, want) = survey.feed(&window[..filled], base, seed, last);
        if last {
            return Ok(survey);
        }
        window.copy_within(done..filled, 0);
        (base, filled) = (base + done as u64, filled - done);
        // A sound header asks for no more than the file can hold, or the rest of the file will show that it lies.
        let left = usize::try_from(length - base).unwrap_or(usize::MAX);
        window.resize(want.min(left).max(WINDOW), 0);
    }
}

/// Writes the records of the newest segment where they already are, and syncs. What a killed writer had not synced is only in
/// the page cache; and where its sync had failed, the cache can hold as clean what the disk never got, so that a sync without
/// a write would prove nothing. Older segments were synced before their successors were made.
fn reassert(storage: &dyn Storage, path: &Path, length: u64) -> io::Result<()> {
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
fn cut(storage: &dyn Storage, path: &Path, length: u64) {
    let cut = storage.open(path, true).and_then(|file| storage.truncate(&file, length));
    if let Err(error) = cut {
        tracing::warn!(path = %path.display(), %error, "a torn tail was left in place");
    }
}

/// The remembered release watermark. A missing or damaged one costs nothing but that old records count as unreleased until
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
