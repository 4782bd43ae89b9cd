//! The log of all records, and the one reading of each of its partitions that every sink shares. Knows nothing of stores, nor of how
//! edges send.
//!
//! Read [`Log`] and [`Partition`] first, then [`deduplicator::Deduplicator`]: which records of the log are resends and which events are repeats is
//! decided there, the same for every sink and every replay. What keeps the log stands behind `backend`.

mod backend;
pub mod checkpoint;
pub mod cursor;
pub mod dead_letter;
pub mod deduplicator;
pub mod embedded;
pub mod entry;
mod feed;
pub mod incarnation;
pub mod kafka;
mod metrics;
pub mod offsets;
mod partition;
pub mod placement;
pub mod record;
#[cfg(test)]
pub(crate) mod sample;
pub mod seen_offsets;
pub mod window;

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use footfall_journal::{AppendError, OpenError};
use footfall_proto::relay::LogEntry;
use prost::Message as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use cursor::{Cursor, CursorError, RecordBatch};
pub use dead_letter::DeadLetter;
pub use incarnation::Incarnation;
pub use metrics::Metrics;
pub use partition::Partition;
pub use record::{DecodedEvent, DecodedRecord, Poison, PoisonReason, RawEntry};

use backend::{Backend, Lane, Placed, PlacedRecord};

/// A checkpoint of a partition's reader is written after this many bytes, or an eighth of an embedded log's bound.
pub const CHECKPOINT_BYTES: u64 = 64 << 20;

/// The partitions that this central owns, by number.
pub type Owned = BTreeMap<u32, Partition>;

/// The log; clones share it.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    partitions: u32,
    backend: Backend,
    owned: watch::Sender<Owned>,
    metrics: Metrics,
}

impl Log {
    /// Opens the log in the data folder, or makes it: of one partition, which this central owns.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn embedded(options: embedded::Options, metrics: Metrics) -> Result<Self, LogError> {
        let checkpoint_bytes = CHECKPOINT_BYTES.min(options.max_bytes / 8);
        let counters = metrics.clone();
        let opening = tokio::task::spawn_blocking(move || embedded::open(&options, counters));
        let (whole, origin, incarnation) = opening.await.expect("opening does not panic")?;
        let only = Partition::open(
            0,
            incarnation,
            backend::Origin::Embedded(origin),
            whole.dead_letter(),
            checkpoint_bytes,
            metrics.clone(),
            CancellationToken::new(),
        );
        let owned = watch::Sender::new(Owned::from([(0, only.await?)]));
        let backend = Backend::Embedded(whole);
        Ok(Self { shared: Arc::new(Shared { partitions: 1, backend, owned, metrics }) })
    }

    /// The log in Kafka, shared with other centrals. Until Kafka is reached it owns nothing and takes nothing, and says why. Needs a
    /// runtime to spawn on.
    pub fn kafka(options: kafka::Options, metrics: Metrics) -> Self {
        let owned = watch::Sender::new(Owned::new());
        let partitions = options.partitions;
        let backend = Backend::Kafka(kafka::start(options, owned.clone(), metrics.clone()));
        Self { shared: Arc::new(Shared { partitions, backend, owned, metrics }) }
    }

    /// How many partitions the log has, for as long as it exists.
    pub fn partitions(&self) -> u32 {
        self.shared.partitions
    }

    /// The partitions that this central owns, now and as they come and go.
    pub fn owned(&self) -> watch::Receiver<Owned> {
        self.shared.owned.subscribe()
    }

    /// A partition, if this central owns it.
    pub fn partition(&self, number: u32) -> Option<Partition> {
        self.shared.owned.borrow().get(&number).cloned()
    }

    /// Bytes that wait for a sink and hold up what comes in.
    pub fn waiting_bytes(&self) -> u64 {
        self.shared.backend.waiting_bytes()
    }

    /// A way for the records of one edge, one after the other, on one stream.
    pub fn appender(&self, edge_id: &str) -> Appender {
        Appender {
            edge_id: edge_id.to_owned(),
            partitions: self.shared.partitions,
            lane: self.shared.backend.lane(),
            failed: Arc::default(),
        }
    }

    /// What keeps the log from taking records, and what else is wrong with it, in sentences.
    pub fn faults(&self) -> Vec<String> {
        self.shared.backend.faults()
    }

    /// What a person should look at although all goes on: who is late, and who never got some records. In sentences.
    pub fn warnings(&self) -> Vec<String> {
        let mut late: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for (number, partition) in self.shared.owned.borrow().iter() {
            for name in partition.late() {
                late.entry(name).or_default().push(number.to_string());
            }
        }
        let late = late.into_iter().map(|(name, partitions)| {
            let (partitions, keeps) = (partitions.join(", "), self.shared.backend.keeps());
            format!("the {name} sink has not got records of partition {partitions} that are older than half of the time that {keeps}")
        });
        late.chain(self.shared.metrics.lost()).collect()
    }

    /// Writes what is queued and stops. Blocks; to be called from a thread of a runtime that may.
    pub fn close(&self) {
        for partition in self.shared.owned.borrow().values() {
            partition.lost().cancel();
        }
        self.shared.backend.close();
    }
}

