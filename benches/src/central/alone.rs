//! Central's sink for ClickHouse without the rest of central: its own log, reader, mapping and delivery in this process, and no other
//! sink beside it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use footfall_clickhouse::{Backend, EventStore, Layout, Servers};
use footfall_daemon::status::Status;
use footfall_log::kafka::Options;
use footfall_log::{CHECKPOINT_BYTES, Log, Partition};
use footfall_sink::clickhouse::ClickHouse;
use footfall_sink::{Context, Pace, Sink as _, Stop};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::PATIENCE;
use super::kafka::Address;
use super::shards::{Shards, USER};

/// A log and a store between which nothing moves yet.
pub(crate) struct Alone {
    log: Log,
    store: EventStore,
    stop: CancellationToken,
}

impl Alone {
    /// Joins the group as its only member, and waits for all partitions and for the store.
    ///
    /// # Errors
    /// When something is not there in time.
    pub(crate) async fn open(
        kafka: &Address,
        shards: &Shards,
        topic: &str,
        partitions: u32,
    ) -> anyhow::Result<Self> {
        let options = options(kafka, topic, partitions, &Uuid::now_v7().to_string());
        let backend = Backend::Servers(Servers {
            shards: shards.urls().into_iter().map(|url| vec![url]).collect(),
            ca: None,
            layout: Layout::Node,
        });
        let stop = CancellationToken::new();
        let store = footfall_clickhouse::Options {
            backend,
            database: "footfall".to_owned(),
            user: USER.to_owned(),
            password_file: shards.password_file().to_owned(),
        };
        let (store, _) = EventStore::start(store, &footfall_tables::SCHEMA, stop.clone())?;
        tokio::time::timeout(PATIENCE, store.ready()).await.context("the event stores are not ready")?;
        let log = Log::kafka(options, footfall_log::Metrics::default());
        let mut owned = log.owned();
        let all = owned.wait_for(|owned| owned.len() == partitions as usize);
        tokio::time::timeout(PATIENCE, all).await.context("the group does not agree")??;
        Ok(Self { log, store, stop })
    }

    /// Runs a sink for each partition until each has stored what its partition holds.
    ///
    /// # Errors
    /// When that takes too long.
    pub(crate) async fn drain(&self) -> anyhow::Result<()> {
        let metrics = footfall_sink::Metrics::default();
        let (stop, mut sinks) = (Stop::default(), JoinSet::new());
        let sink = Arc::new(ClickHouse::new(self.store.clone()));
        let partitions: Vec<Partition> = self.log.owned().borrow().values().cloned().collect();
        for partition in &partitions {
            let context = Context {
                partition: partition.clone(),
                counters: metrics.of(ClickHouse::NAME),
                status: Status::default(),
                pace: Pace::default(),
                seed: 1,
            };
            partition.register(ClickHouse::NAME);
            sinks.spawn(footfall_sink::run(Arc::clone(&sink), context, stop.clone()));
        }
        let begun = Instant::now();
        while partitions.iter().any(|partition| partition.lag(ClickHouse::NAME) != Some(0)) {
            if begun.elapsed() > PATIENCE {
                bail!("the sink does not store everything in {PATIENCE:?}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stop.abandon.cancel();
        while sinks.join_next().await.is_some() {}
        Ok(())
    }

    /// Leaves the group.
    pub(crate) fn close(self) {
        self.stop.cancel();
        tokio::task::block_in_place(|| self.log.close());
    }
}

fn options(kafka: &Address, topic: &str, partitions: u32, group: &str) -> Options {
    Options {
        bootstrap: kafka.bootstrap.clone(),
        topic: topic.to_owned(),
        partitions,
        replication: 1,
        retention: Duration::from_hours(1),
        group: group.to_owned(),
        security: kafka.security.clone(),
        mechanism: kafka.mechanism.clone(),
        user: Some((kafka.user.clone(), kafka.password_file.clone())),
        ca: Some(kafka.ca.clone()),
        checkpoint_bytes: CHECKPOINT_BYTES,
    }
}
