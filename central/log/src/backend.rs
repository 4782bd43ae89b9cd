//! Where the log is kept, as one enum for each of the log's parts. Only this file names both backends; neither of them names it.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::deduplicator::Deduplicator;
use super::embedded::{self, EmbeddedLog, EmbeddedPartition};
use super::entry::{EntryBatch, ReadError};
use super::error::Refused;
use super::kafka::{KafkaLog, KafkaPartition, KafkaReader, ProducerGeneration};
use super::placement::PlacedRecord;
use super::seen_offsets::Order;

/// The whole log.
pub(super) enum Backend {
    /// The journal in the data folder.
    Embedded(Arc<EmbeddedLog>),
    /// A topic of Kafka.
    Kafka(KafkaLog),
}

impl Backend {
    /// A writer into the log as it is now.
    pub(super) fn writer(&self) -> LogWriter {
        match self {
            Self::Embedded(log) => LogWriter::Embedded(Arc::clone(log)),
            Self::Kafka(log) => match log.producer() {
                Some(producer) => LogWriter::Kafka(producer),
                None => LogWriter::Unavailable(log.faults().join("; ")),
            },
        }
    }

    /// What keeps the log from taking records, and what else is wrong with it, in sentences.
    pub(super) fn faults(&self) -> Vec<String> {
        match self {
            Self::Embedded(log) => log.refusal().into_iter().collect(),
            Self::Kafka(log) => log.faults(),
        }
    }

    /// What keeps records, for how long, and what to do about a sink that is late; the end of a sentence.
    pub(super) fn retention_sentence(&self) -> String {
        match self {
            Self::Embedded(_) => "the log keeps them".to_owned(),
            Self::Kafka(log) => log.retention_sentence(),
        }
    }

    /// Bytes that wait for a sink and hold up what comes in; Kafka's retention waits for no sink.
    pub(super) fn waiting_bytes(&self) -> u64 {
        match self {
            Self::Embedded(log) => log.waiting_bytes(),
            Self::Kafka(_) => 0,
        }
    }

    /// Writes what is queued and stops. Blocks.
    pub(super) fn close(&self) {
        match self {
            Self::Embedded(log) => log.close(),
            Self::Kafka(log) => log.close(),
        }
    }
}

/// Writes one edge's records into the log, in their order and without a hole.
pub(super) enum LogWriter {
    /// Into the journal in the data folder.
    Embedded(Arc<EmbeddedLog>),
    /// To a topic of Kafka, as long as this producer lives.
    Kafka(Arc<ProducerGeneration>),
    /// Nothing can be written, for this reason.
    Unavailable(String),
}

impl LogWriter {
    /// Queues records in their order; the answer comes once all of them are kept. `failed` is set at once when they are known not to be.
    pub(super) fn append(
        &self,
        placed: Vec<PlacedRecord>,
        failed: &AtomicBool,
    ) -> BoxFuture<'static, Result<(), Refused>> {
        match self {
            Self::Embedded(log) => log.append(placed).boxed(),
            Self::Kafka(producer) => producer.append(placed, failed).boxed(),
            Self::Unavailable(reason) => {
                std::future::ready(Err(Refused::Unavailable(reason.clone()))).boxed()
            }
        }
    }

    /// Returns when nothing more can be appended by it, and says why.
    pub(super) async fn closed(&self) -> String {
        match self {
            Self::Embedded(_) => std::future::pending().await,
            Self::Kafka(producer) => {
                producer.failed().cancelled().await;
                "the log begins anew: send again what was not acknowledged".into()
            }
            Self::Unavailable(reason) => reason.clone(),
        }
    }
}

/// One partition of the log.
pub(super) enum PartitionLog {
    /// The journal in the data folder.
    Embedded(EmbeddedPartition),
    /// A partition of a topic of Kafka.
    Kafka(KafkaPartition),
}

impl PartitionLog {
    /// In which order an edge's records come.
    pub(super) fn order(&self) -> Order {
        match self {
            Self::Embedded(_) => Order::OutOfOrder,
            Self::Kafka(_) => Order::Gapless,
        }
    }

    /// One past the last entry, as far as is known without asking.
    pub(super) fn end(&self) -> u64 {
        match self {
            Self::Embedded(partition) => partition.end(),
            Self::Kafka(partition) => partition.end(),
        }
    }

    /// The first offset that is kept, and the one past the last.
    pub(super) async fn bounds(&self) -> io::Result<Range<u64>> {
        match self {
            Self::Embedded(partition) => Ok(partition.bounds()),
            Self::Kafka(partition) => partition.bounds().await,
        }
    }

    /// The offset of the first entry kept at `at` or later, or somewhat before.
    pub(super) async fn seek_time(&self, at: SystemTime) -> io::Result<u64> {
        match self {
            Self::Embedded(partition) => Ok(partition.seek_time(at)),
            Self::Kafka(partition) => partition.seek_time(at).await,
        }
    }

    /// Reads entries from an offset on.
    pub(super) fn reader(&self, from: u64) -> io::Result<PartitionReader> {
        match self {
            Self::Embedded(partition) => Ok(PartitionReader::Embedded(partition.reader(from))),
            Self::Kafka(partition) => partition.reader(from).map(PartitionReader::Kafka),
        }
    }

    /// The newest checkpoint at or below `position`.
    pub(super) async fn load(&self, position: u64) -> io::Result<Option<Deduplicator>> {
        match self {
            Self::Embedded(partition) => partition.load(position).await,
            Self::Kafka(partition) => partition.load(position).await,
        }
    }

    /// Writes a checkpoint; `needed` is the lowest offset that a consumer still needs.
    pub(super) async fn save(
        &self,
        deduplicator: Deduplicator,
        needed: u64,
    ) -> (Deduplicator, io::Result<()>) {
        match self {
            Self::Embedded(partition) => partition.save(deduplicator, needed).await,
            Self::Kafka(partition) => partition.save(deduplicator, needed).await,
        }
    }

    /// The offset that a consumer committed, if it did.
    pub(super) fn committed(&self, consumer: &str) -> io::Result<Option<u64>> {
        match self {
            Self::Embedded(partition) => partition.committed(consumer),
            Self::Kafka(partition) => Ok(partition.committed(consumer)),
        }
    }

    /// Everything below `next` is in the consumer's store, everything below `needed` in all stores.
    pub(super) fn commit(&self, consumer: &'static str, next: u64, needed: u64) -> io::Result<()> {
        match self {
            Self::Embedded(partition) => partition.commit(consumer, next, needed),
            Self::Kafka(partition) => partition.commit(consumer, next, needed),
        }
    }
}

/// Reads the entries of one partition in order.
pub(super) enum PartitionReader {
    /// From the journal in the data folder.
    Embedded(footfall_journal::Reader),
    /// From a partition of a topic of Kafka.
    Kafka(KafkaReader),
}

impl PartitionReader {
    /// The next entries, waiting for them if need be; together at most `max_bytes`, but for a single larger one. Cancel-safe.
    pub(super) async fn next(&mut self, max_bytes: usize) -> Result<EntryBatch, ReadError> {
        match self {
            Self::Embedded(reader) => embedded::next(reader, max_bytes).await,
            Self::Kafka(reader) => reader.next(max_bytes).await,
        }
    }
}
