//! The log as ingest and the sinks see it: a way in for each edge, and the partitions that this central owns.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::appender::Appender;
use super::backend::{Backend, PartitionLog};
use super::checkpoint::CHECKPOINT_BYTES;
use super::embedded::{self, EmbeddedLog};
use super::error::LogError;
use super::kafka::{self, KafkaLog};
use super::metrics::Metrics;
use super::ownership::Ownership;
use super::partition::{Owned, Partition};

/// Most messages of the backend about partitions that wait to be followed; it then waits.
const MAX_ASSIGNMENTS: usize = 256;

/// The log; clones share it.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    partitions: u32,
    backend: Backend,
    owned: watch::Sender<Owned>,
    /// Only of a log that is shared with other centrals.
    ownership: Option<Ownership>,
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
        let opening = tokio::task::spawn_blocking(move || EmbeddedLog::open(&options, counters));
        let (log, partition) = opening.await.expect("opening does not panic")?;
        let only = Partition::open(
            0,
            log.incarnation(),
            PartitionLog::Embedded(partition),
            log.dead_letters(),
            checkpoint_bytes,
            metrics.clone(),
            CancellationToken::new(),
        );
        let owned = watch::Sender::new(Owned::from([(0, only.await?)]));
        let backend = Backend::Embedded(log);
        Ok(Self { shared: Arc::new(Shared { partitions: 1, backend, owned, ownership: None, metrics }) })
    }

    /// The log in Kafka, shared with other centrals. Until Kafka is reached it owns nothing and takes nothing, and says why. Needs a
    /// runtime to spawn on.
    pub fn kafka(options: kafka::Options, metrics: Metrics) -> Self {
        let owned = watch::Sender::new(Owned::new());
        let (assigned, assignments) = mpsc::channel(MAX_ASSIGNMENTS);
        let partitions = options.partitions;
        let ownership = Ownership::follow(assignments, owned.clone(), options.retention / 2, metrics.clone());
        let backend = Backend::Kafka(KafkaLog::start(options, assigned, metrics.clone()));
        Self { shared: Arc::new(Shared { partitions, backend, owned, ownership: Some(ownership), metrics }) }
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

    /// An appender for the records of one edge, one after the other, on one stream.
    pub fn appender(&self, edge_id: &str) -> Appender {
        Appender::new(edge_id, self.shared.partitions, self.shared.backend.writer())
    }

    /// What keeps the log from taking records, and what else is wrong with it, in sentences.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.shared.backend.faults();
        faults.extend(self.shared.ownership.iter().flat_map(Ownership::faults));
        faults
    }

    /// What a person should look at although all goes on: which sinks are late, and which never got some records. In sentences.
    pub fn warnings(&self) -> Vec<String> {
        let mut late: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for (number, partition) in self.shared.owned.borrow().iter() {
            for name in partition.late() {
                late.entry(name).or_default().push(number.to_string());
            }
        }
        let late = late.into_iter().map(|(name, partitions)| {
            let (partitions, retention) = (partitions.join(", "), self.shared.backend.retention_sentence());
            format!(
                "the {name} sink has not got records of partition {partitions} that are older than half of the time that {retention}"
            )
        });
        late.chain(self.shared.metrics.lost()).collect()
    }

    /// Writes what is queued and stops. Blocks; to be called from a thread of a runtime that may.
    pub fn close(&self) {
        for partition in self.shared.owned.borrow().values() {
            partition.lost().cancel();
        }
        self.shared.backend.close();
        if let Some(ownership) = &self.shared.ownership {
            ownership.close();
        }
    }
}
