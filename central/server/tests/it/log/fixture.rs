//! A log of either kind for one test, and what the tests have in common.

#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use footfall_daemon::secret::Secret;
use footfall_log::kafka::Options;
use footfall_log::{Cursor, Log, Metrics, Partition, placement::partition_of};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use tokio::time::timeout;

use crate::support::services;
use crate::support::{NOON_MS, eventually, record_of};

/// Websites, of several partitions.
pub(crate) const SITES: [&str; 6] = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"];
/// How long anything may take.
const TIMEOUT: Duration = Duration::from_mins(1);

/// One record as a consumer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenRecord {
    pub(crate) partition: u32,
    pub(crate) offset: u64,
    pub(crate) epoch: u8,
    pub(crate) edge_offset: u64,
    pub(crate) website_id: String,
    pub(crate) duplicate: bool,
}

/// Where a log is kept.
pub(crate) enum LogFixture {
    Embedded(tempfile::TempDir),
    Kafka(Options),
}

impl LogFixture {
    pub(crate) fn embedded() -> Self {
        Self::Embedded(tempfile::tempdir().expect("temp dir"))
    }

    /// A topic and a group of its own in the real Kafka.
    pub(crate) fn kafka() -> Self {
        Self::Kafka(options())
    }

    /// Opens the log and waits until all of it is owned.
    pub(crate) async fn open(&self) -> Log {
        let log = match self {
            Self::Embedded(dir) => {
                let options = footfall_log::embedded::Options {
                    dir: dir.path().to_owned(),
                    // A checkpoint every 2 MiB.
                    max_bytes: 16 << 20,
                    segment_bytes: 1 << 20,
                    lock_wait: Duration::from_secs(5),
                };
                Log::embedded(options, Metrics::default()).await.expect("the log opens")
            }
            Self::Kafka(options) => Log::kafka(options.clone(), Metrics::default()),
        };
        owned_wholly(&log).await;
        log
    }

    /// Waits until a commit is where a restart finds it.
    pub(crate) async fn settle(&self, partition: &Partition) {
        if let Self::Kafka(options) = self {
            let topic = options.topic.clone();
            let number = partition.number() as i32;
            let group = group_client(options);
            eventually("the commit", async || {
                let mut list = rdkafka::TopicPartitionList::new();
                list.add_partition(&topic, number);
                let found = rdkafka::consumer::Consumer::committed_offsets(&group, list, TIMEOUT);
                found.is_ok_and(|found| found.elements()[0].offset() != rdkafka::Offset::Invalid)
            })
            .await;
        }
    }

    /// How many times a checkpoint of a partition was written.
    pub(crate) fn checkpoints(&self, partition: &Partition) -> u64 {
        match self {
            Self::Embedded(dir) => {
                let folder = dir.path().join("log/checkpoints");
                std::fs::read_dir(folder).expect("a folder").count() as u64
            }
            // The first partition's list was written once before, with the topic's number.
            Self::Kafka(_) if partition.number() == 0 => self.checkpoint_lists(0).saturating_sub(1),
            Self::Kafka(_) => self.checkpoint_lists(partition.number()),
        }
    }

    /// How many times Kafka's list of a partition's checkpoints was written.
    pub(crate) fn checkpoint_lists(&self, partition: u32) -> u64 {
        let Self::Kafka(options) = self else { unreachable!("only Kafka has lists") };
        let [_, checkpoints, _] = topics(options);
        let list = (options.partitions + partition) as i32;
        let group = group_client(options);
        let asked = rdkafka::consumer::Consumer::fetch_watermarks(&group, &checkpoints, list, TIMEOUT);
        asked.expect("an answer").1 as u64
    }

    pub(crate) async fn close(&self, log: Log) {
        tokio::task::spawn_blocking(move || log.close()).await.expect("closed");
    }

    /// Takes the topics away again.
    pub(crate) async fn clear(&self) {
        if let Self::Kafka(options) = self {
            let topics = topics(options);
            let names: Vec<&str> = topics.iter().map(String::as_str).collect();
            admin(options).delete_topics(&names, &AdminOptions::new()).await.expect("deleted");
        }
    }
}

/// A topic and a group that nobody else has.
pub(crate) fn options() -> Options {
    let kafka = services::kafka();
    let story = uuid::Uuid::from_u128(u128::from(getrandom::u64().expect("random"))).simple().to_string();
    let story = &story[16..];
    Options {
        bootstrap: kafka.bootstrap,
        topic: format!("test-{story}.events"),
        partitions: 4,
        replication: 1,
        retention: Duration::from_hours(1),
        group: format!("test-{story}"),
        security: kafka.security,
        mechanism: kafka.mechanism,
        user: Some((kafka.user, kafka.password_file)),
        ca: Some(kafka.ca),
        checkpoint_bytes: 64 << 10,
    }
}

