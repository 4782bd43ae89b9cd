//! What is counted of each job.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// All jobs' counters; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    runs: Family<Name, Counter>,
    failures: Family<Name, Counter>,
    last_success: Family<Name, Gauge>,
}

/// Which job.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Name {
    job: &'static str,
}

/// One job's counters.
#[derive(Clone, Debug)]
pub struct Counters {
    pub(crate) runs: Counter,
    pub(crate) failures: Counter,
    last_success: Gauge,
}

impl Metrics {
    /// Makes the counters known.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("runs", "Times that this central ran the job", metrics.runs.clone());
        registry.register("failures", "Times that the job failed", metrics.failures.clone());
        registry.register_with_unit(
            "last_success",
            "When this central ran the job and it succeeded, Unix time",
            Unit::Seconds,
            metrics.last_success.clone(),
        );
        metrics
    }

    /// The counters of one job.
    pub fn of(&self, job: &'static str) -> Counters {
        let name = Name { job };
        Counters {
            runs: self.runs.get_or_create(&name).clone(),
            failures: self.failures.get_or_create(&name).clone(),
            last_success: self.last_success.get_or_create(&name).clone(),
        }
    }
}

impl Counters {
    /// It succeeded just now.
    pub(crate) fn succeeded(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
        self.last_success.set(now);
    }
}
