//! What is parked in the topic of dead letters, for a command that is no central: joins no group, changes nothing.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::time::timeout;

use super::client::{Options, PATIENCE, Voice};
use super::source::Source;
use crate::dead_letter::Parked;
use crate::entry::ReadError;

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;
/// How long to listen for the reason of an error.
const HEARING: Duration = Duration::from_millis(500);

/// What is parked in the topic, oldest first.
///
/// # Errors
/// A sentence that names the server and says what to do.
pub async fn parked(options: &Options) -> io::Result<Vec<Parked>> {
    let (options, voice, topic) =
        (Arc::new(options.clone()), Voice::default(), options.beside("dead-letter"));
    let mut bounds = bounds(&options, voice.clone(), topic.clone()).await?;
    let mut parked = Vec::new();
    while !bounds.is_empty() {
        let mut source = Source::open(&options, voice.clone(), topic.clone(), 0, bounds.start)?;
        while !bounds.is_empty() {
            let read = timeout(PATIENCE, source.next(READ_BYTES)).await;
            match read.map_err(|_| silent(&options, &voice))? {
                Ok(stretch) => {
                    bounds.start = stretch.next;
                    // What cannot be decoded here was written by a later version.
                    parked.extend(
                        stretch.entries.into_iter().filter_map(|entry| Parked::decode(entry.payload).ok()),
                    );
                }
                Err(ReadError::Trimmed { start }) => {
                    bounds.start = start;
                    break;
                }
                Err(ReadError::Io(error)) => return Err(error),
                Err(ReadError::Closed) => return Ok(parked),
            }
        }
    }
    Ok(parked)
}

async fn bounds(options: &Arc<Options>, voice: Voice, topic: String) -> io::Result<Range<u64>> {
    let options = Arc::clone(options);
    let asking = tokio::task::spawn_blocking(move || {
        let made: Result<BaseConsumer<Voice>, KafkaError> =
            options.client()?.create_with_context(voice.clone());
        let asker = made.map_err(|error| options.failed(&error))?;
        match asker.fetch_watermarks(&topic, 0, PATIENCE) {
            Ok((low, high)) => Ok(low as u64..high as u64),
            Err(KafkaError::MetadataFetch(
                RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopic,
            )) => Err(io::Error::other(format!(
                "topic {topic} of Kafka at {} is missing: central makes it when it starts; is log.kafka.topic right?",
                options.bootstrap
            ))),
            Err(error) => {
                // Why nobody answered is told on another way, and a moment later.
                drop(asker.poll(HEARING));
                Err(voice.complaint().map_or_else(
                    || options.failed(&error),
                    |(code, reason)| io::Error::other(options.sentence(code, &reason)),
                ))
            }
        }
    });
    asking.await.expect("asking does not panic")
}

fn silent(options: &Options, voice: &Voice) -> io::Error {
    let (code, reason) = voice.complaint().unwrap_or((None, "nothing came in time".to_owned()));
    io::Error::other(options.sentence(code, &reason))
}
