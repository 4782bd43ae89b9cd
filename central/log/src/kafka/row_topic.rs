//! One partition of a topic that another system reads. Rows are written in transactions, each together with the position of the log that it
//! reaches to: whoever reads what was committed reads every row once, whatever died in between. Knows nothing of what rows say.
//!
//! The position stands in a compacted topic beside it, in the partition of the same number. A transaction whose outcome is not known is
//! looked up there; Kafka ends what an earlier writer of the partition left open when the next one begins.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message as _;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};

use super::client::{Options, REQUEST_TIMEOUT};
use crate::incarnation::Incarnation;

/// How long a transaction may take, and whatever ends one.
const TRANSACTION: Duration = Duration::from_secs(30);
/// How long the positions may take to be read.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The one key of a partition's positions.
const KEY: &[u8] = b"log";
/// Bytes of a position: the log's incarnation, and the offset that comes next, big-endian.
const POSITION_BYTES: usize = 24;

/// The rows of one partition of the log for another system.
pub struct RowTopic {
    options: Arc<Options>,
    topic: String,
    partition: u32,
    incarnation: Incarnation,
    /// Nothing after a failure: the next one finds out how far it has come.
    producer: Option<FutureProducer>,
}

impl RowTopic {
    /// Opens nothing yet.
    pub fn new(options: Arc<Options>, topic: String, partition: u32, incarnation: Incarnation) -> Self {
        Self { options, topic, partition, incarnation, producer: None }
    }

    /// Whether [`begin`](Self::begin) is to be called before the next rows.
    pub fn is_begun(&self) -> bool {
        self.producer.is_some()
    }

    /// Makes the topics where they are missing, ends what an earlier writer left open, and says up to where of this log rows are there;
    /// nothing where none is.
    ///
    /// # Errors
    /// Transient: one sentence.
    pub async fn begin(&mut self) -> io::Result<Option<u64>> {
        self.producer = None;
        self.make_topics().await?;
        let mut config = self.options.client()?;
        config
            .set("transactional.id", format!("{}-{}", self.topic, self.partition))
            .set("transaction.timeout.ms", TRANSACTION.as_millis().to_string())
            .set("compression.type", "lz4")
            .set("linger.ms", "5");
        let producer: FutureProducer = config.create().map_err(|error| self.options.failed(&error))?;
        let begun = producer.clone();
        self.ask(move || begun.init_transactions(TRANSACTION)).await?;
        let position = self.position().await?;
        self.producer = Some(producer);
        Ok(position)
    }

    /// Writes rows, and that the log is done up to `next`. All of it is there afterwards; after an error all of it or nothing.
    ///
    /// # Errors
    /// Transient: one sentence; [`begin`](Self::begin) says then what is there.
    pub async fn write(&mut self, rows: &[&Bytes], next: u64) -> io::Result<()> {
        let Some(producer) = self.producer.take() else {
            return Err(io::Error::other("the topic of rows has not begun"));
        };
        let written = self.transact(&producer, rows, next).await;
        if written.is_ok() {
            self.producer = Some(producer);
        } else {
            // Its last thread ends when it is dropped, which blocks.
            let _ = self.ask(move || producer.abort_transaction(REQUEST_TIMEOUT)).await;
        }
        written
    }

    async fn transact(&self, producer: &FutureProducer, rows: &[&Bytes], next: u64) -> io::Result<()> {
        let failed = |error: &KafkaError| self.options.failed(error);
        producer.begin_transaction().map_err(|error| failed(&error))?;
        let mut deliveries = Vec::with_capacity(rows.len() + 1);
        for row in rows {
            let record = FutureRecord::<[u8], [u8]>::to(&self.topic)
                .partition(self.partition as i32)
                .payload(row.as_ref());
            deliveries.push(producer.send_result(record).map_err(|(error, _)| failed(&error))?);
        }
        let (positions, position) = (positions_of(&self.topic), encode(self.incarnation, next));
        let record = FutureRecord::<[u8], [u8]>::to(&positions)
            .partition(self.partition as i32)
            .key(KEY)
            .payload(&position[..]);
        deliveries.push(producer.send_result(record).map_err(|(error, _)| failed(&error))?);
        for delivery in deliveries {
            let delivered = delivery.await.map_err(|_| io::Error::other("the client of Kafka has ended"))?;
            delivered.map_err(|(error, _)| failed(&error))?;
        }
        let committed = producer.clone();
        self.ask(move || committed.commit_transaction(TRANSACTION)).await
    }

