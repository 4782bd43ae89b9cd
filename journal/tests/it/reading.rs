//! Tests: what a reader may rely on: the tail, the backlog, any beginning, closing.

use std::time::Duration;

use crate::harness::{append, eventually, open, options, wait};
use bytes::Bytes;
use footfall_journal::{AppendError, Journal, Options, Pending, ReadError, Reader};

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
            // Polled once, then dropped.
            let Ok(chunk) = tokio::time::timeout(Duration::ZERO, reader.next(100)).await else {
                cancelled += 1;
                tokio::task::yield_now().await;
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
        let found = crate::harness::entries_from(&journal, from);
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
