//! Checkpoints in a topic of their own. Any central reads what any other wrote.
//!
//! A checkpoint is a run of chunks in the partition of its own number; in the partition that many further on stands the list of the
//! checkpoints there are, whose last record is the newest. So nothing has to be searched, and Kafka's own retention takes old ones away.
//! The first partition's list also keeps the number of the log's topic.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use tokio::time::timeout;

use super::client::{Options, REQUEST_TIMEOUT};
use super::client_errors::ClientErrors;
use super::identity::TopicIdentity;
use super::metadata::MetadataClient;
use super::reader::KafkaReader;
use super::topic_writer::TopicWriter;
use crate::checkpoint::{self, to_delete};
use crate::deduplicator::Deduplicator;
use crate::entry::ReadError;
use crate::seen_offsets::Order;

/// Size of a chunk of a checkpoint, bytes.
const CHUNK_BYTES: usize = 512 << 10;
/// How long the chunks of a checkpoint may take to come.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A part of one checkpoint.
#[derive(Clone, PartialEq, Message)]
struct Chunk {
    /// A random number for each checkpoint: two centrals can mix their chunks.
    #[prost(fixed64, tag = "1")]
    checkpoint_id: u64,
    #[prost(uint32, tag = "2")]
    index: u32,
    #[prost(bytes = "bytes", tag = "3")]
    bytes: Bytes,
}

/// The checkpoints of one partition.
#[derive(Clone, PartialEq, Message)]
struct CheckpointList {
    #[prost(message, repeated, tag = "1")]
    kept: Vec<KeptCheckpoint>,
    /// The number in the settings of the log's topic, should an operator's tool reset them; 0 when it is not known.
    #[prost(fixed64, tag = "2")]
    topic_number: u64,
}

/// Where one checkpoint lies.
#[derive(Clone, PartialEq, Eq, Message)]
struct KeptCheckpoint {
    /// The log's offset that it stands at.
    #[prost(uint64, tag = "1")]
    position: u64,
    #[prost(fixed64, tag = "2")]
    checkpoint_id: u64,
    /// Offset of its first chunk.
    #[prost(uint64, tag = "3")]
    first: u64,
    #[prost(uint32, tag = "4")]
    chunks: u32,
    /// The log's incarnation.
    #[prost(bytes = "bytes", tag = "5")]
    incarnation: Bytes,
}

/// The topic of checkpoints; clones share it.
#[derive(Clone)]
pub(super) struct CheckpointTopic {
    writer: TopicWriter,
    metadata: MetadataClient,
    errors: ClientErrors,
    options: Arc<Options>,
    topic: String,
}

impl CheckpointTopic {
    pub(super) fn new(
        writer: TopicWriter,
        metadata: MetadataClient,
        errors: ClientErrors,
        options: Arc<Options>,
    ) -> Self {
        let topic = options.related_topic("checkpoints");
        Self { writer, metadata, errors, options, topic }
    }

    /// Writes a checkpoint; `needed` is the lowest offset that a consumer still needs.
    pub(super) async fn save(
        &self,
        partition: u32,
        deduplicator: Deduplicator,
        log: TopicIdentity,
        needed: u64,
    ) -> (Deduplicator, io::Result<()>) {
        let position = deduplicator.position();
        let encoding = tokio::task::spawn_blocking(move || {
            let bytes = Bytes::from(checkpoint::encode(&deduplicator, log.incarnation.0));
            (deduplicator, bytes)
        });
        let (deduplicator, bytes) = encoding.await.expect("encoding does not panic");
        let saved = self.write(partition, position, bytes, log, needed).await;
        (deduplicator, saved)
    }

    async fn write(
        &self,
        partition: u32,
        position: u64,
        bytes: Bytes,
        log: TopicIdentity,
        needed: u64,
    ) -> io::Result<()> {
        let checkpoint_id = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
        let mut first = None;
        let mut chunks = 0;
        let mut start = 0;
        while start < bytes.len() {
            let end = (start + CHUNK_BYTES).min(bytes.len());
            let chunk = Chunk { checkpoint_id, index: chunks, bytes: bytes.slice(start..end) };
            let offset = self.writer.append(&self.topic, partition, &chunk.encode_to_vec()).await?;
            first.get_or_insert(offset);
            (start, chunks) = (end, chunks + 1);
        }
        let first = first.ok_or_else(|| io::Error::other("an empty checkpoint"))?;
        let incarnation = Bytes::copy_from_slice(&log.incarnation.0);
        let mut list = self.list(partition).await?;
        list.topic_number = log.number;
        list.kept.retain(|kept| kept.incarnation == incarnation && kept.position != position);
        list.kept.push(KeptCheckpoint { position, checkpoint_id, first, chunks, incarnation });
        list.kept.sort_unstable_by_key(|kept| kept.position);
        let deleted = to_delete(list.kept.iter().map(|kept| kept.position).collect(), needed);
        list.kept.retain(|kept| !deleted.contains(&kept.position));
        self.write_list(partition, &list).await
    }

