//! What the log keeps beside the records, in topics of its own: checkpoints of readers, and what was parked. Any central reads what any
//! other wrote.
//!
//! A checkpoint is a run of pieces in the partition of its own number; in the partition that many further on stands the list of the
//! checkpoints there are, whose last record is the newest. So nothing has to be searched, and Kafka's own retention takes old ones away.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::util::Timeout;
use tokio::time::timeout;

use super::client::{Options, PATIENCE, Voice};
use super::membership::Membership;
use super::source::Source;
use crate::checkpoint::{self, superfluous};
use crate::deduplicator::Deduplicator;
use crate::entry::ReadError;
use crate::seen_offsets::Order;

/// A piece of a checkpoint, bytes.
const CHUNK_BYTES: usize = 512 << 10;
/// How long a checkpoint, or what is to be parked, may take to be written.
const WRITING: Duration = Duration::from_secs(30);
/// How long the pieces of a checkpoint may take to come.
const READING: Duration = Duration::from_secs(30);

/// A piece of one checkpoint.
#[derive(Clone, PartialEq, Message)]
struct Chunk {
    /// Whose it is: two writers can mix their pieces.
    #[prost(fixed64, tag = "1")]
    writing: u64,
    #[prost(uint32, tag = "2")]
    index: u32,
    #[prost(bytes = "bytes", tag = "3")]
    bytes: Bytes,
}

/// The checkpoints of one partition.
#[derive(Clone, PartialEq, Message)]
struct List {
    #[prost(message, repeated, tag = "1")]
    kept: Vec<Kept>,
}

/// Where one checkpoint lies.
#[derive(Clone, PartialEq, Eq, Message)]
struct Kept {
    /// The log's offset that it stands at.
    #[prost(uint64, tag = "1")]
    position: u64,
    #[prost(fixed64, tag = "2")]
    writing: u64,
    /// Offset of its first piece.
    #[prost(uint64, tag = "3")]
    first: u64,
    #[prost(uint32, tag = "4")]
    pieces: u32,
    /// The log's name.
    #[prost(bytes = "bytes", tag = "5")]
    incarnation: Bytes,
}

/// Writes and reads what is kept beside the log; clones share it.
#[derive(Clone)]
pub(crate) struct Archive {
    producer: FutureProducer<Voice>,
    options: Arc<Options>,
    voice: Voice,
    checkpoints: String,
    dead_letter: String,
}

impl Archive {
    pub(super) fn new(options: &Arc<Options>, voice: Voice) -> io::Result<Self> {
        let mut config = options.client()?;
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", WRITING.as_millis().to_string())
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .set("message.max.bytes", (2_u32 << 20).to_string());
        let producer = config.create_with_context(voice.clone()).map_err(|error| options.failed(&error))?;
        let (checkpoints, dead_letter) = (options.beside("checkpoints"), options.beside("dead-letter"));
        Ok(Self { producer, options: Arc::clone(options), voice, checkpoints, dead_letter })
    }

    /// Puts something where unreadable things are kept.
    pub(crate) async fn park(&self, parked: Bytes) -> io::Result<()> {
        self.send(&self.dead_letter, 0, &parked).await.map(drop)
    }

    /// Keeps the state of a reader; `needed` is the lowest offset that a consumer still needs.
    pub(super) async fn save(
        &self,
        group: &Membership,
        partition: u32,
        reader: Deduplicator,
        incarnation: [u8; 16],
        needed: u64,
    ) -> (Deduplicator, io::Result<()>) {
        let (position, encoding) = (
            reader.position(),
            tokio::task::spawn_blocking(move || {
                let bytes = Bytes::from(checkpoint::encode(&reader, incarnation));
                (reader, bytes)
            }),
        );
        let (reader, bytes) = encoding.await.expect("encoding does not panic");
        let saved = self.write(group, partition, position, bytes, incarnation, needed).await;
        (reader, saved)
    }

    async fn write(
        &self,
        group: &Membership,
        partition: u32,
        position: u64,
        bytes: Bytes,
        incarnation: [u8; 16],
        needed: u64,
    ) -> io::Result<()> {
        let writing = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
        let mut first = None;
        let mut pieces = 0;
        let mut start = 0;
        while start < bytes.len() {
            let end = (start + CHUNK_BYTES).min(bytes.len());
            let piece = Chunk { writing, index: pieces, bytes: bytes.slice(start..end) };
            let offset = self.send(&self.checkpoints, partition, &piece.encode_to_vec()).await?;
            first.get_or_insert(offset);
            (start, pieces) = (end, pieces + 1);
        }
        let first = first.ok_or_else(|| io::Error::other("an empty checkpoint"))?;
        let incarnation = Bytes::copy_from_slice(&incarnation);
        let mut list = self.list(group, partition).await?;
        list.kept.retain(|kept| kept.incarnation == incarnation && kept.position != position);
        list.kept.push(Kept { position, writing, first, pieces, incarnation });
        list.kept.sort_unstable_by_key(|kept| kept.position);
        let gone = superfluous(list.kept.iter().map(|kept| kept.position).collect(), needed);
        list.kept.retain(|kept| !gone.contains(&kept.position));
        self.send(&self.checkpoints, self.options.partitions + partition, &list.encode_to_vec())
            .await
            .map(drop)
    }