    /// The newest position that was committed.
    async fn position(&self) -> io::Result<Option<u64>> {
        let mut config = self.options.client()?;
        config
            .set("group.id", &self.options.group)
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("auto.offset.reset", "earliest")
            // The last offsets hold no record, but the marks of transactions.
            .set("enable.partition.eof", "true");
        let consumer: BaseConsumer = config.create().map_err(|error| self.options.failed(&error))?;
        let (topic, partition) = (positions_of(&self.topic), self.partition as i32);
        let found = self
            .ask(move || {
                let mut assigned = TopicPartitionList::new();
                assigned.add_partition_offset(&topic, partition, Offset::Beginning)?;
                consumer.assign(&assigned)?;
                let deadline = std::time::Instant::now() + READ_TIMEOUT;
                let mut newest = None;
                while std::time::Instant::now() < deadline {
                    match consumer.poll(Duration::from_millis(100)) {
                        Some(Ok(message)) => newest = message.payload().map(<[u8]>::to_vec).or(newest),
                        Some(Err(KafkaError::PartitionEOF(_))) => return Ok(newest),
                        // The client gets over it by itself, or the time is over.
                        Some(Err(error)) => tracing::debug!(%error, topic, "reading positions"),
                        None => {}
                    }
                }
                Err(KafkaError::MessageConsumption(Code::OperationTimedOut))
            })
            .await?;
        Ok(found.and_then(|bytes| decode(&bytes, self.incarnation)))
    }

    async fn make_topics(&self) -> io::Result<()> {
        let admin: AdminClient<DefaultClientContext> =
            self.options.client()?.create().map_err(|error| self.options.failed(&error))?;
        let retention = self.options.retention.as_millis().to_string();
        let positions = positions_of(&self.topic);
        let topics = [
            self.new_topic(&self.topic, "retention.ms", &retention),
            self.new_topic(&positions, "cleanup.policy", "compact"),
        ];
        let timeouts = AdminOptions::new()
            .request_timeout(Some(REQUEST_TIMEOUT))
            .operation_timeout(Some(REQUEST_TIMEOUT));
        let answers = admin.create_topics(&topics, &timeouts).await;
        for answer in answers.map_err(|error| self.options.failed(&error))? {
            if let Err((topic, code)) = answer
                && code != Code::TopicAlreadyExists
            {
                return Err(io::Error::other(format!(
                    "topic {topic}: {}",
                    self.options.sentence(Some(code), &code.to_string())
                )));
            }
        }
        Ok(())
    }

    fn new_topic<'a>(&self, name: &'a str, setting: &'a str, value: &'a str) -> NewTopic<'a> {
        let in_sync = if self.options.replication > 1 { "2" } else { "1" };
        let replication = TopicReplication::Fixed(i32::from(self.options.replication));
        NewTopic::new(name, self.options.partitions as i32, replication)
            .set("min.insync.replicas", in_sync)
            .set("unclean.leader.election.enable", "false")
            .set(setting, value)
    }

    /// On a thread that may block.
    async fn ask<T: Send + 'static>(
        &self,
        act: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
    ) -> io::Result<T> {
        let done = tokio::task::spawn_blocking(act).await;
        done.expect("asking Kafka does not panic").map_err(|error| self.options.failed(&error))
    }
}

fn positions_of(topic: &str) -> String {
    format!("{topic}.positions")
}

fn encode(incarnation: Incarnation, next: u64) -> [u8; POSITION_BYTES] {
    let mut bytes = [0; POSITION_BYTES];
    bytes[..16].copy_from_slice(&incarnation.0);
    bytes[16..].copy_from_slice(&next.to_be_bytes());
    bytes
}

/// Nothing where it is of another log.
fn decode(bytes: &[u8], incarnation: Incarnation) -> Option<u64> {
    let next = bytes.strip_prefix(&incarnation.0[..])?;
    Some(u64::from_be_bytes(next.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_position_is_read_as_it_was_written_and_no_other_logs_is(id in any::<[u8; 16]>(), next in any::<u64>()) {
            let bytes = encode(Incarnation(id), next);
            prop_assert_eq!(decode(&bytes, Incarnation(id)), Some(next));
            let other = id.map(|byte| !byte);
            prop_assert_eq!(decode(&bytes, Incarnation(other)), None);
        }

        #[test]
        fn rubbish_is_no_position(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(decode(&bytes, Incarnation([0xfe; 16])).is_some(), bytes.len() == 24 && bytes.starts_with(&[0xfe; 16]));
        }
    }
}
