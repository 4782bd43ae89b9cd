//! A raw-log sink that runs.

use std::time::Duration;

use footfall_central::log::Partition;
use footfall_central::sink::raw_log::{self, RawLog, Setting};
use footfall_central::sink::{self, Health, Sink as _, Stop};
use footfall_central::store::blobs::Blobs;
use tokio::task::JoinHandle;

use super::eventually;

pub(crate) struct Filing {
    pub(crate) health: Health,
    stop: Stop,
    run: JoinHandle<()>,
}

impl Filing {
    pub(crate) fn start(partition: Partition, blobs: &Blobs, close_after: Duration, seed: u64) -> Self {
        let (stop, health) = (Stop::default(), Health::default());
        let setting = Setting {
            partition,
            blobs: blobs.clone(),
            close_after,
            counters: sink::Metrics::default().of(RawLog::NAME),
            metrics: raw_log::Metrics::default(),
            health: health.clone(),
            seed,
        };
        let run = tokio::spawn(raw_log::run(setting, stop.clone()));
        Self { health, stop, run }
    }

    pub(crate) async fn drain(self) {
        self.stop.drain.cancel();
        let drained = tokio::time::timeout(Duration::from_mins(2), self.run).await;
        drained.unwrap_or_else(|_| panic!("not drained: {:?}", self.health.fault())).expect("ran");
    }

    pub(crate) async fn abandon(self) {
        self.stop.abandon.cancel();
        self.run.await.expect("ran");
    }
}

/// Writes what a partition holds into the raw log.
pub(crate) async fn file(partition: &Partition, blobs: &Blobs) {
    let filing = Filing::start(partition.clone(), blobs, Duration::from_millis(50), 1);
    eventually("the raw log", async || partition.lag(RawLog::NAME) == 0).await;
    filing.drain().await;
}
