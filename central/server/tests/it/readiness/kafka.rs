//! Topics that are not as they have to be.

use footfall_log::kafka::Options;
use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};

use crate::log::fixture::{self, LogFixture, admin, topics};
use crate::readiness::settings::{self, Scene};

/// Makes a topic as somebody else would.
async fn make(options: &Options, name: &str, partitions: i32, settings: &[(&str, &str)]) {
    let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    for (key, value) in settings {
        topic = topic.set(key, value);
    }
    let made = admin(options).create_topics(&[topic], &AdminOptions::new()).await.expect("asked");
    assert!(made.iter().all(Result::is_ok), "{made:?}");
}

async fn delete(options: &Options, name: &str) {
    admin(options).delete_topics(&[name], &AdminOptions::new()).await.expect("deleted");
}

fn options() -> Options {
    Options { partitions: 2, ..fixture::options() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_missing_and_cannot_be_made() {
    let mut scene = Scene::new();
    // One broker cannot keep three copies.
    let options = Options { replication: 3, ..options() };
    scene.place.set("log", settings::log(&options));
    let mut central = scene.place.spawn();
    central
        .lacks(&[
            "topic",
            &options.topic,
            &options.bootstrap,
            "is missing and cannot be made",
            "log.kafka.replication",
        ])
        .await;
    let [log, checkpoints, dead_letter] = topics(&options);
    let careful = [("min.insync.replicas", "2"), ("delete.retention.ms", "2305843009213693951")];
    make(&options, &checkpoints, 4, &[]).await;
    make(&options, &dead_letter, 1, &[]).await;
    make(&options, &log, 2, &careful).await;
    central.lacks_nothing().await;
    drop(central);
    LogFixture::Kafka(options).clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_with_another_count_of_partitions() {
    let mut scene = Scene::new();
    let options = options();
    make(&options, &options.topic, 3, &[]).await;
    scene.place.set("log", settings::log(&options));
    let mut central = scene.place.spawn();
    let has = "has 3 partitions and not 2";
    central.lacks(&["topic", &options.topic, &options.bootstrap, has, "log.kafka.partitions"]).await;
    delete(&options, &options.topic).await;
    central.lacks_nothing().await;
    drop(central);
    LogFixture::Kafka(options).clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_somebody_else_has_made() {
    let mut scene = Scene::new();
    let options = options();
    make(&options, &options.topic, 2, &[]).await;
    scene.place.set("log", settings::log(&options));
    let mut central = scene.place.spawn();
    let how = "delete.retention.ms";
    central.lacks(&["topic", &options.topic, &options.bootstrap, "was not made by central", how]).await;
    delete(&options, &options.topic).await;
    central.lacks_nothing().await;
    drop(central);
    LogFixture::Kafka(options).clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_gone_before_a_sink_had_them() {
    let mut scene = Scene::new();
    let options = options();
    let fixture = LogFixture::Kafka(options.clone());
    let log = fixture.open().await;
    fixture::append_of(&log, &fixture::site_of(0, 2), 1, 0, 50).await;
    log.partition(0).expect("owned").commit("clickhouse", 20).expect("committed");
    fixture.close(log).await;
    let mut gone = rdkafka::TopicPartitionList::new();
    gone.add_partition_offset(&options.topic, 0, rdkafka::Offset::Offset(35)).expect("an offset");
    admin(&options).delete_records(&gone, &AdminOptions::new()).await.expect("deleted");
    scene.place.set("log", settings::log(&options));
    let mut central = scene.place.spawn();
    central
        .warns(&["the clickhouse sink never got the records 20 to 34 of partition 0", "central replay"])
        .await;
    central.lacks_nothing().await;
    let (_, metrics) = central.get("/metrics").await;
    let counted = "footfall_central_log_gap_records_total{sink=\"clickhouse\",partition=\"0\"} 15";
    assert!(metrics.contains(counted), "{metrics}");
    drop(central);
    fixture.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_deleted_under_way() {
    let mut scene = Scene::new();
    let options = options();
    scene.place.set("log", settings::log(&options));
    let mut central = scene.place.spawn();
    central.lacks_nothing().await;
    delete(&options, &options.topic).await;
    central.lacks(&["topic", &options.topic, &options.bootstrap, "another log"]).await;
    central.lacks_nothing().await;
    drop(central);
    LogFixture::Kafka(options).clear().await;
}
