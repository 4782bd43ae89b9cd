//! What the journal's tests share: small journals, reading all there is, waiting without a runtime, polling with a deadline.

use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use footfall_journal::{AppendError, Appended, Entry, Journal, Options, Recovery, Retention};

/// Small segments, so that a few records fill one; nothing is trimmed.
pub(crate) fn options(dir: &Path) -> Options {
    Options {
        segment_bytes: 16 << 10,
        max_bytes: 64 << 20,
        retention: Retention { age: Duration::from_hours(1), bytes: 1 << 30 },
        max_record_bytes: 256 << 10,
        ..Options::new(dir)
    }
}

pub(crate) fn open(options: Options) -> (Journal, Recovery) {
    Journal::open(options).expect("the journal opens")
}

/// Waits for a future on a runtime of its own.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(future)
}

pub(crate) fn append(journal: &Journal, payload: impl AsRef<[u8]>) -> Result<Appended, AppendError> {
    wait(journal.append(vec![Bytes::copy_from_slice(payload.as_ref())]))
}

/// Everything that can be read from `from` on without waiting.
pub(crate) fn entries_from(journal: &Journal, from: u64) -> Vec<Entry> {
    let mut reader = journal.reader(from);
    let mut entries = Vec::new();
    while let Some(chunk) = reader.try_next(4096).expect("the journal reads") {
        assert_eq!(chunk.next, reader.position());
        assert!(chunk.entries.last().is_some_and(|last| last.offset < chunk.next), "a chunk is never empty");
        entries.extend(chunk.entries);
    }
    assert!(entries.is_sorted_by(|a, b| a.offset < b.offset), "offsets grow");
    entries
}

pub(crate) fn entries(journal: &Journal) -> Vec<Entry> {
    entries_from(journal, journal.start())
}

pub(crate) fn contents(journal: &Journal) -> Vec<(u64, Bytes)> {
    entries(journal).into_iter().map(|entry| (entry.offset, entry.payload)).collect()
}

/// Waits until `met`, ten seconds at most.
pub(crate) fn eventually(what: &str, mut met: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !met() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The journal's segment files in order.
pub(crate) fn segments(dir: &Path) -> Vec<std::path::PathBuf> {
    let files =
        std::fs::read_dir(dir).expect("the folder reads").map(|entry| entry.expect("an entry").path());
    let mut segments: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|name| name == "segment")).collect();
    segments.sort();
    segments
}
