//! What the log counts. Only counters: what they are called from outside is said where they are registered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::deduplicator::DecodedBatch;
use super::poison::PoisonReason;

/// The log's counters; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub(super) records: Counter,
    pub(super) events: Counter,
    pub(super) duplicates: Counter,
    pub(super) resends: Counter,
    pub(super) poison: Family<Reason, Counter>,
    pub(super) checkpoints: Counter,
    pub(super) left_behind: Counter,
    gaps: Family<Gap, Counter>,
    gap_records: Family<Gap, Counter>,
    pub(super) producer_failures: Counter,
    pub(super) parked: Counter,
    /// The newest gap of each, for whoever asks in sentences.
    lost: Arc<Mutex<Lost>>,
}

/// The records that a sink never got of a partition: the first, and the one after the last.
type Lost = BTreeMap<(&'static str, u32), (u64, u64)>;

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Reason {
    reason: &'static str,
}

/// Where records were lost to whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Gap {
    sink: &'static str,
    partition: u32,
}

impl Metrics {
    /// Makes the counters known.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let mut add =
            |name: &str, help: &str, counter: &Counter| registry.register(name, help, counter.clone());
        add("records", "Records read at the log's head, resends not counted", &metrics.records);
        add("events", "Events read at the log's head", &metrics.events);
        add("duplicates", "Events marked as repeats of an earlier one", &metrics.duplicates);
        add("resends", "Records skipped because the log held them already", &metrics.resends);
        add("checkpoints", "Checkpoints written", &metrics.checkpoints);
        add("left_behind", "Times that a sink began to read on its own", &metrics.left_behind);
        let failures = "Times that the producer failed and every edge had to send again";
        add("producer_failures", failures, &metrics.producer_failures);
        add("parked", "Records and events kept as dead letters", &metrics.parked);
        let gaps = "Times that records were trimmed, or gone with their topic, before a sink had read them";
        registry.register("gaps", gaps, metrics.gaps.clone());
        registry.register("gap_records", "Records that a sink never got", metrics.gap_records.clone());
        registry.register("poison", "Records and events that could not be read", metrics.poison.clone());
        for reason in PoisonReason::ALL {
            metrics.poison.get_or_create(&Reason { reason: reason.name() }).inc_by(0);
        }
        metrics
    }

    /// A sink begins to read a partition: what it may lose is counted from zero.
    pub fn begins(&self, sink: &'static str, partition: u32) {
        let gap = Gap { sink, partition };
        self.gaps.get_or_create(&gap).inc_by(0);
        self.gap_records.get_or_create(&gap).inc_by(0);
    }

    /// The log from `from` to `to` is gone, and a sink had not read it.
    pub(super) fn gap(&self, sink: &'static str, partition: u32, from: u64, to: u64) {
        tracing::error!(sink, partition, from, to, "a gap: these records were gone before they were read");
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).insert((sink, partition), (from, to));
        let gap = Gap { sink, partition };
        self.gaps.get_or_create(&gap).inc();
        self.gap_records.get_or_create(&gap).inc_by(to.saturating_sub(from));
    }

    /// What was lost to whom since this process began, a sentence each.
    pub(super) fn lost(&self) -> Vec<String> {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let sentence = |((sink, partition), (from, to)): (&(&'static str, u32), &(u64, u64))| {
            let newest = to.saturating_sub(1);
            format!(
                "the {sink} sink never got the records {from} to {newest} of partition {partition}, which the log no longer had: \
                 central replay rebuilds what the raw log has of them"
            )
        };
        lost.iter().map(sentence).collect()
    }

    /// A record or an event cannot be decoded, or taken.
    pub(super) fn poisoned(&self, reason: PoisonReason) {
        self.poison.get_or_create(&Reason { reason: reason.name() }).inc();
    }

    pub(super) fn count(&self, batch: &DecodedBatch) {
        let events = || batch.records().iter().flat_map(|record| &record.events);
        self.records.inc_by(batch.records().len() as u64);
        self.events.inc_by(events().count() as u64);
        self.duplicates.inc_by(events().filter(|event| event.duplicate).count() as u64);
        self.resends.inc_by(batch.resent);
        for poison in &batch.poison {
            self.poisoned(poison.reason);
        }
    }
}
