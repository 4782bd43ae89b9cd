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
    failures: Counter,
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

    /// Druid could not be asked: nobody knows that it is well.
    pub(crate) fn fail(&self) {
        self.failures.inc();
        self.healthy.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_cannot_be_asked_is_not_said_to_be_well() {
        let metrics = Metrics::default();
        metrics.see(&Status { healthy: true, ..Status::default() });
        assert_eq!((metrics.healthy.get(), metrics.failures.get()), (1, 0));
        metrics.fail();
        assert_eq!((metrics.healthy.get(), metrics.failures.get()), (0, 1));
    }
}
