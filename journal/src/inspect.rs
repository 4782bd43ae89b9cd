//! Reads a journal's folder without its lock, while another process may be writing there. Changes nothing. It finds everything that
//! was acknowledged when it began, perhaps some records that never will be, and none of a segment that is removed meanwhile.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use bytes::Bytes;

use crate::reader::Entry;
use crate::record::Seed;
use crate::recovery;
use crate::scan::{Step, step};
use crate::segment::{self, DATA, Header, Unreadable};

/// Tells `see` of every sound record in the folder, in order of their offsets, one segment in memory at a time. Blocks.
///
/// # Errors
/// What the file system says; `InvalidData` for a segment of a format that this version does not know.
pub fn inspect(dir: &Path, mut see: impl FnMut(Entry)) -> io::Result<()> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if segment::parse_name(name).is_none() {
            continue;
        }
        let Some((header, _)) = still_there(read(&path, name, DATA))? else { continue };
        segments.push((header, path));
    }
    segments.sort_by_key(|(header, _)| header.first);
    let limits = recovery::limits(segments.iter().map(|(header, _)| header));
    let mut next = 0;
    for ((_, path), limit) in segments.into_iter().zip(limits) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some((header, bytes)) = still_there(read(&path, name, u64::MAX))? else { continue };
        let (seed, bytes) = (Seed::of(header.epoch), bytes.slice(bytes.len().min(DATA as usize)..));
        let mut at = 0;
        loop {
            match step(&bytes, at, seed, true) {
                Step::Record { offset, payload, end } => {
                    if (next..limit).contains(&offset) {
                        see(Entry { offset, epoch: header.epoch, payload: bytes.slice(payload) });
                        next = offset + 1;
                    }
                    at = end;
                }
                Step::Corrupt { end, .. } | Step::NoRecord { end } => at = end,
                Step::More(_) | Step::End => break,
            }
        }
    }
    Ok(())
}

/// A segment's header and its first bytes.
fn read(path: &Path, name: &str, bytes: u64) -> io::Result<(Header, Bytes)> {
    let file = File::open(path)?;
    let modified = file.metadata()?.modified()?;
    let mut read = Vec::new();
    file.take(bytes).read_to_end(&mut read)?;
    let header = match Header::decode(&read) {
        Ok(header) => header,
        Err(Unreadable::Damaged) => {
            Header::from_name(name, modified).expect("only names that parse are looked at")
        }
        Err(Unreadable::Format(format)) => {
            let sentence = format!("{} has format {format}, which is of a later version", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, sentence));
        }
    };
    Ok((header, read.into()))
}

/// A segment that was trimmed meanwhile is none.
fn still_there<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

#[cfg(test)]
mod an_inspection {
    use super::*;
    use crate::{Journal, Options, Retention};

    fn seen(dir: &Path) -> Vec<(u64, Bytes)> {
        let mut seen = Vec::new();
        inspect(dir, |entry| seen.push((entry.offset, entry.payload))).expect("looked at");
        seen
    }

    #[tokio::test]
    async fn sees_what_an_open_journal_holds_and_leaves_it_alone() {
        let dir = tempfile::tempdir().expect("temp dir");
        let retention = Retention { age: std::time::Duration::ZERO, bytes: 0 };
        let options = Options { segment_bytes: 64 << 10, retention, ..Options::new(dir.path().to_owned()) };
        let (journal, _) = Journal::open(options.clone()).expect("opened");
        let payload = |number: u64| Bytes::from(format!("{number}{}", "x".repeat(2_000)));
        for number in 0..100 {
            journal.append(vec![payload(number)]).await.expect("appended");
        }
        let all: Vec<_> = (0..100).map(|number| (number, payload(number))).collect();
        assert_eq!(seen(dir.path()), all);
        journal.append(vec![payload(100)]).await.expect("nobody holds it up");
        journal.close();
        drop(journal);
        let (journal, recovery) = Journal::open(options).expect("opened again");
        assert_eq!((recovery.records, seen(dir.path()).len()), (101, 101));
        journal.close();
    }

    #[test]
    fn passes_over_damage_and_strangers() {
        let dir = tempfile::tempdir().expect("temp dir");
        fs::write(dir.path().join("notes.txt"), "nothing of ours").expect("written");
        let name = format!("{:020}-{}.segment", 7, "ab".repeat(16));
        fs::write(dir.path().join(name), vec![0x5a; 20_000]).expect("written");
        assert_eq!(seen(dir.path()), []);
    }
}
