//! Every metric that central shows, under one roof. Counting happens in the rooms.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use footfall_daemon::process;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::ingest;

/// The rooms' metrics.
#[derive(Clone)]
pub struct Telemetry {
    registry: Arc<Mutex<Registry>>,
    /// Ingest's.
    pub ingest: ingest::Metrics,
    /// The log's.
    pub log: footfall_log::Metrics,
    /// The sinks'.
    pub sink: footfall_sink::Metrics,
    /// The raw log's.
    pub raw_log: footfall_sink::raw_log::Metrics,
    /// The jobs'.
    pub job: footfall_jobs::Metrics,
    /// Those of the derived tables.
    pub derive: footfall_derive::Metrics,
    /// Those of Druid's ingestion.
    pub druid: footfall_druid::Metrics,
    /// The reports'.
    pub query: footfall_query::Metrics,
    /// Those of the dashboard's connections.
    pub http: footfall_http_server::Metrics,
    /// Set when the metrics are asked for.
    pub gauges: Gauges,
}

/// What is looked up when somebody asks.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// One past the last record of each partition.
    log_end: Family<InPartition, Gauge>,
    /// Bytes of the log that wait for a sink.
    pub log_waiting_bytes: Gauge,
    /// When central's certificate for the relay expires, seconds since 1970.
    pub certificate_expiry: Gauge,
    /// Bytes of the embedded log that may wait for a sink.
    pub log_limit_bytes: Gauge,
    /// How often the event store had to be started again.
    event_store_restarts: Counter,
    /// Servers of the event store that do not answer.
    pub event_store_silent_servers: Gauge,
}

/// Which partition of the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InPartition {
    partition: u32,
}

impl Gauges {
    /// How often the event store had to be started again.
    pub fn event_store_restarts(&self, restarts: u64) {
        self.event_store_restarts.inner().store(restarts, Ordering::Relaxed);
    }

    /// The owned partitions, and one past the last record of each.
    pub fn log_ends(&self, ends: impl Iterator<Item = (u32, u64)>) {
        self.log_end.clear();
        for (partition, end) in ends {
            self.log_end.get_or_create(&InPartition { partition }).set(end as i64);
        }
    }
}

impl Telemetry {
    /// All of them, at zero.
    pub fn new() -> Self {
        let mut all = Registry::default();
        process::register(&mut all);
        let registry = all.sub_registry_with_prefix("footfall_central");
        registry.register(
            "build",
            "The version that runs",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        let ingest = ingest::Metrics::register(registry.sub_registry_with_prefix("ingest"));
        let log = footfall_log::Metrics::register(registry.sub_registry_with_prefix("log"));
        let sink = footfall_sink::Metrics::register(registry.sub_registry_with_prefix("sink"));
        let raw_log = footfall_sink::raw_log::Metrics::register(registry.sub_registry_with_prefix("raw_log"));
        let job = footfall_jobs::Metrics::register(registry.sub_registry_with_prefix("job"));
        let derive = footfall_derive::Metrics::register(registry.sub_registry_with_prefix("derive"));
        let druid = footfall_druid::Metrics::register(registry.sub_registry_with_prefix("druid"));
        let query = footfall_query::Metrics::register(registry.sub_registry_with_prefix("query"));
        let http = footfall_http_server::Metrics::register(registry.sub_registry_with_prefix("http"));
        let gauges = Gauges::default();
        registry.register(
            "log_end",
            "One past the last record of each partition of the log",
            gauges.log_end.clone(),
        );
        registry.register(
            "log_waiting_bytes",
            "Bytes of the log that wait for a sink",
            gauges.log_waiting_bytes.clone(),
        );
        registry.register(
            "log_limit_bytes",
            "Bytes of the embedded log that may wait for a sink; 0 where the log is in Kafka",
            gauges.log_limit_bytes.clone(),
        );
        registry.register(
            "certificate_expiry_seconds",
            "When the relay's certificate expires, since 1970",
            gauges.certificate_expiry.clone(),
        );
        let restarts = gauges.event_store_restarts.clone();
        registry.register("event_store_restarts", "Times that the event store was started again", restarts);
        let silent = gauges.event_store_silent_servers.clone();
        registry.register(
            "event_store_silent_servers",
            "Servers of the event store that do not answer",
            silent,
        );
        Self {
            registry: Arc::new(Mutex::new(all)),
            ingest,
            log,
            sink,
            raw_log,
            job,
            derive,
            druid,
            query,
            http,
            gauges,
        }
    }

    /// The metrics in the OpenMetrics text format, after `look` has set those that are found out only when asked: nobody else is
    /// told while it does.
    pub fn render(&self, look: impl FnOnce(&Self)) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        look(self);
        encode(&mut text, &registry).expect("a string takes everything");
        text
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The names of all metrics, without what the format appends to a counter's.
    fn names() -> BTreeSet<String> {
        let telemetry = Telemetry::new();
        telemetry.sink.of("clickhouse");
        telemetry.job.of("live_expiry");
        telemetry.derive.begin(0);
        telemetry.log.begins("clickhouse", 0);
        let text = telemetry.render(|telemetry| {
            telemetry.sink.lags([(0, "clickhouse", 7, false)].into_iter());
            telemetry.gauges.log_ends([(0, 7)].into_iter());
            telemetry.gauges.event_store_restarts(3);
        });
        assert!(text.ends_with("# EOF\n"));
        assert!(text.contains("\nfootfall_central_event_store_restarts_total 3\n"), "{text}");
        let version =
            concat!("\nfootfall_central_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1\n");
        assert!(text.contains(version), "{text}");
        let described = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let described = described.map(|line| line.strip_prefix("footfall_central_").unwrap_or(line));
        described.map(|line| line.split(' ').next().expect("a name").to_owned()).collect()
    }

    #[test]
    fn the_readme_lists_every_metric_and_no_other() {
        let (_, table) = include_str!("../../README.md").split_once("## Metrics").expect("a chapter");
        let quoted =
            table.split('`').skip(1).step_by(2).filter(|name| !name.starts_with('/') && !name.contains('.'));
        let plain = |name: &str| {
            name.split('{')
                .next()
                .expect("a name")
                .trim_end_matches("_total")
                .trim_end_matches("_info")
                .to_owned()
        };
        let listed: BTreeSet<_> = quoted.filter(|name| name.contains('_')).map(plain).collect();
        let ours: BTreeSet<_> = names().into_iter().collect();
        assert_eq!(&listed - &BTreeSet::from(["footfall_central_".to_owned()]), ours);
    }
}
