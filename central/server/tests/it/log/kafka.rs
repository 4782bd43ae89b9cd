//! What only Kafka can do to a log: other partitions, other topics under the same name, other centrals, other passwords.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use footfall_daemon::fault::Classify as _;
use footfall_log::kafka::Options;
use footfall_log::placement::partition_of;
use footfall_log::{CHECKPOINT_BYTES, Log, Metrics};
use prost::Message as _;
use rdkafka::admin::{AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use crate::log::fixture::{
    self, LogFixture, SITES, admin, append, append_of, client, collect, everything, options, owned_wholly,
    topics,
};
use crate::support::{NOON_MS, eventually, record_of};

/// Numbers a topic as central does.
const NUMBER: (&str, &str) = ("delete.retention.ms", "2305843009213693951");
/// How a second central finds the first one's group.
const MEMBER: &str = "FOOTFALL_TEST_MEMBER";

async fn make(options: &Options, partitions: i32, settings: &[(&str, &str)]) {
    let mut topic = NewTopic::new(&options.topic, partitions, TopicReplication::Fixed(1));
    for (key, value) in settings {
        topic = topic.set(key, value);
    }
    let made = admin(options).create_topics(&[topic], &AdminOptions::new()).await.expect("asked");
    assert!(made.iter().all(Result::is_ok), "{made:?}");
}

async fn clear(options: &Options) {
    let topics = topics(options);
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    admin(options).delete_topics(&names, &AdminOptions::new()).await.expect("deleted");
}

async fn close(log: Log) {
    tokio::task::spawn_blocking(move || log.close()).await.expect("closed");
}

async fn reports_fault(log: &Log, words: &[&str]) {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let faults = log.faults();
        if faults.iter().any(|fault| words.iter().all(|word| fault.contains(word))) {
            return;
        }
        assert!(Instant::now() < deadline, "{faults:?} and not {words:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_with_another_count_of_partitions_is_refused_in_one_sentence() {
    let options = options();
    make(&options, 3, &[NUMBER]).await;
    let log = Log::kafka(options.clone(), Metrics::default());
    reports_fault(&log, &[&options.topic, &options.bootstrap, "3 partitions", "log.kafka.partitions"]).await;
    let refused =
        log.appender("edge-1").append(Bytes::from_static(&[1; 16]), 0, vec![fixture::record(1)]).await;
    assert!(refused.expect_err("refused").is_transient(), "the edge keeps it");
    close(log).await;
    clear(&options).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_nobody_numbered_is_refused_in_one_sentence() {
    let options = options();
    make(&options, 4, &[]).await;
    let log = Log::kafka(options.clone(), Metrics::default());
    reports_fault(&log, &[&options.topic, "was not made by central", "delete.retention.ms"]).await;
    close(log).await;
    clear(&options).await;
}

/// What a topic's setting is.
async fn setting(options: &Options, name: &str) -> String {
    let asked = [ResourceSpecifier::Topic(&options.topic)];
    let described = admin(options).describe_configs(&asked, &AdminOptions::new()).await.expect("asked");
    let described = described[0].as_ref().expect("described");
    described.get(name).and_then(|entry| entry.value.clone()).expect("it has a value")
}

/// Gives a topic this setting, and resets all others, as tools do that set the whole configuration.
async fn reset_settings(options: &Options, name: &str, value: &str) {
    let altered = [AlterConfig::new(ResourceSpecifier::Topic(&options.topic)).set(name, value)];
    let answer = admin(options).alter_configs(&altered, &AdminOptions::new()).await.expect("asked");
    assert!(answer.iter().all(Result::is_ok), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_of_an_earlier_build_is_refused_in_one_sentence() {
    let fixture = LogFixture::kafka();
    let log = fixture.open().await;
    let record = footfall_proto::relay::Record::decode(fixture::record(1)).expect("a record");
    let record = footfall_proto::relay::Record { traffic_source_version: 0, ..record };
    let number = partition_of(&record.website_id, log.partitions());
    let epoch = Bytes::from_static(&[1; 16]);
    let sent = log.appender("edge-1").append(epoch, 0, vec![Bytes::from(record.encode_to_vec())]);
    sent.await.expect("taken");
    fixture.close(log).await;
    let LogFixture::Kafka(options) = &fixture else { unreachable!("it is Kafka's") };
    let log = Log::kafka(options.clone(), Metrics::default());
    reports_fault(&log, &["earlier build", &format!("partition {number}"), "another topic"]).await;
    assert!(log.partition(number).is_none(), "nobody reads it");
    close(log).await;
    fixture.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_whose_settings_were_reset_is_refused_with_the_number_that_belongs_there() {
    let fixture = LogFixture::kafka();
    let LogFixture::Kafka(options) = &fixture else { unreachable!("it is Kafka's") };
    let log = fixture.open().await;
    append(&log, 1, 0, 60).await;
    let partition = log.partition(0).expect("owned");
    let (number, incarnation) = (setting(options, NUMBER.0).await, partition.incarnation());
    eventually("the number beside the topic", async || fixture.checkpoint_lists(0) > 0).await;

    reset_settings(options, "retention.ms", "3600000").await;
    assert_ne!(setting(options, NUMBER.0).await, number);
    let told = ["was reset", &options.topic, &options.bootstrap, "kafka-configs.sh", &number];
    reports_fault(&log, &told).await;
    append(&log, 1, 60, 30).await;
    assert_eq!(log.partition(0).expect("owned").incarnation(), incarnation, "what runs goes on");
    close(log).await;

    let log = Log::kafka(options.clone(), Metrics::default());
    reports_fault(&log, &told).await;
    let refused =
        log.appender("edge-1").append(Bytes::from_static(&[1; 16]), 90, vec![fixture::record(90)]).await;
    assert!(refused.expect_err("refused").is_transient(), "the edge keeps it");
    close(log).await;

    reset_settings(options, NUMBER.0, &number).await;
    let log = fixture.open().await;
    assert_eq!(log.partition(0).expect("owned").incarnation(), incarnation, "the same log");
    assert_eq!(everything(&log, 90).await.len(), 90);
    close(log).await;
    fixture.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_a_server_that_is_not_there_are_told() {
    let right = options();
    let guess = tempfile::NamedTempFile::new().expect("temp file");
    std::fs::write(guess.path(), "guessed").expect("written");
    let user = right.user.clone().map(|(user, _)| (user, guess.path().to_owned()));
    let log = Log::kafka(Options { user, ..right.clone() }, Metrics::default());
    reports_fault(&log, &[&right.bootstrap, "refuses the user", "password_file"]).await;
    close(log).await;
    let nowhere = Options { bootstrap: "127.0.0.1:9".into(), ..right };
    let log = Log::kafka(nowhere, Metrics::default());
    reports_fault(&log, &["127.0.0.1:9", "does not answer", "log.kafka.bootstrap"]).await;
    close(log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_copies_are_told_unless_one_was_asked_for() {
    let alone = options();
    let log = Log::kafka(alone.clone(), Metrics::default());
    owned_wholly(&log).await;
    assert!(log.faults().is_empty(), "{:?}", log.faults());
    close(log).await;
    let log = Log::kafka(Options { replication: 3, ..alone.clone() }, Metrics::default());
    reports_fault(&log, &[&alone.topic, "min.insync.replicas"]).await;
    close(log).await;
    clear(&alone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_made_again_is_another_log() {
    let fixture = LogFixture::kafka();
    let LogFixture::Kafka(options) = &fixture else { unreachable!("it is Kafka's") };
    let log = fixture.open().await;
    append(&log, 1, 0, 60).await;
    let before = log.partition(0).expect("owned").incarnation();
    let mut stream = log.appender("edge-1");
    clear(options).await;
    let closed = tokio::time::timeout(Duration::from_mins(1), stream.closed()).await;
    closed.expect("streams end with the log that they began with");
    let refused = stream.append(Bytes::from_static(&[1; 16]), 60, vec![fixture::record(60)]).await;
    refused.expect_err("nothing of the old log goes into the new one");
    eventually("another log", async || {
        log.partition(0).is_some_and(|partition| partition.incarnation() != before)
    })
    .await;
    owned_wholly(&log).await;
    // The edge has these acknowledged and does not send them again; what follows is new, under new coordinates.
    append(&log, 1, 60, 30).await;
    let seen = everything(&log, 30).await;
    assert_eq!(seen.len(), 30);
    assert!(seen.iter().all(|seen| seen.edge_offset >= 60));
    close(log).await;
    fixture.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_too_large_is_parked_and_the_rest_goes_on() {
    let options = options();
    make(&options, 4, &[NUMBER, ("max.message.bytes", "20000")]).await;
    let fixture = LogFixture::Kafka(options.clone());
    let log = fixture.open().await;
    let large = record_of(SITES[0], 1, 250, NOON_MS);
    assert!(large.len() > 20_000);
    let records = vec![fixture::record(0), large.clone(), fixture::record(2)];
    log.appender("edge-1").append(Bytes::from_static(&[1; 16]), 0, records).await.expect("taken");
    let seen = everything(&log, 2).await;
    assert_eq!(seen.iter().map(|seen| seen.edge_offset).sum::<u64>(), 2, "the first and the third");
    let [_, _, dead_letter] = topics(&options);
    let parked = read(&options, &dead_letter);
    let parked = footfall_log::dead_letter::Parked::decode(parked.as_slice()).expect("parked");
    assert_eq!(parked.reason, "too_large");
    let whole = footfall_proto::relay::LogEntry::decode(parked.payload).expect("the envelope is there");
    assert_eq!((whole.edge_id.as_str(), whole.edge_offset, whole.record), ("edge-1", 1, large));
    close(log).await;
    fixture.clear().await;
}

/// For so long records are appended; during a longer load, whoever likes may kill Kafka, and start it again.
fn load() -> Duration {
    let seconds = std::env::var("FOOTFALL_LOAD_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(5))
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_steady_load_each_record_is_there_once_whatever_becomes_of_kafka() {
    const BATCH: u64 = 50;
    let fixture = LogFixture::Kafka(Options { checkpoint_bytes: CHECKPOINT_BYTES, ..options() });
    let log = fixture.open().await;
    let (begun, mut acknowledged, mut failures) = (Instant::now(), 0, 0_u32);
    // As an edge does: some batches on their way, and all again from the last acknowledgement when one fails.
    while begun.elapsed() < load() {
        let mut stream = log.appender("edge-1");
        let mut waiting = VecDeque::new();
        let mut next = acknowledged;
        loop {
            while waiting.len() < 8 && begun.elapsed() < load() {
                let records = (next..next + BATCH).map(fixture::record).collect();
                waiting.push_back(tokio::spawn(stream.append(Bytes::from_static(&[1; 16]), next, records)));
                next += BATCH;
            }
            let Some(answer) = waiting.pop_front() else { break };
            let answer = tokio::time::timeout(Duration::from_mins(2), answer).await;
            let answer = answer.unwrap_or_else(|_| panic!("no answer: {:?}", log.faults()));
            if answer.expect("no panic").is_err() {
                failures += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
                break;
            }
            acknowledged += BATCH;
        }
    }
    let took = begun.elapsed().as_secs_f64();
    eventually("a log without faults", async || log.faults().is_empty()).await;
    owned_wholly(&log).await;
    // Batches behind a failed one may be there without having been acknowledged.
    let mut there: Vec<_> = everything(&log, acknowledged as usize).await;
    there.sort_by_key(|seen| seen.edge_offset);
    let offsets: Vec<_> = there.iter().map(|seen| seen.edge_offset).collect();
    assert!(offsets.windows(2).all(|pair| pair[0] < pair[1]), "none twice");
    assert!((0..acknowledged).all(|offset| offsets.binary_search(&offset).is_ok()), "none lost");
    println!("{acknowledged} records acknowledged in {took:.1} s, {failures} streams failed");
    close(log).await;
    fixture.clear().await;
}

/// The first record of a topic.
fn read(options: &Options, topic: &str) -> Vec<u8> {
    let consumer: BaseConsumer = client(options).set("group.id", &options.group).create().expect("a client");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning).expect("an offset");
    consumer.assign(&list).expect("assigned");
    let message = consumer.poll(Duration::from_secs(30)).expect("in time").expect("readable");
    message.payload().expect("bytes").to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_gone_before_a_sink_had_them_are_a_gap_and_reading_goes_on() {
    let fixture = LogFixture::kafka();
    let LogFixture::Kafka(options) = &fixture else { unreachable!("it is Kafka's") };
    let log = fixture.open().await;
    let site = fixture::site_of(0, 4);
    append_of(&log, &site, 1, 0, 50).await;
    let partition = log.partition(0).expect("owned");
    let mut cursor = partition.consumer("sink").await.expect("a consumer");
    collect(&mut cursor, 50).await;
    partition.commit("sink", 20).expect("committed");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&options.topic, 0, Offset::Offset(35)).expect("an offset");
    admin(options).delete_records(&list, &AdminOptions::new()).await.expect("deleted");
    let mut cursor = partition.consumer_at("sink", 20).await.expect("a consumer");
    assert_eq!(cursor.position(), 35, "where the log begins now");
    assert_eq!(collect(&mut cursor, 50).await.len(), 15);
    let warnings = log.warnings();
    let sentence = "the sink sink never got the records 20 to 34 of partition 0";
    assert!(warnings.len() == 1 && warnings[0].starts_with(sentence), "{warnings:?}");
    close(log).await;
    fixture.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_is_behind_by_half_of_the_retention_is_told_of() {
    let fixture = LogFixture::Kafka(Options { retention: Duration::from_secs(4), ..options() });
    let LogFixture::Kafka(options) = &fixture else { unreachable!("it is Kafka's") };
    let log = fixture.open().await;
    let partition = log.partition(1).expect("owned");
    for name in ["quick", "slow"] {
        partition.consumer(name).await.expect("a consumer");
    }
    append_of(&log, &fixture::site_of(1, 4), 1, 0, 10).await;
    partition.commit("quick", 10).expect("committed");
    partition.note("watching", 3);
    let mut warnings = Vec::new();
    eventually("the warnings", async || {
        warnings = log.warnings();
        warnings.len() == 2
    })
    .await;
    for (warning, name) in warnings.iter().zip(["slow", "watching"]) {
        let begins = format!("the {name} sink has not got records of partition 1 that are older than half");
        let parts = [begins.as_str(), &options.topic, &options.bootstrap, "raise the topic's retention.ms"];
        assert!(parts.iter().all(|part| warning.contains(part)), "{warning}");
    }
    assert_eq!(partition.lags(), [("quick", 0), ("slow", 10), ("watching", 7)]);
    partition.commit("slow", 10).expect("committed");
    partition.note("watching", 10);
    assert_eq!(log.warnings(), Vec::<String>::new(), "they have caught up");
    close(log).await;
    fixture.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_centrals_share_the_partitions_and_one_that_dies_leaves_them_to_the_other() {
    let fixture = LogFixture::kafka();
    let LogFixture::Kafka(options) = &fixture else { unreachable!("it is Kafka's") };
    let log = fixture.open().await;
    append(&log, 1, 0, 120).await;
    let held = log.owned().borrow().clone();
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "log::kafka::another_central", "--ignored", "--nocapture"])
        .env(MEMBER, format!("{} {}", options.topic, options.group))
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut output = BufReader::new(child.stdout.take().expect("piped"));
    let theirs = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        while !line.contains("OWNS 2") {
            line.clear();
            assert!(output.read_line(&mut line).expect("readable") > 0, "it has ended");
        }
    });
    tokio::time::timeout(Duration::from_mins(1), theirs).await.expect("in time").expect("they own two");
    eventually("two partitions", async || log.owned().borrow().len() == 2).await;
    let lost = held.values().filter(|partition| partition.lost().is_cancelled()).count();
    assert_eq!(lost, 2, "whoever held them was told");
    append(&log, 1, 120, 120).await;
    child.kill().expect("killed");
    child.wait().expect("gone");
    owned_wholly(&log).await;
    append(&log, 1, 200, 100).await;
    assert_eq!(everything(&log, 300).await.len(), 300, "all is there, once");
    close(log).await;
    fixture.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "is run by the story of two centrals, and then killed"]
async fn another_central() {
    let names = std::env::var(MEMBER).expect("run by the story");
    let (topic, group) = names.split_once(' ').expect("two names");
    let log =
        Log::kafka(Options { topic: topic.into(), group: group.into(), ..options() }, Metrics::default());
    let mut owned = log.owned();
    loop {
        println!("OWNS {}", owned.borrow_and_update().len());
        owned.changed().await.expect("the log lives");
    }
}
