//! What every log keeps its word on, told of both: the journal in a folder, and a topic of a real Kafka.

pub(crate) mod fixture;
mod kafka;

use std::time::{Duration, SystemTime};

use crate::support::{NOON_MS, eventually, record_of};
use bytes::Bytes;
use fixture::{
    LogFixture, SITES, SeenRecord, append, append_of, collect, consumer, everything, owned_wholly,
};
use footfall_log::placement::partition_of;
use footfall_log::{Log, NewRecord, PoisonReason};
use footfall_proto::relay::ParkReason;

/// Tells a story of both logs.
macro_rules! of_both_logs {
    ($($story:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                let fixture = super::LogFixture::embedded();
                super::$story(&fixture).await;
            })+
        }
        mod in_kafka {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                let fixture = super::LogFixture::kafka();
                super::$story(&fixture).await;
                fixture.clear().await;
            })+
        }
    };
}

of_both_logs!(
    what_is_acknowledged_is_there_in_order_and_a_resend_is_skipped,
    a_website_has_one_partition_and_keeps_it,
    a_consumer_goes_on_where_it_committed_and_a_resend_is_known_after_a_restart,
    a_checkpoint_and_a_replay_equal_the_straight_run,
    commits_are_counted_as_lag_for_each_sink,
    an_observer_begins_at_a_time,
    what_was_parked_when_it_came_in_stays_so,
);

async fn what_is_acknowledged_is_there_in_order_and_a_resend_is_skipped(fixture: &LogFixture) {
    let log = fixture.open().await;
    let mut appender = log.appender("edge-1");
    let pending: Vec<_> = (0..20)
        .map(|batch| {
            let records = (batch * 10..batch * 10 + 10).map(fixture::record).collect();
            appender.append(Bytes::from_static(&[1; 16]), batch * 10, records)
        })
        .collect();
    for answer in pending {
        answer.await.expect("taken");
    }
    // An acknowledgement was lost: the edge sends again what it must take for lost, on another stream.
    append(&log, 1, 150, 80).await;
    let seen = everything(&log, 230).await;
    assert_eq!(seen.len(), 230, "each once");
    assert!(fixture::in_order_within_partitions(&seen), "in the order of the edge");
    fixture.close(log).await;
}

async fn a_website_has_one_partition_and_keeps_it(fixture: &LogFixture) {
    let log = fixture.open().await;
    append(&log, 1, 0, 200).await;
    for seen in everything(&log, 200).await {
        assert_eq!(seen.partition, partition_of(&seen.website_id, log.partitions()));
    }
    let nobodys = record_of("", 7, 0, NOON_MS);
    log.appender("edge-2").append(Bytes::from_static(&[2; 16]), 0, vec![nobodys]).await.expect("taken");
    let first = log.partition(0).expect("owned");
    eventually("nobody's record", async || {
        let seen = everything(&log, 201).await;
        seen.iter().any(|seen| seen.website_id.is_empty() && seen.partition == first.number())
    })
    .await;
    fixture.close(log).await;
}

async fn a_consumer_goes_on_where_it_committed_and_a_resend_is_known_after_a_restart(fixture: &LogFixture) {
    let log = fixture.open().await;
    append_of(&log, SITES[0], 1, 0, 100).await;
    let number = partition_of(SITES[0], log.partitions());
    let partition = log.partition(number).expect("owned");
    let mut cursor = consumer(&partition, "first").await;
    collect(&mut cursor, partition.end()).await;
    partition.commit("first", 40).expect("committed");
    partition.commit("second", 70).expect("committed");
    let incarnation = partition.incarnation();
    fixture.settle(&partition).await;
    fixture.close(log).await;

    let log = fixture.open().await;
    let partition = log.partition(number).expect("owned");
    assert_eq!(partition.incarnation(), incarnation, "the same log");
    assert_eq!(consumer(&partition, "second").await.position(), 70);
    append_of(&log, SITES[0], 1, 90, 20).await;
    let mut cursor = consumer(&partition, "first").await;
    assert_eq!(cursor.position(), 40);
    let seen = collect(&mut cursor, 120).await;
    let offsets: Vec<_> = seen.iter().map(|seen| seen.edge_offset).collect();
    assert_eq!(offsets, (40..110).collect::<Vec<_>>(), "what was sent again is skipped");
    fixture.close(log).await;
}

