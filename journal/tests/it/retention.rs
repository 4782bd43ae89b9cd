//! Tests: what an owner may rely on between openings and after a release: the lock, epochs, the watermark, retention.

use std::time::{Duration, SystemTime};

use crate::harness::{append, contents, entries, eventually, open, options, segments};
use bytes::Bytes;
use footfall_journal::{AppendError, Journal, OpenError, Options, ReadError, Retention};

fn filler(length: usize) -> Bytes {
    Bytes::from(vec![b'f'; length])
}

#[test]
fn every_opening_has_an_epoch_of_its_own_and_older_records_keep_theirs() {
    let dir = tempfile::tempdir().unwrap();
    let mut epochs = Vec::new();
    for opening in 0..5 {
        let (journal, recovery) = open(options(dir.path()));
        assert_eq!((recovery.records, recovery.missing, recovery.torn_bytes), (opening, 0, 0));
        assert_eq!(append(&journal, "x").unwrap().first, opening);
        epochs.push(journal.epoch());
        let found: Vec<_> = entries(&journal).into_iter().map(|entry| entry.epoch).collect();
        assert_eq!(found, epochs);
    }
    epochs.sort();
    epochs.dedup();
    assert_eq!(epochs.len(), 5);
}

#[test]
fn openings_that_append_nothing_leave_no_files_behind() {
    let dir = tempfile::tempdir().unwrap();
    append(&open(options(dir.path())).0, "x").unwrap();
    for _ in 0..5 {
        drop(open(options(dir.path())));
    }
    assert_eq!(segments(dir.path()).len(), 2, "one with the record, one of the last opening");
}

#[test]
fn the_bound_and_the_watermark_survive_an_opening() {
    let dir = tempfile::tempdir().unwrap();
    let small = || Options { max_bytes: 20 * 1024, max_record_bytes: 2000, ..options(dir.path()) };
    let (journal, _) = open(small());
    for _ in 0..20 {
        append(&journal, filler(1000)).unwrap();
    }
    journal.release(10);
    drop(journal);
    let (journal, _) = open(small());
    assert_eq!(journal.released(), 10);
    assert!(journal.stats().unreleased_bytes >= 10 * 1024);
    std::fs::write(dir.path().join("released"), "damaged").unwrap();
    drop(journal);
    let (journal, _) = open(small());
    assert_eq!((journal.released(), journal.stats().unreleased_bytes), (0, 20 * 1024));
    assert!(matches!(append(&journal, "x"), Err(AppendError::Full { .. })));
    journal.release(20);
    append(&journal, "x").unwrap();
}

#[test]
fn only_one_holder_at_a_time_and_the_next_waits_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(options(dir.path()));
    append(&journal, "mine").unwrap();
    let error =
        Journal::open(Options { lock_wait: Duration::from_millis(60), ..options(dir.path()) }).err().unwrap();
    assert!(matches!(error, OpenError::Locked { .. }) && error.is_transient(), "{error}");
    let waiting = std::thread::spawn({
        let options = options(dir.path());
        move || open(options).1.records
    });
    assert!(!waiting.is_finished());
    journal.close();
    assert_eq!(waiting.join().unwrap(), 1);
}

#[test]
fn released_segments_go_when_enough_newer_ones_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { age: Duration::from_hours(1), bytes: 40_000 };
    let (journal, _) = open(Options { retention, ..options(dir.path()) });
    let mut reader = journal.reader(0);
    for _ in 0..200 {
        append(&journal, filler(1000)).unwrap();
    }
    let before = segments(dir.path()).len();
    assert_eq!(journal.start(), 0);
    journal.release(100);
    eventually("segments go", || journal.start() > 40);
    assert!((41..=61).contains(&journal.start()), "{}: 40 kB before the watermark stay", journal.start());
    eventually("their files go", || segments(dir.path()).len() < before - 4);
    let start = journal.start();
    assert!(matches!(reader.try_next(10), Err(ReadError::Trimmed { start: told }) if told == start));
    assert_eq!((reader.position(), contents(&journal)[0].0), (0, start));
    drop(journal);
    let (journal, recovery) = open(Options { retention, ..options(dir.path()) });
    assert_eq!((journal.start(), journal.end(), recovery.missing), (start, 200, 0));
}

#[test]
fn released_segments_go_when_they_are_old_enough() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { age: Duration::from_millis(100), bytes: u64::MAX };
    let (journal, _) = open(Options { retention, ..options(dir.path()) });
    for _ in 0..50 {
        append(&journal, filler(1000)).unwrap();
    }
    journal.release(50);
    eventually("all but the newest segment go", || journal.stats().segments == 1);
    assert!(journal.start() > 30 && journal.end() == 50);
    append(&journal, "goes on").unwrap();
}

#[test]
fn a_time_is_found_to_the_segment() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(options(dir.path()));
    let mut written = Vec::new();
    for _ in 0..60 {
        let before = SystemTime::now();
        let appended = append(&journal, filler(1000)).unwrap();
        written.push((before, appended.first));
    }
    for (at, offset) in &written {
        let sought = journal.seek_time(*at);
        assert!(sought <= *offset && offset - sought < 20, "{sought} for {offset}");
    }
    assert_eq!(journal.seek_time(SystemTime::UNIX_EPOCH), 0);
}
