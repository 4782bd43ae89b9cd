//! A sink that runs beside a test.

use std::time::Duration;

use footfall_blobs::Blobs;
use footfall_clickhouse::EventStore;
use footfall_log::Partition;
use footfall_sink::clickhouse::{ClickHouse, Rows};
use footfall_sink::raw_log::{self, RawLog, Setting};
use footfall_sink::{Begin, Health, Sink as _, Stop};
use tokio::task::JoinHandle;

use super::eventually;

pub(crate) struct Running {
    pub(crate) health: Health,
    stop: Stop,
    run: JoinHandle<()>,
}

impl Running {
    /// Runs a sink that tells how it is by the one, and ends by the other.
    pub(crate) fn start<F>(sink: impl FnOnce(Health, Stop) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (health, stop) = (Health::default(), Stop::default());
        let run = tokio::spawn(sink(health.clone(), stop.clone()));
        Self { health, stop, run }
    }

    /// Feeds ClickHouse.
    pub(crate) async fn clickhouse(
        partition: &Partition,
        store: &EventStore,
        metrics: &footfall_sink::Metrics,
        seed: u64,
    ) -> Self {
        let cursor = partition.consumer(ClickHouse::NAME).await.expect("a consumer");
        let counters = metrics.of(ClickHouse::NAME);
        let (incarnation, number) = (partition.incarnation().0, partition.number());
        let rows = Rows::new(store, incarnation, number, partition.end(), seed, counters.clone());
        let sink = ClickHouse::new(incarnation, number);
        Self::start(|health, stop| {
            let begin = Begin { keep: Some(partition.clone()), cursor, counters, health, seed };
            footfall_sink::run(sink, rows, begin, stop)
        })
    }

    /// Feeds the raw log.
    pub(crate) fn raw_log(partition: &Partition, blobs: &Blobs, close_after: Duration, seed: u64) -> Self {
        Self::start(|health, stop| {
            let setting = Setting {
                partition: partition.clone(),
                blobs: blobs.clone(),
                close_after,
                counters: footfall_sink::Metrics::default().of(RawLog::NAME),
                metrics: raw_log::Metrics::default(),
                health,
                seed,
            };
            raw_log::run(setting, stop)
        })
    }

    /// Lets it write what the log holds.
    pub(crate) async fn drain(self) {
        self.stop.drain.cancel();
        let drained = tokio::time::timeout(Duration::from_mins(2), self.run).await;
        drained.unwrap_or_else(|_| panic!("not drained: {:?}", self.health.fault())).expect("ran");
    }

    /// Ends it where it is, before it can commit what it writes.
    pub(crate) async fn abandon(self) {
        self.stop.abandon.cancel();
        self.run.await.expect("ran");
    }
}

/// Writes what a partition holds into the raw log.
pub(crate) async fn file(partition: &Partition, blobs: &Blobs) {
    let filing = Running::raw_log(partition, blobs, Duration::from_millis(50), 1);
    eventually("the raw log", async || partition.lag(RawLog::NAME) == 0).await;
    filing.drain().await;
}
