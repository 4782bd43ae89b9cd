//! What is measured of Druid's ingestion.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::status::Status;

/// Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    lag: Gauge,
    tasks: Gauge,
    healthy: Gauge,
    pub(crate) failures: Counter,
}

impl Metrics {
    /// Makes them known.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("lag_records", "Records of the topic that Druid has not read", metrics.lag.clone());
        registry.register("tasks", "Tasks of Druid that read or publish", metrics.tasks.clone());
        registry.register("healthy", "1 while Druid's ingestion is in good health", metrics.healthy.clone());
        registry.register("look_failures", "Times that Druid could not be asked", metrics.failures.clone());
        metrics
    }

    /// Takes in what was seen.
    pub(crate) fn see(&self, status: &Status) {
        if let Some(lag) = status.lag {
            self.lag.set(i64::try_from(lag).unwrap_or(i64::MAX));
        }
        self.tasks.set(i64::try_from(status.tasks).unwrap_or(i64::MAX));
        self.healthy.set(i64::from(status.problem().is_none()));
    }
}
