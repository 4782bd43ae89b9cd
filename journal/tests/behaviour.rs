//! Tests: what an owner may rely on: answers, bounds, the lock, readers, retention, closing.

mod harness;

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use footfall_journal::{AppendError, Journal, Keep, OpenError, Options, Pending, ReadError, Reader};
use harness::{append, contents, entries, eventually, open, options, segments, wait};

fn filler(length: usize) -> Bytes {
    Bytes::from(vec![b'f'; length])
}

#[test]
fn handles_readers_and_answers_can_go_anywhere() {
    fn anywhere<T: Send + 'static>() {}
    fn shared<T: Send + Sync + Clone + 'static>() {}
    fn sent<T: Send>(value: T) -> T {
        value
    }
    shared::<Journal>();
    anywhere::<Pending>();
    anywhere::<Reader>();
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(options(dir.path()));
    let mut reader = journal.reader(0);
    drop(sent(reader.next(1)));
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
fn a_pause_between_syncs_makes_them_fewer_but_no_append_waits_much_longer() {
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
fn a_reader_follows_the_tail_and_a_cancelled_wait_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(options(dir.path()));
    wait(async {
        let mut reader = journal.reader(0);
        let writer = journal.clone();
        let appending = tokio::spawn(async move {
            for n in 0..500_u32 {
                writer.append(vec![n.to_string().into(); n as usize % 3 + 1]).await.unwrap();
            }
        });
        let (mut expected, mut cancelled) = (0, 0);
        while expected < 999 {
            let Ok(chunk) = tokio::time::timeout(Duration::from_micros(200), reader.next(100)).await else {
                cancelled += 1;
                continue;
            };
            for entry in chunk.unwrap().entries {
                assert_eq!(entry.offset, expected);
                expected += 1;
            }
        }
        appending.await.unwrap();
        assert_eq!(journal.end(), 999);
        assert!(cancelled > 0);
    });
}

#[test]
fn a_reader_of_a_long_backlog_gets_all_of_it_in_chunks_of_the_size_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(options(dir.path()));
    wait(journal.append((0..500).map(|n| filler(n % 300)).collect())).unwrap();
    append(&journal, filler(5000)).unwrap();
    append(&journal, "end").unwrap();
    wait(async {
        for max_bytes in [0, 1, 700, 100_000, usize::MAX] {
            let (mut reader, mut next) = (journal.reader(0), 0);
            while next < 502 {
                let chunk = reader.next(max_bytes).await.unwrap();
                let bytes: usize = chunk.entries.iter().map(|entry| entry.payload.len()).sum();
                assert!(bytes <= max_bytes || chunk.entries.len() == 1, "{bytes} of {max_bytes}");
                assert_eq!(chunk.entries[0].offset, next);
                next += chunk.entries.len() as u64;
            }
        }
    });
}

#[test]
fn a_reader_can_begin_anywhere_even_in_the_future() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(options(dir.path()));
    for n in 0..300 {
        append(&journal, n.to_string()).unwrap();
    }
    for from in (0..300).step_by(7) {
        let found = harness::entries_from(&journal, from);
        assert_eq!((found[0].offset, found.len() as u64), (from, 300 - from));
    }
    let mut future = journal.reader(302);
    for n in 300..303 {
        assert!(future.try_next(10).unwrap().is_none());
        append(&journal, n.to_string()).unwrap();
    }
    assert_eq!(future.try_next(10).unwrap().unwrap().entries[0].offset, 302);
}

#[test]
fn closing_writes_what_is_queued_and_lets_readers_finish() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(options(dir.path()));
    let pending: Vec<_> = (0..100).map(|_| journal.append(vec![filler(100)])).collect();
    let mut reader = journal.reader(0);
    let other = journal.clone();
    journal.close();
    for (n, answer) in pending.into_iter().enumerate() {
        assert_eq!(wait(answer).unwrap().first, n as u64);
    }
    assert!(matches!(append(&other, "late"), Err(AppendError::Closed)));
    wait(async {
        let mut read = 0;
        let end = loop {
            match reader.next(1000).await {
                Ok(chunk) => read += chunk.entries.len(),
                Err(error) => break error,
            }
        };
        assert!(matches!(end, ReadError::Closed) && read == 100);
    });
}

#[test]
fn dropping_the_last_handle_wakes_waiting_readers_and_frees_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(options(dir.path()));
    let mut reader = journal.reader(0);
    wait(async {
        let waiting = tokio::spawn(async move { reader.next(10).await.map(|_| ()) });
        tokio::task::yield_now().await;
        drop(journal);
        assert!(matches!(waiting.await.unwrap(), Err(ReadError::Closed)));
    });
    open(Options { lock_wait: Duration::ZERO, ..options(dir.path()) });
}

#[test]
fn released_segments_go_when_enough_newer_ones_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let keep = Keep { age: Duration::from_hours(1), bytes: 40_000 };
    let (journal, _) = open(Options { keep, ..options(dir.path()) });
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
    let (journal, recovery) = open(Options { keep, ..options(dir.path()) });
    assert_eq!((journal.start(), journal.end(), recovery.missing), (start, 200, 0));
}

#[test]
fn released_segments_go_when_they_are_old_enough() {
    let dir = tempfile::tempdir().unwrap();
    let keep = Keep { age: Duration::from_millis(100), bytes: u64::MAX };
    let (journal, _) = open(Options { keep, ..options(dir.path()) });
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
        std::thread::sleep(Duration::from_millis(1));
    }
    for (at, offset) in &written {
        let sought = journal.seek_time(*at);
        assert!(sought <= *offset && offset - sought < 20, "{sought} for {offset}");
    }
    assert_eq!(journal.seek_time(SystemTime::UNIX_EPOCH), 0);
}

#[test]
fn a_journal_works_without_any_runtime() {
    use std::task::{Context, Poll, Waker};
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(options(dir.path()));
    for _ in 0..3 {
        drop(journal.append(vec![filler(9000)]));
    }
    let mut reader = journal.reader(0);
    let mut next = std::pin::pin!(async {
        for _ in 0..3 {
            reader.next(100).await.unwrap();
        }
    });
    let mut context = Context::from_waker(Waker::noop());
    eventually("all is read", || next.as_mut().poll(&mut context) == Poll::Ready(()));
}
