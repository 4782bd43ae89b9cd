//! Asks Kafka about topics: which there are, and from where to where they reach. Reads no record and changes nothing.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};

use super::client::{Options, REQUEST_TIMEOUT};
use super::client_errors::ClientErrors;

/// How long to wait for a client to report why a request failed.
const ERROR_WAIT: Duration = Duration::from_millis(500);

/// A client for requests of metadata; clones share it.
#[derive(Clone)]
pub(super) struct MetadataClient {
    consumer: Arc<BaseConsumer<ClientErrors>>,
    errors: ClientErrors,
    options: Arc<Options>,
}

impl MetadataClient {
    pub(super) fn new(
        config: &ClientConfig,
        options: Arc<Options>,
        errors: ClientErrors,
    ) -> KafkaResult<Self> {
        let consumer = Arc::new(config.create_with_context(errors.clone())?);
        Ok(Self { consumer, errors, options })
    }

    /// Asks on a thread that may block.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        request: impl FnOnce(&BaseConsumer<ClientErrors>) -> T + Send + 'static,
    ) -> T {
        let consumer = Arc::clone(&self.consumer);
        let answer = tokio::task::spawn_blocking(move || {
            let answer = request(&consumer);
            // Errors are reported by polling; there are no messages to get.
            while consumer.poll(Duration::ZERO).is_some() {}
            answer
        });
        answer.await.expect("asking does not panic")
    }

    /// First offset and end of a partition of a topic.
    pub(super) async fn bounds(&self, topic: &str, partition: u32) -> KafkaResult<Range<u64>> {
        let (topic, partition) = (topic.to_owned(), partition as i32);
        let (low, high) =
            self.ask(move |client| client.fetch_watermarks(&topic, partition, REQUEST_TIMEOUT)).await?;
        Ok(low as u64..high as u64)
    }

    /// Why a request was not answered, as a sentence: the client reports it apart from the answer, and a moment later.
    pub(super) async fn explain(&self, error: &KafkaError) -> String {
        self.ask(|client| drop(client.poll(ERROR_WAIT))).await;
        let (code, reason) =
            self.errors.last().unwrap_or_else(|| (error.rdkafka_error_code(), error.to_string()));
        self.options.sentence(code, &reason)
    }
}
