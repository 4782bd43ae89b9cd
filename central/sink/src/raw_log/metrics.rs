//! What the raw log counts, beside what every sink does.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::name::Hour;

/// The raw log's counters; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    objects: Counter,
    records: Counter,
    bytes: Counter,
    already: Counter,
    newest_hour: Gauge,
}

impl Metrics {
    /// Makes the counters known.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let mut add =
            |name: &str, help: &str, counter: &Counter| registry.register(name, help, counter.clone());
        add("objects", "Objects written", &metrics.objects);
        add("records", "Records in these objects", &metrics.records);
        add("already", "Objects that an earlier attempt had written after all", &metrics.already);
        registry.register_with_unit(
            "packed",
            "Size of the objects written",
            Unit::Bytes,
            metrics.bytes.clone(),
        );
        registry.register_with_unit(
            "newest_hour",
            "Beginning of the newest hour of which something was written, Unix time",
            Unit::Seconds,
            metrics.newest_hour.clone(),
        );
        metrics
    }

    /// An object is there.
    pub(super) fn written(&self, hour: Hour, records: u64, bytes: usize, already: bool) {
        self.newest_hour.set(self.newest_hour.get().max(i64::from(hour.0) * 3600));
        if already {
            self.already.inc();
            return;
        }
        self.objects.inc();
        self.records.inc_by(records);
        self.bytes.inc_by(bytes as u64);
    }
}