    /// The newest state of a reader at or below `position`, of those that can still be read.
    pub(super) async fn load(
        &self,
        group: &Membership,
        partition: u32,
        position: u64,
        incarnation: [u8; 16],
    ) -> io::Result<Option<Deduplicator>> {
        let list = self.list(group, partition).await?;
        let usable = |kept: &&Kept| kept.position <= position && kept.incarnation == incarnation[..];
        for kept in list.kept.iter().rev().filter(usable) {
            let Some(bytes) = self.pieces(group, partition, kept).await? else { continue };
            let decoding =
                tokio::task::spawn_blocking(move || checkpoint::decode(&bytes, incarnation, Order::Gapless));
            match decoding.await.expect("decoding does not panic") {
                Ok(reader) if reader.position() == kept.position => return Ok(Some(reader)),
                found => {
                    let error = found.err().map(|error| error.to_string());
                    tracing::warn!(partition, at = kept.position, error, "a checkpoint that cannot be used");
                }
            }
        }
        Ok(None)
    }

    /// The bytes of a checkpoint; nothing when some are gone.
    async fn pieces(&self, group: &Membership, partition: u32, kept: &Kept) -> io::Result<Option<Vec<u8>>> {
        let bounds = group.bounds_of(&self.checkpoints, partition).await?;
        if !bounds.contains(&kept.first) {
            return Ok(None);
        }
        let mut source = self.source(partition, kept.first)?;
        let (mut bytes, mut next) = (Vec::new(), 0);
        let reading = async {
            while next < kept.pieces {
                let stretch = match source.next(CHUNK_BYTES).await {
                    Ok(stretch) => stretch,
                    Err(ReadError::Io(error)) => return Err(error),
                    Err(ReadError::Trimmed { .. } | ReadError::Closed) => return Ok(None),
                };
                for entry in &stretch.entries {
                    let Ok(piece) = Chunk::decode(entry.payload.clone()) else { continue };
                    if piece.writing == kept.writing && piece.index == next {
                        bytes.extend_from_slice(&piece.bytes);
                        next += 1;
                    }
                }
                if next < kept.pieces && stretch.next >= bounds.end {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        };
        let read = timeout(READING, reading)
            .await
            .map_err(|_| io::Error::other("a checkpoint did not come in time"))??;
        Ok(read.map(|()| bytes))
    }

    /// The newest list; an empty one where there is none.
    async fn list(&self, group: &Membership, partition: u32) -> io::Result<List> {
        let beside = self.options.partitions + partition;
        let bounds = group.bounds_of(&self.checkpoints, beside).await?;
        if bounds.is_empty() {
            return Ok(List::default());
        }
        let mut source = self.source(beside, bounds.end - 1)?;
        let read = timeout(PATIENCE, source.next(1)).await;
        match read.map_err(|_| io::Error::other("the list of checkpoints did not come in time"))? {
            Ok(stretch) => {
                let list = stretch.entries.first().and_then(|entry| List::decode(entry.payload.clone()).ok());
                Ok(list.unwrap_or_default())
            }
            Err(ReadError::Io(error)) => Err(error),
            Err(ReadError::Trimmed { .. } | ReadError::Closed) => Ok(List::default()),
        }
    }

    fn source(&self, partition: u32, from: u64) -> io::Result<Source> {
        Source::open(&self.options, self.voice.clone(), self.checkpoints.clone(), partition, from)
    }

    async fn send(&self, topic: &str, partition: u32, payload: &[u8]) -> io::Result<u64> {
        let record = FutureRecord::<(), [u8]>::to(topic).partition(partition as i32).payload(payload);
        let sent = self.producer.send(record, Timeout::After(WRITING)).await;
        let sent = sent.map_err(|(error, _)| self.options.failed(&error))?;
        Ok(sent.offset as u64)
    }

    /// Writes what is queued. Blocks.
    pub(super) fn finish(&self) {
        if let Err(error) = self.producer.flush(PATIENCE) {
            tracing::warn!(%error, "not everything that was to be kept beside the log was");
        }
    }
}
