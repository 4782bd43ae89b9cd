//! Reads one partition of a topic with a client of its own: the head and a sink that lags behind do not hold each other up.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::FutureExt as _;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::client::{Options, REQUEST_TIMEOUT};
use super::client_errors::ClientErrors;
use super::end_offsets::EndOffsets;
use crate::entry::{EntryBatch, RawEntry, ReadError};

/// What the client fetches ahead, KiB.
const PREFETCH_KIB: usize = 4096;
/// How long to wait after something that the client gets over by itself.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Reads one partition of a topic in order.
pub(crate) struct KafkaReader {
    consumer: Option<Arc<StreamConsumer<ClientErrors>>>,
    options: Arc<Options>,
    topic: String,
    partition: u32,
    position: u64,
    ends: Option<Arc<EndOffsets>>,
}

impl KafkaReader {
    /// From an offset of the log's topic on.
    pub(super) fn of_log(
        options: &Arc<Options>,
        errors: ClientErrors,
        partition: u32,
        from: u64,
        ends: Arc<EndOffsets>,
    ) -> io::Result<Self> {
        let mut reader = Self::open(options, errors, options.topic.clone(), partition, from)?;
        reader.ends = Some(ends);
        Ok(reader)
    }

    /// From an offset of any topic on.
    pub(super) fn open(
        options: &Arc<Options>,
        errors: ClientErrors,
        topic: String,
        partition: u32,
        from: u64,
    ) -> io::Result<Self> {
        let mut config = options.client()?;
        config
            .set("group.id", &options.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("queued.max.messages.kbytes", PREFETCH_KIB.to_string())
            .set("fetch.queue.backoff.ms", "10")
            .set("fetch.error.backoff.ms", "100");
        let consumer: StreamConsumer<ClientErrors> =
            config.create_with_context(errors).map_err(|error| options.failed(&error))?;
        let mut assigned = TopicPartitionList::new();
        assigned
            .add_partition_offset(&topic, partition as i32, Offset::Offset(from as i64))
            .and_then(|()| consumer.assign(&assigned))
            .map_err(|error| options.failed(&error))?;
        let consumer = Some(Arc::new(consumer));
        Ok(Self { consumer, options: Arc::clone(options), topic, partition, position: from, ends: None })
    }

    /// The next entries, waiting for them if need be; together at most about `max_bytes`. Cancel-safe.
    pub(crate) async fn next(&mut self, max_bytes: usize) -> Result<EntryBatch, ReadError> {
        let consumer = Arc::clone(self.consumer.as_ref().expect("it is there until dropped"));
        let mut builder = EntryBatchBuilder::default();
        loop {
            match consumer.recv().await {
                Ok(message) => {
                    builder.add(&message);
                    break;
                }
                Err(error) => self.handle_error(&consumer, error).await?,
            }
        }
        while builder.buffer.len() < max_bytes {
            match consumer.recv().now_or_never() {
                Some(Ok(message)) => builder.add(&message),
                // An error comes again when it matters.
                Some(Err(_)) | None => break,
            }
        }
        let batch = builder.finish();
        self.position = batch.next;
        if let Some(ends) = &self.ends {
            ends.reached(self.partition, batch.next);
        }
        Ok(batch)
    }

    /// Most errors the client gets over by itself.
    async fn handle_error(
        &self,
        consumer: &Arc<StreamConsumer<ClientErrors>>,
        error: KafkaError,
    ) -> Result<(), ReadError> {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset) => {
                let (asked, topic, partition) =
                    (Arc::clone(consumer), self.topic.clone(), self.partition as i32);
                let bounds = tokio::task::spawn_blocking(move || {
                    asked.fetch_watermarks(&topic, partition, REQUEST_TIMEOUT)
                });
                let (low, high) = bounds
                    .await
                    .expect("asking does not panic")
                    .map_err(|error| self.options.failed(&error))?;
                if self.position < low as u64 {
                    return Err(ReadError::Trimmed { start: low as u64 });
                }
                Err(io::Error::other(format!(
                    "partition {} of topic {} ends at {high}, before {}: it lost records, or was made again",
                    self.partition, self.topic, self.position
                ))
                .into())
            }
            Some(
                RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition,
            ) => Err(self.options.failed(&error).into()),
            _ => {
                tracing::debug!(%error, partition = self.partition, "reading from Kafka");
                tokio::time::sleep(RETRY_INTERVAL).await;
                Ok(())
            }
        }
    }
}

impl Drop for KafkaReader {
    fn drop(&mut self) {
        // Closing a client blocks: not on a thread of the runtime.
        if let (Some(consumer), Ok(runtime)) = (self.consumer.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn_blocking(move || drop(consumer));
        }
    }
}

/// Collects messages as entries that are all cut from one buffer.
#[derive(Default)]
struct EntryBatchBuilder {
    buffer: BytesMut,
    ends: Vec<(u64, usize)>,
}

impl EntryBatchBuilder {
    fn add(&mut self, message: &BorrowedMessage<'_>) {
        self.buffer.extend_from_slice(message.payload().unwrap_or_default());
        self.ends.push((message.offset() as u64, self.buffer.len()));
    }

    fn finish(self) -> EntryBatch {
        let (buffer, mut start) = (self.buffer.freeze(), 0);
        let next = self.ends.last().map_or(0, |(offset, _)| offset + 1);
        let entries = self.ends.into_iter().map(|(offset, end)| {
            let payload = buffer.slice(start..end);
            start = end;
            RawEntry { offset, payload }
        });
        EntryBatch { entries: entries.collect(), next }
    }
}
