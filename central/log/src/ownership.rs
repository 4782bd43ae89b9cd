//! The partitions that this central owns of a log that it shares with others: opened when the backend says that they were gained, given
//! up when it says that they were lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::backend::PartitionLog;
use super::error::LogError;
use super::kafka::{Assignment, GainedPartition};
use super::metrics::Metrics;
use super::partition::{Owned, Partition};

/// From one attempt to open a partition to the next.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is asked which sinks are late.
const LATE_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Why partitions that were gained do not open, by number; clones share it.
#[derive(Clone, Default)]
struct Unopened(Arc<Mutex<BTreeMap<u32, String>>>);

impl Unopened {
    fn set(&self, partition: u32, reason: Option<String>) {
        let mut reasons = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match reason {
            Some(reason) => reasons.insert(partition, reason),
            None => reasons.remove(&partition),
        };
    }

    fn reasons(&self) -> BTreeSet<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

/// The task that keeps the owned partitions.
pub(super) struct Ownership {
    task: Mutex<Option<JoinHandle<()>>>,
    unopened: Unopened,
}

impl Ownership {
    /// Follows what the backend tells until it stops telling. A sink that has not taken records older than `late_after` is late.
    pub(super) fn follow(
        assignments: mpsc::Receiver<Assignment>,
        owned: watch::Sender<Owned>,
        late_after: Duration,
        metrics: Metrics,
    ) -> Self {
        let unopened = Unopened::default();
        let lost_unexplained = Owned::new();
        let following = Owner { owned, lost_unexplained, unopened: unopened.clone(), metrics };
        let task = tokio::spawn(following.run(assignments, late_after));
        Self { task: Mutex::new(Some(task)), unopened }
    }

    /// Why partitions that this central was given do not open, in sentences.
    pub(super) fn faults(&self) -> BTreeSet<String> {
        self.unopened.reasons()
    }

    /// Waits until the backend has told its last. Blocks.
    pub(super) fn close(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if task.is_some_and(|task| Handle::current().block_on(task).is_err()) {
            tracing::error!("the task that owns the log's partitions has panicked");
        }
    }
}

struct Owner {
    owned: watch::Sender<Owned>,
    /// Partitions lost since the topic was last seen: a topic that is deleted first takes its partitions from their owners.
    lost_unexplained: Owned,
    unopened: Unopened,
    metrics: Metrics,
}

impl Owner {
    async fn run(mut self, mut assignments: mpsc::Receiver<Assignment>, late_after: Duration) {
        let mut opening = JoinSet::new();
        let mut late_check = interval(LATE_CHECK_INTERVAL);
        late_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut checking = JoinSet::new();
        loop {
            tokio::select! {
                assignment = assignments.recv() => match assignment {
                    Some(assignment) => self.apply(assignment, &mut opening),
                    None => return,
                },
                Some(opened) = opening.join_next() => {
                    if let Some(partition) = opened.expect("opening does not panic") {
                        self.take(partition);
                    }
                }
                _ = late_check.tick(), if checking.is_empty() => {
                    let owned = self.owned.borrow().clone();
                    checking.spawn(find_late(owned, late_after));
                }
                Some(checked) = checking.join_next() => checked.expect("checking does not panic"),
            }
        }
    }

    fn apply(&mut self, assignment: Assignment, opening: &mut JoinSet<Option<Partition>>) {
        match assignment {
            Assignment::Gained(gained) => {
                opening.spawn(open(gained, self.unopened.clone(), self.metrics.clone()));
            }
            Assignment::Lost(number) => {
                tracing::info!(partition = number, "lost");
                let lost = &mut self.lost_unexplained;
                self.owned.send_modify(|owned| {
                    lost.extend(owned.extract_if(.., |_, partition| partition.lost().is_cancelled()));
                });
            }
            Assignment::TopicSeen => self.lost_unexplained.clear(),
            Assignment::TopicGone => {
                let owned = self.owned.borrow().clone();
                for partition in std::mem::take(&mut self.lost_unexplained).values().chain(owned.values()) {
                    partition.record_loss();
                }
            }
            Assignment::Ended => {
                self.lost_unexplained.clear();
                let owned = self.owned.send_replace(Owned::new());
                for partition in owned.values() {
                    partition.lost().cancel();
                }
            }
        }
    }

    fn take(&self, partition: Partition) {
        if !partition.lost().is_cancelled() {
            tracing::info!(partition = partition.number(), end = partition.end(), "gained");
            self.owned.send_modify(|owned| {
                owned.insert(partition.number(), partition);
            });
        }
    }
}

/// Opens a partition, however long that takes; nothing when it was lost before.
async fn open(gained: GainedPartition, unopened: Unopened, metrics: Metrics) -> Option<Partition> {
    let opening = async {
        loop {
            match try_open(&gained, metrics.clone()).await {
                Ok(partition) => return partition,
                Err(error) => {
                    tracing::warn!(%error, partition = gained.number, "cannot be opened yet");
                    unopened.set(gained.number, Some(error.to_string()));
                    sleep(RETRY_INTERVAL).await;
                }
            }
        }
    };
    let opened = tokio::select! {
        partition = opening => Some(partition),
        () = gained.lost.cancelled() => None,
    };
    unopened.set(gained.number, None);
    opened
}

async fn try_open(gained: &GainedPartition, metrics: Metrics) -> Result<Partition, LogError> {
    let log = PartitionLog::Kafka(gained.open().await.map_err(LogError::Storage)?);
    let opened = Partition::open(
        gained.number,
        gained.incarnation(),
        log,
        gained.dead_letters(),
        gained.checkpoint_bytes(),
        metrics,
        gained.lost.clone(),
    );
    opened.await
}

async fn find_late(owned: Owned, late_after: Duration) {
    let due = SystemTime::now().checked_sub(late_after).unwrap_or(SystemTime::UNIX_EPOCH);
    for partition in owned.values() {
        if let Err(error) = partition.find_late(due).await {
            tracing::debug!(%error, "it is not known which sinks are late");
        }
    }
}