    /// The newest checkpoint at or below `position`, of those that can still be read.
    pub(super) async fn load(
        &self,
        partition: u32,
        position: u64,
        incarnation: [u8; 16],
    ) -> io::Result<Option<Deduplicator>> {
        let list = self.list(partition).await?;
        let usable =
            |kept: &&KeptCheckpoint| kept.position <= position && kept.incarnation == incarnation[..];
        for kept in list.kept.iter().rev().filter(usable) {
            let Some(bytes) = self.chunks(partition, kept).await? else { continue };
            let decoding =
                tokio::task::spawn_blocking(move || checkpoint::decode(&bytes, incarnation, Order::Gapless));
            match decoding.await.expect("decoding does not panic") {
                Ok(checkpoint) if checkpoint.position() == kept.position => return Ok(Some(checkpoint)),
                found => {
                    let error = found.err().map(|error| error.to_string());
                    tracing::warn!(partition, at = kept.position, error, "a checkpoint that cannot be used");
                }
            }
        }
        Ok(None)
    }

    /// The number of the log's topic as it was when it was last seen whole, if it was.
    pub(super) async fn topic_number(&self) -> io::Result<Option<u64>> {
        Ok(Some(self.list(0).await?.topic_number).filter(|number| *number > 0))
    }

    /// Keeps the number of the log's topic, unless it is kept already.
    pub(super) async fn keep_topic_number(&self, number: u64) -> io::Result<()> {
        let list = self.list(0).await?;
        if list.topic_number == number {
            return Ok(());
        }
        self.write_list(0, &CheckpointList { topic_number: number, ..list }).await
    }

    /// The bytes of a checkpoint; nothing when some are gone.
    async fn chunks(&self, partition: u32, kept: &KeptCheckpoint) -> io::Result<Option<Vec<u8>>> {
        let bounds = self.metadata.bounds(&self.topic, partition).await;
        let bounds = bounds.map_err(|error| self.options.failed(&error))?;
        if !bounds.contains(&kept.first) {
            return Ok(None);
        }
        let mut reader = self.reader(partition, kept.first)?;
        let (mut bytes, mut next) = (Vec::new(), 0);
        let reading = async {
            while next < kept.chunks {
                let batch = match reader.next(CHUNK_BYTES).await {
                    Ok(batch) => batch,
                    Err(ReadError::Io(error)) => return Err(error),
                    Err(ReadError::Trimmed { .. } | ReadError::Closed) => return Ok(None),
                };
                for entry in &batch.entries {
                    let Ok(chunk) = Chunk::decode(entry.payload.clone()) else { continue };
                    if chunk.checkpoint_id == kept.checkpoint_id && chunk.index == next {
                        bytes.extend_from_slice(&chunk.bytes);
                        next += 1;
                    }
                }
                if next < kept.chunks && batch.next >= bounds.end {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        };
        let read = timeout(READ_TIMEOUT, reading)
            .await
            .map_err(|_| io::Error::other("a checkpoint did not come in time"))??;
        Ok(read.map(|()| bytes))
    }

    /// The newest list; an empty one where there is none.
    async fn list(&self, partition: u32) -> io::Result<CheckpointList> {
        let partition = self.list_partition(partition);
        let bounds = self.metadata.bounds(&self.topic, partition).await;
        let bounds = bounds.map_err(|error| self.options.failed(&error))?;
        if bounds.is_empty() {
            return Ok(CheckpointList::default());
        }
        let mut reader = self.reader(partition, bounds.end - 1)?;
        let read = timeout(REQUEST_TIMEOUT, reader.next(1)).await;
        match read.map_err(|_| io::Error::other("the list of checkpoints did not come in time"))? {
            Ok(batch) => {
                let list = batch
                    .entries
                    .first()
                    .and_then(|entry| CheckpointList::decode(entry.payload.clone()).ok());
                Ok(list.unwrap_or_default())
            }
            Err(ReadError::Io(error)) => Err(error),
            Err(ReadError::Trimmed { .. } | ReadError::Closed) => Ok(CheckpointList::default()),
        }
    }

    async fn write_list(&self, partition: u32, list: &CheckpointList) -> io::Result<()> {
        let partition = self.list_partition(partition);
        self.writer.append(&self.topic, partition, &list.encode_to_vec()).await.map(drop)
    }

    fn list_partition(&self, partition: u32) -> u32 {
        self.options.partitions + partition
    }

    fn reader(&self, partition: u32, from: u64) -> io::Result<KafkaReader> {
        KafkaReader::open(&self.options, self.errors.clone(), self.topic.clone(), partition, from)
    }
}
