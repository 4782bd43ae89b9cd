//! What is asked of whoever keeps the log: of the whole, of one partition, and of a reading of one partition. The rest of the room
//! knows these and neither of the backends.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::deduplicator::Deduplicator;
use super::entry::{EntryBatch, ReadError};
use super::seen_offsets::Order;
use super::{Refused, embedded, kafka};

/// A record on its way into the log.
pub(super) struct PlacedRecord {
    /// Where it goes.
    pub(super) partition: u32,
    /// Whose it is.
    pub(super) website_id: String,
    /// The record in the log's envelope.
    pub(super) payload: Bytes,
}

/// Records of one edge, in their order.
pub(super) type Placed = Vec<PlacedRecord>;

/// Keeps the whole log.
pub(super) enum Backend {
    /// The journal in the data folder.
    Embedded(Arc<embedded::Whole>),
    /// A topic of Kafka.
    Kafka(kafka::Whole),
}

impl Backend {
    /// A way into the log as it is now.
    pub(super) fn lane(&self) -> Lane {
        match self {
            Self::Embedded(whole) => Lane::Embedded(Arc::clone(whole)),
            Self::Kafka(whole) => match whole.era() {
                Some(era) => Lane::Kafka(era),
                None => Lane::None(whole.faults().join("; ")),
            },
        }
    }

    /// What keeps the log from taking records, and what else is wrong with it, in sentences.
    pub(super) fn faults(&self) -> Vec<String> {
        match self {
            Self::Embedded(whole) => whole.refusal().into_iter().collect(),
            Self::Kafka(whole) => whole.faults(),
        }
    }

    /// What keeps records, for how long, and what to do for who is late; the end of a sentence.
    pub(super) fn keeps(&self) -> String {
        match self {
            Self::Embedded(_) => "the log keeps them".to_owned(),
            Self::Kafka(whole) => whole.keeps(),
        }
    }

    /// Bytes that wait for a sink and hold up what comes in; Kafka's retention waits for nobody.
    pub(super) fn waiting_bytes(&self) -> u64 {
        match self {
            Self::Embedded(whole) => whole.waiting_bytes(),
            Self::Kafka(_) => 0,
        }
    }

    /// Writes what is queued and stops. Blocks.
    pub(super) fn close(&self) {
        match self {
            Self::Embedded(whole) => whole.close(),
            Self::Kafka(whole) => whole.close(),
        }
    }
}

/// The way of one stream of records into the log. What was appended by it is there in its order and without a hole.
pub(super) enum Lane {
    /// Into the journal in the data folder.
    Embedded(Arc<embedded::Whole>),
    /// To a topic of Kafka, as long as its producer lives.
    Kafka(Arc<kafka::Era>),
    /// There is none, for this reason.
    None(String),
}

impl Lane {
    /// Queues records in their order; the answer comes once all of them are kept. `failed` is set at once when they are known not to be.
    pub(super) fn append(
        &self,
        placed: Placed,
        failed: &AtomicBool,
    ) -> BoxFuture<'static, Result<(), Refused>> {
        match self {
            Self::Embedded(whole) => whole.append(placed).boxed(),
            Self::Kafka(era) => era.append(placed, failed).boxed(),
            Self::None(reason) => std::future::ready(Err(Refused::Unavailable(reason.clone()))).boxed(),
        }
    }

    /// Returns when nothing more can be appended by it, and says why.
    pub(super) async fn closed(&self) -> String {
        match self {
            Self::Embedded(_) => std::future::pending().await,
            Self::Kafka(era) => {
                era.broken().cancelled().await;
                "the log begins anew: send again what was not acknowledged".into()
            }
            Self::None(reason) => reason.clone(),
        }
    }
}

/// One partition as its backend keeps it.
pub(super) enum Origin {
    /// The journal in the data folder.
    Embedded(embedded::Origin),
    /// A partition of a topic of Kafka.
    Kafka(kafka::Origin),
}

impl Origin {
    /// What is promised of the order of records.
    pub(super) fn order(&self) -> Order {
        match self {
            Self::Embedded(_) => Order::OutOfOrder,
            Self::Kafka(_) => Order::Gapless,
        }
    }

    /// One past the last entry, as far as is known without asking.
    pub(super) fn end(&self) -> u64 {
        match self {
            Self::Embedded(origin) => origin.end(),
            Self::Kafka(origin) => origin.end(),
        }
    }

    /// The first offset that is kept, and the one past the last.
    pub(super) async fn bounds(&self) -> io::Result<Range<u64>> {
        match self {
            Self::Embedded(origin) => Ok(origin.bounds()),
            Self::Kafka(origin) => origin.bounds().await,
        }
    }

    /// The offset of the first entry kept at `at` or later, or somewhat before.
    pub(super) async fn seek_time(&self, at: SystemTime) -> io::Result<u64> {
        match self {
            Self::Embedded(origin) => Ok(origin.seek_time(at)),
            Self::Kafka(origin) => origin.seek_time(at).await,
        }
    }

    /// Reads entries from an offset on.
    pub(super) fn source(&self, from: u64) -> io::Result<Source> {
        match self {
            Self::Embedded(origin) => Ok(Source::Embedded(origin.source(from))),
            Self::Kafka(origin) => origin.source(from).map(Source::Kafka),
        }
    }

    /// The newest kept state of a reader at or below `position`.
    pub(super) async fn load(&self, position: u64) -> io::Result<Option<Deduplicator>> {
        match self {
            Self::Embedded(origin) => origin.load(position).await,
            Self::Kafka(origin) => origin.load(position).await,
        }
    }

    /// Keeps the state of a reader; `needed` is the lowest offset that a consumer still needs.
    pub(super) async fn save(&self, reader: Deduplicator, needed: u64) -> (Deduplicator, io::Result<()>) {
        match self {
            Self::Embedded(origin) => origin.save(reader, needed).await,
            Self::Kafka(origin) => origin.save(reader, needed).await,
        }
    }

    /// The offset that a consumer committed, if it did.
    pub(super) fn committed(&self, consumer: &str) -> io::Result<Option<u64>> {
        match self {
            Self::Embedded(origin) => origin.committed(consumer),
            Self::Kafka(origin) => Ok(origin.committed(consumer)),
        }
    }

    /// Everything below `next` is in the consumer's store, everything below `needed` in all stores.
    pub(super) fn commit(&self, consumer: &'static str, next: u64, needed: u64) -> io::Result<()> {
        match self {
            Self::Embedded(origin) => origin.commit(consumer, next, needed),
            Self::Kafka(origin) => origin.commit(consumer, next, needed),
        }
    }
}

/// A reading of one partition, in order.
pub(super) enum Source {
    /// Of the journal in the data folder.
    Embedded(footfall_journal::Reader),
    /// Of a partition of a topic of Kafka.
    Kafka(kafka::Source),
}

impl Source {
    /// The next entries, waiting for them if need be; together at most `max_bytes`, but for a single larger one. Cancel-safe.
    pub(super) async fn next(&mut self, max_bytes: usize) -> Result<EntryBatch, ReadError> {
        match self {
            Self::Embedded(reader) => embedded::next(reader, max_bytes).await,
            Self::Kafka(source) => source.next(max_bytes).await,
        }
    }
}
