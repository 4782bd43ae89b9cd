//! Keeps the derived tables of every partition that this central owns up to date: begun when it gains one, ended when it loses it.

use std::collections::BTreeMap;

use footfall_clickhouse::EventStore;
use footfall_log::Log;
use footfall_metadata::Metadata;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::metrics::{Health, Metrics};
use super::pace::Pace;
use super::partition::{Context, run};

/// What the computation works on and with.
#[derive(Clone)]
pub struct Derivation {
    /// Says which partitions this central owns, and what of them is stored.
    pub log: Log,
    /// Has the events, and gets what is derived of them.
    pub store: EventStore,
    /// Has the goals, and the leases.
    pub metadata: Metadata,
    /// Who this central is: a name that no other has.
    pub holder: String,
    /// Counts.
    pub metrics: Metrics,
    /// Told how it is.
    pub health: Health,
    /// How long it waits.
    pub pace: Pace,
}

/// Computes until `stop`.
///
/// # Panics
/// When a partition's task does.
pub async fn supervise(derivation: Derivation, stop: CancellationToken) {
    let Derivation { log, store, metadata, holder, metrics, health, pace } = derivation;
    let mut owned = log.owned();
    let mut running: BTreeMap<u32, (footfall_log::Partition, JoinHandle<()>)> = BTreeMap::new();
    loop {
        let now = owned.borrow_and_update().clone();
        for (number, partition) in now {
            if running.get(&number).is_some_and(|(held, _)| !held.lost().is_cancelled()) {
                continue;
            }
            if let Some((_, before)) = running.remove(&number) {
                before.await.expect("a partition's task does not panic");
            }
            let context = Context {
                partition: partition.clone(),
                partitions: log.partitions(),
                store: store.clone(),
                metadata: metadata.clone(),
                holder: holder.clone(),
                metrics: metrics.clone(),
                health: health.clone(),
                pace,
            };
            running.insert(number, (partition, tokio::spawn(run(context, stop.clone()))));
        }
        tokio::select! {
            changed = owned.changed() => if changed.is_err() { break },
            () = stop.cancelled() => break,
        }
    }
    stop.cancelled().await;
    for (_, task) in running.into_values() {
        task.await.expect("a partition's task does not panic");
    }
}
