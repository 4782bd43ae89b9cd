//! What the log counts. Only counters: what they are called from outside is said where they are registered.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::reader::Chunk;
use super::reading::Spoilt;

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
    pub(super) gaps: Counter,
    pub(super) parked: Counter,
}

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Reason {
    reason: &'static str,
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
        add("checkpoints", "Checkpoints of the reader written", &metrics.checkpoints);
        add("left_behind", "Times that a sink began to read on its own", &metrics.left_behind);
        add("gaps", "Times that the log was trimmed before a sink had read it", &metrics.gaps);
        add("parked", "Unreadable things put into the dead-letter journal", &metrics.parked);
        registry.register("poison", "Records and events that could not be read", metrics.poison.clone());
        for reason in Spoilt::ALL {
            metrics.poison.get_or_create(&Reason { reason: reason.name() }).inc_by(0);
        }
        metrics
    }

    pub(super) fn count(&self, chunk: &Chunk) {
        let events = || chunk.readings.iter().flat_map(|reading| &reading.events);
        self.records.inc_by(chunk.readings.len() as u64);
        self.events.inc_by(events().count() as u64);
        self.duplicates.inc_by(events().filter(|event| event.duplicate).count() as u64);
        self.resends.inc_by(chunk.resent);
        for poison in &chunk.poison {
            self.poison.get_or_create(&Reason { reason: poison.reason.name() }).inc();
        }
    }
}
