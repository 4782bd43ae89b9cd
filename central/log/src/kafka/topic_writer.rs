//! Writes to the topics beside the log's. Knows nothing of what it writes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::util::Timeout;

use super::client::{Options, REQUEST_TIMEOUT};
use super::client_errors::ClientErrors;

/// How long a record may take to be written.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// A producer of its own, so that what is kept beside the log does not wait for records; clones share it.
#[derive(Clone)]
pub(super) struct TopicWriter {
    producer: FutureProducer<ClientErrors>,
    options: Arc<Options>,
}

impl TopicWriter {
    pub(super) fn new(options: Arc<Options>, errors: ClientErrors) -> io::Result<Self> {
        let mut config = options.client()?;
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", WRITE_TIMEOUT.as_millis().to_string())
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .set("message.max.bytes", (2_u32 << 20).to_string());
        let producer = config.create_with_context(errors).map_err(|error| options.failed(&error))?;
        Ok(Self { producer, options })
    }

    /// Appends a record; its offset, once all in-sync brokers have it.
    pub(super) async fn append(&self, topic: &str, partition: u32, payload: &[u8]) -> io::Result<u64> {
        let record = FutureRecord::<(), [u8]>::to(topic).partition(partition as i32).payload(payload);
        let sent = self.producer.send(record, Timeout::After(WRITE_TIMEOUT)).await;
        let sent = sent.map_err(|(error, _)| self.options.failed(&error))?;
        Ok(sent.offset as u64)
    }

    /// Writes what is queued. Blocks.
    pub(super) fn flush(&self) {
        if let Err(error) = self.producer.flush(REQUEST_TIMEOUT) {
            tracing::warn!(%error, "not everything that was to be kept beside the log was");
        }
    }
}