/// The way of one edge's records into the log. It takes nothing more after the first that was not taken: what follows would be there
/// without it.
pub struct Appender {
    edge_id: String,
    partitions: u32,
    lane: Lane,
    failed: Arc<AtomicBool>,
}

impl Appender {
    /// Queues consecutive records. The answer comes once all of them are kept durably; answers come in the order of the calls. After a
    /// failure some may be there all the same: they are sent again, and recognised.
    ///
    /// # Errors
    /// [`Refused`], in the answer.
    pub fn append(
        &mut self,
        epoch: Bytes,
        first_offset: u64,
        records: Vec<Bytes>,
    ) -> impl Future<Output = Result<(), Refused>> + Send + 'static + use<> {
        let failed = Arc::clone(&self.failed);
        let pending = (!failed.load(Ordering::Acquire)).then(|| {
            let placed = envelop(&self.edge_id, epoch, first_offset, records, self.partitions);
            self.lane.append(placed, &failed)
        });
        async move {
            let Some(pending) = pending else {
                return Err(Refused::Unavailable("what came before was not taken".into()));
            };
            let answer = pending.await;
            failed.fetch_or(answer.is_err(), Ordering::AcqRel);
            answer
        }
    }

    /// Returns when nothing more can be appended this way, and says why: the edge has to begin anew where it was acknowledged.
    pub async fn closed(&self) -> String {
        self.lane.closed().await
    }
}

/// Puts the log's envelope around records, all cut from one buffer, and finds each one's partition.
fn envelop(edge_id: &str, epoch: Bytes, first_offset: u64, records: Vec<Bytes>, partitions: u32) -> Placed {
    let envelope = edge_id.len() + epoch.len() + 32;
    let mut buffer = BytesMut::with_capacity(records.iter().map(|record| record.len() + envelope).sum());
    let mut entry =
        LogEntry { edge_id: edge_id.to_owned(), epoch, edge_offset: first_offset, record: Bytes::new() };
    let mut entries = Vec::with_capacity(records.len());
    for record in records {
        let (website_id, partition) = placement::place(&record, partitions);
        entry.record = record;
        entry.encode(&mut buffer).expect("a growing buffer has room");
        entries.push(PlacedRecord { partition, website_id, payload: buffer.split().freeze() });
        entry.edge_offset = entry.edge_offset.wrapping_add(1);
    }
    entries
}

/// Why the log does not open, or a consumer cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The journal. See [`OpenError::is_transient`].
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// The log's name. Permanent.
    #[error(transparent)]
    Incarnation(#[from] incarnation::IncarnationError),
    /// The file system or the server refused. Transient as far as anyone can tell.
    #[error("the log cannot be read: {0}")]
    Storage(#[source] io::Error),
    /// A commit lies past the log's end: part of the log was lost or replaced. Permanent.
    #[error("{consumer} committed offset {committed}, but the log ends at {end}: part of it was lost")]
    Beyond {
        /// Who committed.
        consumer: &'static str,
        /// What it committed.
        committed: u64,
        /// The log's end.
        end: u64,
    },
}

impl LogError {
    /// Whether the same can succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Journal(error) => error.is_transient(),
            Self::Storage(_) => true,
            Self::Incarnation(_) | Self::Beyond { .. } => false,
        }
    }
}

/// Why records were not taken into the log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refused {
    /// Sinks are so far behind that the log has no room.
    #[error("the log is full: {0}")]
    Full(String),
    /// A record that can never fit.
    #[error("a record is too large for the log: {0}")]
    TooLarge(String),
    /// The disk failed, or the log is closing.
    #[error("the log takes nothing: {0}")]
    Unavailable(String),
}

impl Refused {
    /// Whether the same records can be taken later.
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::TooLarge(_))
    }
}

impl From<AppendError> for Refused {
    fn from(error: AppendError) -> Self {
        let sentence = error.to_string();
        match error {
            AppendError::Full { .. } => Self::Full(sentence),
            AppendError::TooLarge { .. } => Self::TooLarge(sentence),
            AppendError::Storage { .. } | AppendError::Closed => Self::Unavailable(sentence),
        }
    }
}

#[cfg(test)]
mod tests;
