//! Reads all of a topic of Kafka, or deletes it.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Message, Offset, TopicPartitionList};

use super::Log;
use crate::services::Kafka;

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// For all of it.
const DEADLINE: Duration = Duration::from_mins(2);

/// A client that nobody else is: the group's name is only asked for by the library.
#[must_use]
pub fn client(kafka: &Kafka) -> ClientConfig {
    let password = std::fs::read_to_string(&kafka.password_file).expect("a password");
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &kafka.bootstrap)
        .set("security.protocol", &kafka.security)
        .set("sasl.mechanism", &kafka.mechanism)
        .set("sasl.username", &kafka.user)
        .set("sasl.password", password.trim())
        .set("ssl.ca.location", kafka.ca.display().to_string())
        .set("group.id", "story")
        .set("enable.auto.commit", "false");
    config
}

/// Every record that the topic holds now. Blocks.
///
/// # Panics
/// When it cannot be read to its present end.
#[must_use]
pub fn read(kafka: &Kafka, topic: &str) -> Log {
    let consumer: BaseConsumer = client(kafka).create().expect("a consumer");
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).expect("Kafka answers");
    let (mut log, mut list, mut left) = (Log::new(), TopicPartitionList::new(), 0);
    for partition in metadata.topics()[0].partitions() {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), PATIENCE).expect("Kafka answers");
        log.insert(partition.id() as u32, vec![]);
        left += high - low;
        list.add_partition_offset(topic, partition.id(), Offset::Offset(low)).expect("an offset");
    }
    consumer.assign(&list).expect("partitions");
    let deadline = Instant::now() + DEADLINE;
    // Nothing is transactional here: every offset between the watermarks is a record.
    while left > 0 {
        assert!(Instant::now() < deadline, "{topic}: {left} records did not come");
        let Some(message) = consumer.poll(PATIENCE) else { continue };
        let message = message.expect("Kafka can be read");
        let records = log.get_mut(&(message.partition() as u32)).expect("an assigned partition");
        records.push((message.offset() as u64, message.payload().unwrap_or_default().to_vec()));
        left -= 1;
    }
    log
}

/// Deletes a topic, as an administrator by mistake.
///
/// # Panics
/// When Kafka refuses.
pub async fn delete(kafka: &Kafka, topic: &str) {
    let admin: AdminClient<DefaultClientContext> = client(kafka).create().expect("an administrator");
    let deleted = admin.delete_topics(&[topic], &AdminOptions::new()).await.expect("Kafka answers");
    assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
}
