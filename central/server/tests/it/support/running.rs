//! A sink that runs beside a test.

use std::sync::Arc;
use std::time::Duration;

use footfall_blobs::Blobs;
use footfall_clickhouse::EventStore;
use footfall_daemon::status::Status;
use footfall_log::Partition;
use footfall_sink::clickhouse::ClickHouse;
use footfall_sink::raw_log::{self, RawLog};
use footfall_sink::{Context, Metrics, Pace, Sink, Stop};
use tokio::task::JoinHandle;

use super::eventually;

pub(crate) struct Running {
    pub(crate) status: Status,
    stop: Stop,
    run: JoinHandle<()>,
}

impl Running {
    /// Stores what a partition holds.
    pub(crate) fn start<S: Sink>(partition: &Partition, sink: S, metrics: &Metrics, seed: u64) -> Self {
        let (status, stop) = (Status::default(), Stop::default());
        if S::HOLDS_LOG {
            partition.register(S::NAME);
        }
        let counters = metrics.of(S::NAME);
        let (partition, pace) = (partition.clone(), Pace::default());
        let context = Context { partition, counters, status: status.clone(), pace, seed };
        let run = tokio::spawn(footfall_sink::run(Arc::new(sink), context, stop.clone()));
        Self { status, stop, run }
    }

    /// Feeds ClickHouse.
    pub(crate) fn clickhouse(
        partition: &Partition,
        store: &EventStore,
        metrics: &Metrics,
        seed: u64,
    ) -> Self {
        Self::start(partition, ClickHouse::new(store.clone()), metrics, seed)
    }

    /// Feeds the raw log.
    pub(crate) fn raw_log(partition: &Partition, blobs: &Blobs, close_after: Duration, seed: u64) -> Self {
        let raw_log = RawLog::new(blobs.clone(), close_after, raw_log::Metrics::default());
        Self::start(partition, raw_log, &Metrics::default(), seed)
    }

    /// Lets it write what the log holds.
    pub(crate) async fn drain(self) {
        self.stop.drain.cancel();
        let drained = tokio::time::timeout(Duration::from_mins(2), self.run).await;
        drained.unwrap_or_else(|_| panic!("not drained: {:?}", self.status.fault())).expect("ran");
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
    eventually("the raw log", async || partition.lag(RawLog::NAME) == Some(0)).await;
    filing.drain().await;
}