async fn a_checkpoint_and_a_replay_equal_the_straight_run(fixture: &LogFixture) {
    let log = fixture.open().await;
    // Resends, the same events by another edge, and enough of it for several checkpoints.
    for round in 0..12 {
        append_of(&log, SITES[1], 1, round * 200, 300).await;
        append_of(&log, SITES[1], 2, round * 200, 200).await;
    }
    let number = partition_of(SITES[1], log.partitions());
    let partition = log.partition(number).expect("owned");
    let end = partition.end();
    let mut cursor = consumer(&partition, "straight").await;
    let straight = collect(&mut cursor, end).await;
    assert_eq!(straight.iter().filter(|seen| seen.duplicate).count(), 2_400);
    eventually("a checkpoint", async || fixture.checkpoints(&partition) > 0).await;
    partition.commit("straight", end).expect("committed");
    fixture.settle(&partition).await;
    fixture.close(log).await;

    let log = fixture.open().await;
    let partition = log.partition(number).expect("owned");
    for from in [0, end / 3, end / 2, end - 10] {
        let mut cursor = partition.consumer_at("replay", from).await.expect("a consumer");
        let expected: Vec<SeenRecord> = straight.iter().filter(|seen| seen.offset >= from).cloned().collect();
        assert_eq!(collect(&mut cursor, end).await, expected, "from {from} of {end}");
    }
    fixture.close(log).await;
}

async fn commits_are_counted_as_lag_for_each_sink(fixture: &LogFixture) {
    let log = fixture.open().await;
    append_of(&log, SITES[2], 1, 0, 50).await;
    let partition = log.partition(partition_of(SITES[2], log.partitions())).expect("owned");
    let (mut quick, _slow) = (consumer(&partition, "quick").await, consumer(&partition, "slow").await);
    assert_eq!(
        (partition.lag("quick"), partition.lag("slow"), partition.lag("unknown")),
        (Some(50), Some(50), None)
    );
    collect(&mut quick, 50).await;
    partition.commit("quick", 50).expect("committed");
    partition.commit("slow", 20).expect("committed");
    assert_eq!((partition.lag("quick"), partition.lag("slow")), (Some(0), Some(30)));
    fixture.close(log).await;
}

async fn an_observer_begins_at_a_time(fixture: &LogFixture) {
    let log = fixture.open().await;
    append_of(&log, SITES[3], 1, 0, 30).await;
    let partition = log.partition(partition_of(SITES[3], log.partitions())).expect("owned");
    let before = SystemTime::now() - Duration::from_mins(65);
    let mut observer = partition.observer("live", before).await.expect("an observer");
    assert_eq!(collect(&mut observer, 30).await.len(), 30);
    let after = SystemTime::now() + Duration::from_mins(5);
    let observer = partition.observer("live", after).await.expect("an observer");
    assert!(observer.position() <= 30, "never past the end");
    assert_eq!(partition.lag("live"), None, "it holds nothing back");
    owned_wholly(&log).await;
    fixture.close(log).await;
}

async fn what_was_parked_when_it_came_in_stays_so(fixture: &LogFixture) {
    let log = fixture.open().await;
    let site = SITES[0];
    let parked = |number, parked| NewRecord { parked, record: record_of(site, number, 2, NOON_MS) };
    let records = vec![
        parked(0, None),
        parked(1, Some(ParkReason::UnknownSite)),
        parked(2, Some(ParkReason::Ahead)),
        parked(3, None),
    ];
    let epoch = || Bytes::from_static(&[1; 16]);
    log.appender("edge-1").append(epoch(), 0, records).await.expect("taken");
    // It comes again when its website exists: what was decided stands.
    log.appender("edge-1").append(epoch(), 1, vec![parked(1, None)]).await.expect("taken");
    let number = partition_of(site, log.partitions());
    let read = async |log: &Log| {
        let partition = log.partition(number).expect("owned");
        let mut cursor = partition.consumer_at("parked", 0).await.expect("a consumer");
        let (mut read, mut kept) = (Vec::new(), Vec::new());
        while cursor.position() < 5 {
            let batch = tokio::time::timeout(Duration::from_mins(1), cursor.next()).await;
            let batch = batch.expect("in time").expect("readable");
            read.extend(batch.records().iter().map(|record| record.edge_offset));
            kept.extend(batch.poison().map(|poison| (poison.offset, poison.reason, poison.payload.clone())));
        }
        (read, kept)
    };
    let kept = vec![
        (1, PoisonReason::UnknownSite, record_of(site, 1, 2, NOON_MS)),
        (2, PoisonReason::Ahead, record_of(site, 2, 2, NOON_MS)),
    ];
    assert_eq!(read(&log).await, (vec![0, 3], kept.clone()));
    fixture.close(log).await;
    let log = fixture.open().await;
    assert_eq!(read(&log).await, (vec![0, 3], kept), "after a restart as before");
    fixture.close(log).await;
}
