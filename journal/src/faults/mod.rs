//! Tests of a journal on a disk that fails on request: failed syncs and writes, a full disk, short reads and writes, power loss.

mod disk;
mod failure;
mod power;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub(crate) use disk::FaultyDisk;

use crate::error::AppendError;
use crate::journal::Journal;
use crate::options::{Options, Retention};
use crate::queue::{Appended, Pending};
use crate::reader::Entry;
use crate::recovery::Recovery;

/// Small segments, so that a few records fill one.
fn options(dir: &Path) -> Options {
    Options {
        segment_bytes: 16 << 10,
        max_bytes: 16 << 20,
        retention: Retention { age: Duration::from_hours(1), bytes: 1 << 30 },
        max_record_bytes: 64 << 10,
        ..Options::new(dir)
    }
}

fn open(dir: &Path, disk: &Arc<FaultyDisk>) -> (Journal, Recovery) {
    Journal::open_on(options(dir), Arc::<FaultyDisk>::clone(disk)).unwrap()
}

fn wait(pending: Pending) -> Result<Appended, AppendError> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(pending)
}

fn append(journal: &Journal, payload: &str) -> Result<Appended, AppendError> {
    wait(journal.append(vec![Bytes::copy_from_slice(payload.as_bytes())]))
}

/// Everything that can be read from the start on.
fn entries(journal: &Journal) -> Vec<Entry> {
    let mut reader = journal.reader(journal.start());
    let mut entries = Vec::new();
    while let Some(chunk) = reader.try_next(300).unwrap() {
        entries.extend(chunk.entries);
    }
    entries
}

/// Offsets and payloads of everything that can be read.
fn contents(journal: &Journal) -> Vec<(u64, String)> {
    let text = |entry: Entry| (entry.offset, String::from_utf8(entry.payload.to_vec()).unwrap());
    entries(journal).into_iter().map(text).collect()
}
