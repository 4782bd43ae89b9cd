//! Dead letters in a topic beside the log's, where every central puts them; and how a command that is no central reads them: it joins no
//! group and changes nothing.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use prost::Message as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::time::timeout;

use super::client::{Options, REQUEST_TIMEOUT};
use super::client_errors::ClientErrors;
use super::metadata::MetadataClient;
use super::reader::KafkaReader;
use super::topic_writer::TopicWriter;
use crate::dead_letter::{DeadLetterStore, ParkError, Parked};
use crate::entry::ReadError;

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;

/// The topic of dead letters.
pub(super) struct DeadLetterTopic {
    writer: TopicWriter,
    topic: String,
}

impl DeadLetterTopic {
    pub(super) fn new(writer: TopicWriter, options: &Options) -> Self {
        Self { writer, topic: options.related_topic("dead-letter") }
    }
}

impl DeadLetterStore for DeadLetterTopic {
    fn append(&self, letters: Vec<Bytes>) -> BoxFuture<'_, Result<(), ParkError>> {
        async move {
            for letter in letters {
                self.writer.append(&self.topic, 0, &letter).await?;
            }
            Ok(())
        }
        .boxed()
    }
}

/// The dead letters in the topic, oldest first.
///
/// # Errors
/// A sentence that names the server and says what to do.
pub async fn read_dead_letters(options: &Options) -> io::Result<Vec<Parked>> {
    let (options, errors, topic) =
        (Arc::new(options.clone()), ClientErrors::default(), options.related_topic("dead-letter"));
    let metadata = MetadataClient::new(&options.client()?, Arc::clone(&options), errors.clone())
        .map_err(|error| options.failed(&error))?;
    let mut bounds = match metadata.bounds(&topic, 0).await {
        Ok(bounds) => bounds,
        Err(error) => return Err(unreadable(&options, &metadata, &topic, &error).await),
    };
    let mut letters = Vec::new();
    while !bounds.is_empty() {
        let mut reader = KafkaReader::open(&options, errors.clone(), topic.clone(), 0, bounds.start)?;
        while !bounds.is_empty() {
            let read = timeout(REQUEST_TIMEOUT, reader.next(READ_BYTES)).await;
            match read.map_err(|_| too_slow(&options, &errors))? {
                Ok(batch) => {
                    bounds.start = batch.next;
                    // What cannot be decoded here was written by a later version.
                    letters.extend(
                        batch.entries.into_iter().filter_map(|entry| Parked::decode(entry.payload).ok()),
                    );
                }
                Err(ReadError::Trimmed { start }) => {
                    bounds.start = start;
                    break;
                }
                Err(ReadError::Io(error)) => return Err(error),
                Err(ReadError::Closed) => return Ok(letters),
            }
        }
    }
    Ok(letters)
}

async fn unreadable(
    options: &Options,
    metadata: &MetadataClient,
    topic: &str,
    error: &KafkaError,
) -> io::Error {
    let missing = matches!(
        error,
        KafkaError::MetadataFetch(
            RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopic,
        )
    );
    io::Error::other(if missing {
        format!(
            "topic {topic} of Kafka at {} is missing: central makes it when it starts; is log.kafka.topic right?",
            options.bootstrap
        )
    } else {
        metadata.explain(error).await
    })
}

fn too_slow(options: &Options, errors: &ClientErrors) -> io::Error {
    let (code, reason) = errors.last().unwrap_or((None, "nothing came in time".to_owned()));
    io::Error::other(options.sentence(code, &reason))
}
