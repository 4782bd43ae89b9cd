//! Rows for Druid in the real Kafka: each once, whatever ended in between.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use footfall_log::kafka::{Options, RowTopic};
use footfall_log::{Log, Partition};
use footfall_sink::Metrics;
use footfall_sink::druid::Druid;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;

use super::{clear, topic};
use crate::log::fixture::{self, LogFixture, client};
use crate::support::eventually;
use crate::support::running::Running;

/// Records of the log, with two page views each.
const RECORDS: u64 = 3000;
const ROUNDS: u64 = 12;
const PATIENCE: Duration = Duration::from_mins(1);

fn start(options: &Options, partition: &Partition, seed: u64) -> Running {
    Running::start(partition, Druid::new(options.clone(), topic(options)), &Metrics::default(), seed)
}

/// All rows that were committed, as who reads them for Druid sees them.
async fn committed(options: &Options) -> Vec<Value> {
    let (options, topic) = (options.clone(), topic(options));
    let reading = tokio::task::spawn_blocking(move || {
        let mut config = client(&options);
        config.set("group.id", "druid").set("isolation.level", "read_committed");
        config.set("enable.partition.eof", "true").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        for partition in 0..options.partitions as i32 {
            list.add_partition_offset(&topic, partition, Offset::Beginning).expect("a partition");
        }
        consumer.assign(&list).expect("assigned");
        let (mut rows, mut ended, deadline) = (Vec::new(), 0, Instant::now() + PATIENCE);
        while ended < options.partitions {
            assert!(Instant::now() < deadline, "the topic does not end");
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    let row = message.payload().expect("a row");
                    rows.push(serde_json::from_slice(row).expect("JSON"));
                }
                Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
                Some(Err(error)) => panic!("{error}"),
                None => {}
            }
        }
        rows
    });
    reading.await.expect("read")
}

fn partitions(log: &Log) -> Vec<Partition> {
    (0..log.partitions()).map(|number| log.partition(number).expect("it is owned")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_for_druid_are_there_once_each_whatever_ends_their_writers() {
    let fixture = LogFixture::kafka();
    let LogFixture::Kafka(options) = &fixture else { unreachable!("it is Kafka's") };
    let seed = std::env::var("FOOTFALL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..1 << 40));
    println!("FOOTFALL_SEED={seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let log = fixture.open().await;
    let all = partitions(&log);
    let mut running: Vec<Running> =
        all.iter().map(|partition| start(options, partition, rng.u64(..))).collect();
    for round in 0..ROUNDS {
        let each = RECORDS / ROUNDS;
        fixture::append(&log, 1, round * each, each).await;
        tokio::time::sleep(Duration::from_millis(rng.u64(..300))).await;
        let number = rng.usize(..running.len());
        let next = start(options, &all[number], rng.u64(..));
        let before = std::mem::replace(&mut running[number], next);
        // At times the one before goes on for a while, as one does that was only cut off: Kafka takes nothing of it any more.
        if rng.bool() {
            tokio::time::sleep(Duration::from_millis(rng.u64(..300))).await;
        }
        before.abandon().await;
    }
    for partition in &all {
        eventually("the rows", async || partition.lag("druid") == Some(0)).await;
    }
    for sink in running {
        sink.drain().await;
    }
    let mut views: BTreeMap<(String, i64), u32> = BTreeMap::new();
    for row in committed(options).await {
        assert_eq!(row["pageviews"], 1);
        let of = row["website_id"].as_str().expect("a website").to_owned();
        *views.entry((of, row["timestamp"].as_i64().expect("a time"))).or_default() += 1;
    }
    assert_eq!(views.len() as u64, RECORDS, "records");
    assert!(views.values().all(|count| *count == 2), "each event once");
    fixture.close(log).await;
    clear(&fixture, options).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_another_has_followed_writes_nothing_more_and_its_position_is_found() {
    let fixture = LogFixture::kafka();
    let LogFixture::Kafka(options) = &fixture else { unreachable!("it is Kafka's") };
    let log = fixture.open().await;
    let incarnation = log.partition(0).expect("it is owned").incarnation();
    let open = || RowTopic::new(std::sync::Arc::new(options.clone()), topic(options), 0, incarnation);
    let (mut first, mut second) = (open(), open());
    assert_eq!(first.begin().await.expect("begun"), None);
    let row = bytes::Bytes::from_static(b"{\"row\":1}");
    first.write(&[&row, &row], 7).await.expect("written");
    assert_eq!(second.begin().await.expect("begun"), Some(7));
    let refused = first.write(&[&row], 8).await.expect_err("another one writes");
    assert!(!first.is_begun(), "{refused}");
    second.write(&[&row], 9).await.expect("written");
    assert_eq!(committed(options).await.len(), 3);
    assert_eq!(first.begin().await.expect("begun"), Some(9), "it can follow in turn");
    fixture.close(log).await;
    clear(&fixture, options).await;
}
