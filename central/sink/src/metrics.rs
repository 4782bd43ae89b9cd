//! What sinks count, for each of them.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Seconds at which the buckets of write times end.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// All sinks' counters; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    batches: Family<Name, Counter>,
    inserts: Family<Name, Counter>,
    rows: Family<Name, Counter>,
    left_out: Family<Name, Counter>,
    repaired: Family<Name, Counter>,
    poison: Family<Name, Counter>,
    failures: Family<Name, Counter>,
    restarts: Family<Name, Counter>,
    lag: Family<Place, Gauge>,
    late: Family<Place, Gauge>,
    write: Family<Name, Histogram>,
}

/// Which sink.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Name {
    sink: &'static str,
}

/// Which sink, on which partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Place {
    sink: &'static str,
    partition: u32,
}

/// One sink's counters.
#[derive(Clone, Debug)]
pub struct Counters {
    pub(super) batches: Counter,
    pub(super) inserts: Counter,
    pub(super) rows: Counter,
    pub(super) left_out: Counter,
    pub(super) repaired: Counter,
    pub(super) poison: Counter,
    pub(super) failures: Counter,
    pub(super) restarts: Counter,
    pub(super) write: Histogram,
}

impl Metrics {
    /// Makes the counters known.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let mut add = |name: &str, help: &str, family: &Family<Name, Counter>| {
            registry.register(name, help, family.clone());
        };
        add("batches", "Batches written", &metrics.batches);
        add("inserts", "Inserts of these batches", &metrics.inserts);
        add("rows", "Rows of these inserts", &metrics.rows);
        add("rows_left_out", "Rows that the store had already, after an unknown outcome", &metrics.left_out);
        add("rows_repaired", "Rows that the store had swallowed and that were sent again", &metrics.repaired);
        add("rows_refused", "Rows that the store refused as bad data, now parked", &metrics.poison);
        add("failures", "Attempts at writing that failed", &metrics.failures);
        add("restarts", "Times that it had panicked or ended and was started again", &metrics.restarts);
        registry.register(
            "lag_records",
            "Records of the log that the sink has not committed",
            metrics.lag.clone(),
        );
        let late = "1 when the sink still needs records that are older than half of Kafka's retention";
        registry.register("late", late, metrics.late.clone());
        registry.register_with_unit("write", "Time to write a batch", Unit::Seconds, metrics.write.clone());
        metrics
    }

    /// The counters of one sink, whatever its partition.
    pub fn of(&self, sink: &'static str) -> Counters {
        let name = Name { sink };
        let counter = |family: &Family<Name, Counter>| family.get_or_create(&name).clone();
        Counters {
            batches: counter(&self.batches),
            inserts: counter(&self.inserts),
            rows: counter(&self.rows),
            left_out: counter(&self.left_out),
            repaired: counter(&self.repaired),
            poison: counter(&self.poison),
            failures: counter(&self.failures),
            restarts: counter(&self.restarts),
            write: self.write.get_or_create(&name).clone(),
        }
    }

    /// How far each sink is behind on each partition that this central has: records, and whether it still needs some that are older
    /// than they should become. Another central tells of the others.
    pub fn lags(&self, lags: impl Iterator<Item = (u32, &'static str, u64, bool)>) {
        self.lag.clear();
        self.late.clear();
        for (partition, sink, records, late) in lags {
            let place = Place { sink, partition };
            self.lag.get_or_create(&place).set(records as i64);
            self.late.get_or_create(&place).set(late.into());
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            batches: Family::default(),
            inserts: Family::default(),
            rows: Family::default(),
            left_out: Family::default(),
            repaired: Family::default(),
            poison: Family::default(),
            failures: Family::default(),
            restarts: Family::default(),
            lag: Family::default(),
            late: Family::default(),
            write: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
        }
    }
}
