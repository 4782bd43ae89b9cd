//! The log as its users see it, on a real journal.

use std::time::{Duration, SystemTime};

use super::*;
use bytes::Bytes;
use prost::Message as _;
use tokio::time::timeout;

async fn open(dir: &tempfile::TempDir) -> (Log, Partition) {
    open_bounded(dir, 256 << 20).await
}

async fn try_open(dir: &tempfile::TempDir, max_bytes: u64) -> Result<Log, LogError> {
    let options = embedded::Options {
        dir: dir.path().to_owned(),
        max_bytes,
        segment_bytes: 1 << 20,
        lock_wait: Duration::from_secs(5),
    };
    Log::embedded(options, Metrics::default()).await
}

async fn open_bounded(dir: &tempfile::TempDir, max_bytes: u64) -> (Log, Partition) {
    let log = try_open(dir, max_bytes).await.expect("the log opens");
    let partition = log.partition(0).expect("the only one is owned");
    (log, partition)
}

/// Appends records `first..first + events.len()` of one epoch, each with one event.
async fn append(log: &Log, epoch: u8, first: u64, events: &[u8]) {
    let records = events.iter().map(|event| fixture::record(&[*event])).collect();
    log.appender("edge-1")
        .append(Bytes::copy_from_slice(&[epoch; 16]), first, records)
        .await
        .expect("appended");
}