/// The log's topic and those beside it.
pub(crate) fn topics(options: &Options) -> [String; 3] {
    let stem = options.topic.trim_end_matches(".events");
    [options.topic.clone(), format!("{stem}.checkpoints"), format!("{stem}.dead-letter")]
}

pub(crate) fn client(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &options.bootstrap).set("security.protocol", &options.security);
    if let Some((user, file)) = &options.user {
        let password = Secret::read(file).expect("a password");
        config
            .set("sasl.mechanism", &options.mechanism)
            .set("sasl.username", user)
            .set("sasl.password", password.reveal());
    }
    if let Some(ca) = &options.ca {
        config.set("ssl.ca.location", ca.display().to_string());
    }
    config
}

fn group_client(options: &Options) -> rdkafka::consumer::BaseConsumer {
    client(options).set("group.id", &options.group).create().expect("a client")
}

pub(crate) fn admin(options: &Options) -> AdminClient<DefaultClientContext> {
    client(options).create().expect("a client")
}

pub(crate) async fn owned_wholly(log: &Log) {
    let mut owned = log.owned();
    let all = owned.wait_for(|owned| owned.len() == log.partitions() as usize);
    let all = timeout(TIMEOUT, all).await;
    assert!(all.is_ok(), "not all partitions are owned: {:?}", log.faults());
}

/// A record of one of the sites.
pub(crate) fn record(number: u64) -> Bytes {
    record_of(SITES[number as usize % SITES.len()], number, 2, NOON_MS + number as i64)
}

/// Appends records `first..first + count` of an epoch, of all sites, as an edge would send them.
pub(crate) async fn append(log: &Log, epoch: u8, first: u64, count: u64) {
    let records = (first..first + count).map(record).collect();
    send(log, epoch, first, records).await;
}

/// The same of one site.
pub(crate) async fn append_of(log: &Log, site: &str, epoch: u8, first: u64, count: u64) {
    let records =
        (first..first + count).map(|number| record_of(site, number, 2, NOON_MS + number as i64)).collect();
    send(log, epoch, first, records).await;
}

async fn send(log: &Log, epoch: u8, first: u64, records: Vec<Bytes>) {
    let epoch = Bytes::copy_from_slice(&[epoch; 16]);
    let sent = log.appender("edge-1").append(epoch, first, records);
    timeout(TIMEOUT, sent).await.expect("in time").expect("taken");
}

pub(crate) async fn consumer(partition: &Partition, name: &'static str) -> Cursor {
    partition.consumer(name).await.expect("a consumer")
}

/// What a cursor gives up to `end`.
pub(crate) async fn collect(cursor: &mut Cursor, end: u64) -> Vec<SeenRecord> {
    let mut seen = Vec::new();
    while cursor.position() < end {
        let batch = timeout(TIMEOUT, cursor.next()).await.expect("in time").expect("readable");
        assert_eq!(batch.poison().count(), 0);
        seen.extend(batch.records().iter().map(|record| SeenRecord {
            partition: 0,
            offset: record.offset,
            epoch: record.epoch[0],
            edge_offset: record.edge_offset,
            website_id: record.website_id.to_owned(),
            duplicate: record.events.first().is_some_and(|event| event.duplicate),
        }));
    }
    seen
}

/// What all partitions hold, once that is so many records, resends not counted.
pub(crate) async fn everything(log: &Log, count: usize) -> Vec<SeenRecord> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let mut seen = Vec::new();
        let owned = log.owned().borrow().clone();
        for (number, partition) in owned {
            let mut cursor = partition.consumer_at("everything", 0).await.expect("a consumer");
            let of_this = collect(&mut cursor, partition.end()).await;
            seen.extend(of_this.into_iter().map(|seen| SeenRecord { partition: number, ..seen }));
        }
        if seen.len() >= count {
            return seen;
        }
        assert!(Instant::now() < deadline, "{} of {count} records are there", seen.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) fn in_order_within_partitions(seen: &[SeenRecord]) -> bool {
    seen.windows(2).all(|pair| {
        pair[0].partition != pair[1].partition
            || pair[0].epoch != pair[1].epoch
            || (pair[0].offset < pair[1].offset && pair[0].edge_offset < pair[1].edge_offset)
    })
}

/// A site of a partition.
pub(crate) fn site_of(partition: u32, partitions: u32) -> String {
    let mut sites = (0..10_000).map(|n| format!("site-{n}"));
    sites.find(|site| partition_of(site, partitions) == partition).expect("there is one")
}
