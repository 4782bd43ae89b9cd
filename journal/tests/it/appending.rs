//! Tests: what an appender may rely on: answers, offsets, shared syncs, bounds.

use std::time::{Duration, Instant};

use crate::harness::{append, contents, entries, open, options, wait};
use bytes::Bytes;
use footfall_journal::{AppendError, Options};

fn filler(length: usize) -> Bytes {
    Bytes::from(vec![b'f'; length])
}

#[test]
fn an_append_gets_contiguous_offsets_and_is_read_back_with_its_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, recovery) = open(options(dir.path()));
    assert_eq!((recovery.segments, recovery.records, journal.start(), journal.end()), (0, 0, 0, 0));
    let first = wait(journal.append(vec!["a".into(), Bytes::new(), "c".into()])).unwrap();
    assert_eq!((first.epoch, first.first, first.count), (journal.epoch(), 0, 3));
    assert_eq!(append(&journal, "d").unwrap().first, 3);
    let barrier = wait(journal.append(vec![])).unwrap();
    assert_eq!((barrier.first, barrier.count), (4, 0));
    let found: Vec<_> =
        contents(&journal).into_iter().map(|(offset, payload)| (offset, payload.to_vec())).collect();
    assert_eq!(found, [(0, b"a".to_vec()), (1, vec![]), (2, b"c".to_vec()), (3, b"d".to_vec())]);
    assert!(entries(&journal).iter().all(|entry| entry.epoch == journal.epoch()));
    assert_eq!(journal.stats().appended, 4);
}

#[test]
fn concurrent_appenders_share_syncs() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(Options { segment_bytes: 4 << 20, ..options(dir.path()) });
    wait(async {
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let journal = journal.clone();
                tokio::spawn(async move {
                    for _ in 0..50 {
                        journal.append(vec![filler(200)]).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let stats = journal.stats();
    assert_eq!(stats.appended, 3200);
    assert!(stats.syncs * 8 < stats.appended, "{} syncs", stats.syncs);
}

#[test]
fn no_two_syncs_are_closer_than_the_pause_between_them() {
    let dir = tempfile::tempdir().unwrap();
    let pause = Duration::from_millis(5);
    let (journal, _) = open(Options { sync_pause: pause, ..options(dir.path()) });
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(300) {
        append(&journal, "x").unwrap();
    }
    let (syncs, elapsed) = (journal.stats().syncs as u32, began.elapsed());
    assert!(pause * (syncs - 1) <= elapsed, "{syncs} syncs in {elapsed:?}");
}

#[test]
fn segments_that_fill_faster_than_the_next_can_be_prepared_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(options(dir.path()));
    let mut expected = Vec::new();
    for n in 0..600_u64 {
        let payloads: Vec<Bytes> =
            (0..2).map(|part| format!("{n} {part} ").repeat(150 + n as usize % 300).into()).collect();
        expected.extend((n * 2..).zip(payloads.clone()));
        wait(journal.append(payloads)).unwrap();
    }
    assert!(journal.stats().segments > 200);
    assert_eq!(contents(&journal), expected);
}

#[test]
fn an_append_larger_than_a_segment_gets_one_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(options(dir.path()));
    append(&journal, "small").unwrap();
    append(&journal, filler(200_000)).unwrap();
    append(&journal, "small").unwrap();
    drop(journal);
    let (journal, recovery) = open(options(dir.path()));
    assert_eq!((recovery.records, recovery.missing), (3, 0));
    let lengths: Vec<usize> = contents(&journal).iter().map(|(_, payload)| payload.len()).collect();
    assert_eq!(lengths, [5, 200_000, 5]);
}

#[test]
fn what_can_never_fit_is_refused_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(Options { max_record_bytes: 1000, max_bytes: 3000, ..options(dir.path()) });
    let record = append(&journal, filler(1001)).unwrap_err();
    assert!(matches!(record, AppendError::TooLarge { bytes: 1001, limit: 1000 }) && !record.is_transient());
    let together = wait(journal.append(vec![filler(1000); 4])).unwrap_err();
    assert!(matches!(together, AppendError::TooLarge { bytes: 4096, limit: 3000 }));
    append(&journal, filler(1000)).unwrap();
}

#[test]
fn a_full_journal_says_so_and_takes_more_after_a_release() {
    let dir = tempfile::tempdir().unwrap();
    let limit = 100_000;
    let (journal, _) = open(Options { max_bytes: limit, max_record_bytes: 2000, ..options(dir.path()) });
    for round in 0..5 {
        let error = loop {
            if let Err(error) = append(&journal, filler(1000)) {
                break error;
            }
        };
        let AppendError::Full { held, limit: told } = error else { panic!("{error}") };
        assert!(
            error.is_transient() && told == limit && held <= limit && held + 1024 > limit,
            "{round}: {held}"
        );
        // Releasing a half makes room at once, as precisely as the index is.
        journal.release(u64::midpoint(journal.released(), journal.end()));
        append(&journal, filler(1000)).unwrap();
        journal.release(journal.end());
        assert_eq!(journal.stats().unreleased_bytes, 0);
    }
}

#[test]
fn queued_appends_count_before_they_are_written_and_what_was_taken_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(Options { max_bytes: 50 * 1024, max_record_bytes: 2000, ..options(dir.path()) });
    let pending: Vec<_> = (0..200).map(|_| journal.append(vec![filler(1000)])).collect();
    let answers: Vec<_> = pending.into_iter().map(wait).collect();
    let taken = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!((taken, journal.end()), (50, 50));
    assert!(answers[50..].iter().all(|answer| matches!(answer, Err(AppendError::Full { .. }))));
}