/// What a cursor gives up to `end`: offset, edge offset, and whether the first event is a repeat.
async fn read_to(cursor: &mut Cursor, end: u64) -> Vec<(u64, u64, bool)> {
    let mut read = Vec::new();
    while cursor.position() < end {
        let batch =
            timeout(Duration::from_secs(10), cursor.next()).await.expect("in time").expect("readable");
        read.extend(
            batch
                .records()
                .iter()
                .map(|record| (record.offset, record.edge_offset, record.events[0].duplicate)),
        );
    }
    read
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_reads_what_was_appended_and_goes_on_where_it_committed() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (log, partition) = open(&dir).await;
    append(&log, 1, 0, &[1, 2]).await;
    append(&log, 1, 0, &[1, 2]).await;
    append(&log, 1, 2, &[2, 3]).await;
    let mut cursor = partition.consumer("clickhouse").await.expect("consumer");
    assert_eq!(read_to(&mut cursor, 6).await, [(0, 0, false), (1, 1, false), (4, 2, true), (5, 3, false)]);
    assert_eq!(partition.lag("clickhouse"), Some(6));
    partition.commit("clickhouse", 5).expect("committed");
    assert_eq!(partition.lag("clickhouse"), Some(1));
    let incarnation = partition.incarnation();
    log.close();

    let (log, partition) = open(&dir).await;
    assert_eq!(partition.incarnation(), incarnation);
    append(&log, 1, 3, &[3, 4]).await;
    let mut cursor = partition.consumer("clickhouse").await.expect("consumer");
    assert_eq!(cursor.position(), 5);
    let reread = read_to(&mut cursor, 8).await;
    assert_eq!(reread, [(5, 3, false), (7, 4, false)], "the resend of edge offset 3 is still known as one");
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_an_earlier_build_is_refused_in_a_sentence() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (log, _) = open(&dir).await;
    let record = footfall_proto::relay::Record::decode(fixture::record(&[1])).expect("valid");
    let record = footfall_proto::relay::Record { traffic_source_version: 0, ..record }.encode_to_vec();
    let epoch = Bytes::from_static(&[1; 16]);
    log.appender("edge-1").append(epoch, 0, vec![Bytes::from(record)]).await.expect("appended");
    append(&log, 1, 1, &[2]).await;
    log.close();
    drop(log);
    let refused = try_open(&dir, 256 << 20).await.err().expect("refused");
    assert!(matches!(refused, LogError::EarlierBuild { partition: 0 }), "{refused}");
    assert!(refused.to_string().contains("start with an empty data folder"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_waits_at_the_end_and_wakes_with_the_next_record() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (log, partition) = open(&dir).await;
    let mut cursor = partition.consumer("clickhouse").await.expect("consumer");
    let waiting = tokio::spawn(async move { cursor.next().await.expect("readable") });
    append(&log, 1, 0, &[1]).await;
    let batch = timeout(Duration::from_secs(10), waiting).await.expect("in time").expect("no panic");
    assert_eq!((batch.start(), batch.next(), batch.records().len()), (0, 1, 1), "nothing was given before");
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_does_not_move_delays_no_other_and_catches_up_on_its_own() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (log, partition) = open(&dir).await;
    let mut slow = partition.consumer("slow").await.expect("consumer");
    let mut quick = partition.consumer("quick").await.expect("consumer");
    // More than the ring holds: records of 1 MiB, each with an event that repeats the one before.
    let padding = "x".repeat(1 << 20);
    for offset in 0..40 {
        let record = footfall_proto::relay::Record::decode(fixture::record(&[7])).expect("valid");
        let visit = footfall_proto::relay::Visit { user_agent: padding.clone(), ..Default::default() };
        let record = footfall_proto::relay::Record { visit: Some(visit), ..record }.encode_to_vec();
        log.appender("edge-1")
            .append(Bytes::from_static(&[1; 16]), offset, vec![Bytes::from(record)])
            .await
            .expect("appended");
    }
    let read = read_to(&mut quick, 40).await;
    assert_eq!(read.len(), 40);
    assert_eq!(read_to(&mut slow, 40).await, read, "it reads the same, the same repeats marked");
    assert!(partition.feed().metrics.left_behind.get() >= 1, "it had been left behind");
    append(&log, 1, 40, &[8]).await;
    assert_eq!(read_to(&mut slow, 41).await, read_to(&mut quick, 41).await);
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_log_refuses_until_a_sink_has_moved_on() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (log, partition) = open_bounded(&dir, 8 << 20).await;
    let mut cursor = partition.consumer("clickhouse").await.expect("consumer");
    let big = || vec![Bytes::from(vec![1; 256 << 10])];
    let mut offset = 0;
    let refused = loop {
        match log.appender("edge-1").append(Bytes::from_static(&[1; 16]), offset, big()).await {
            Ok(()) => offset += 1,
            Err(refused) => break refused,
        }
        assert!(offset < 100, "the bound holds");
    };
    assert!(matches!(refused, Refused::Full(_)), "{refused}");
    assert!(!log.faults().is_empty());
    while cursor.position() < offset {
        let batch =
            timeout(Duration::from_secs(10), cursor.next()).await.expect("in time").expect("readable");
        assert_eq!(batch.poison().count(), (batch.next() - batch.start()) as usize, "these are no records");
    }
    partition.commit("clickhouse", offset).expect("committed");
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while log.appender("edge-1").append(Bytes::from_static(&[1; 16]), offset, big()).await.is_err() {
        assert!(std::time::Instant::now() < deadline, "room is made");
        // The release is made known by the journal's own thread.
        tokio::time::sleep(Duration::from_millis(10)).await;
        partition.commit("clickhouse", offset).expect("committed");
    }
    assert!(log.faults().is_empty());
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_beyond_the_log_is_an_error_and_not_a_fresh_start() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (log, partition) = open(&dir).await;
    append(&log, 1, 0, &[1]).await;
    partition.commit("clickhouse", 1_000).expect("committed");
    assert!(matches!(
        partition.consumer("clickhouse").await,
        Err(LogError::Beyond { committed: 1_000, end: 1, .. })
    ));
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_begins_at_a_time_and_holds_nothing_back() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (log, partition) = open(&dir).await;
    append(&log, 1, 0, &[1, 2, 3]).await;
    let mut observer =
        partition.observer("live", SystemTime::now() - Duration::from_mins(65)).await.expect("observer");
    assert_eq!(read_to(&mut observer, 3).await.len(), 3);
    assert_eq!(partition.lag("live"), None);
    log.close();
}
