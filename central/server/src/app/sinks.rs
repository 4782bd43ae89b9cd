//! The sinks of every partition that this central owns: started when it gains one, ended when it loses it. Which sinks there are is
//! said here, and nowhere else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use footfall_blobs::Blobs;
use footfall_clickhouse::EventStore;
use footfall_live::{Live, SourcePartition};
use footfall_log::{Log, LogError, Partition};
use footfall_sink::clickhouse::{ClickHouse, Rows};
use footfall_sink::live::{Sightings, View};
use footfall_sink::raw_log::{self, RawLog};
use footfall_sink::{Begin, Health, Sink, Stop, Writer};

/// How long sinks may take to write what the log holds; what remains is written after the next start.
const END: Duration = Duration::from_secs(10);
/// From one attempt at starting a partition's sinks to the next.
const RETRY: Duration = Duration::from_secs(1);

/// What the sinks write into, and what they count with; clones share it.
#[derive(Clone)]
pub(super) struct Stores {
    pub(super) events: EventStore,
    pub(super) live: Live,
    pub(super) blobs: Blobs,
    /// After this much time an object of the raw log is closed.
    pub(super) close_after: Duration,
    pub(super) metrics: footfall_sink::Metrics,
    pub(super) raw_log: raw_log::Metrics,
}

/// How the sinks are; clones share it.
#[derive(Clone, Default)]
pub(super) struct Board(Arc<Mutex<BTreeMap<(u32, &'static str), Health>>>);

impl Board {
    /// What is wrong with them, each sentence once.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults: Vec<_> = self.lock().values().filter_map(Health::fault).collect();
        faults.sort_unstable();
        faults.dedup();
        faults
    }

    fn enter(&self, partition: u32, sink: &'static str) -> Health {
        self.lock().entry((partition, sink)).or_default().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(u32, &'static str), Health>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps sinks running for whatever the log says this central owns, until `stop`; then waits for them.
pub(super) async fn attend(log: Log, stores: Stores, board: Board, stop: Stop) {
    let mut owned = log.owned();
    let mut tended: BTreeMap<u32, (Partition, JoinHandle<()>)> = BTreeMap::new();
    loop {
        let now = owned.borrow_and_update().clone();
        for (number, partition) in now {
            if tended.get(&number).is_some_and(|(held, _)| !held.lost().is_cancelled()) {
                continue;
            }
            let before = tended.remove(&number).map(|(_, tending)| tending);
            let tending = tend(partition.clone(), before, stores.clone(), board.clone(), stop.clone());
            tended.insert(number, (partition, tokio::spawn(tending)));
        }
        tokio::select! {
            changed = owned.changed() => if changed.is_err() { break },
            () = stop.drain.cancelled() => break,
        }
    }
    stop.drain.cancelled().await;
    let mut rest: JoinSet<()> = JoinSet::new();
    for (_, tending) in tended.into_values() {
        rest.spawn(async { tending.await.expect("tending does not panic") });
    }
    if timeout(END, async { while rest.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!("not all of the log is stored yet; the rest follows after the next start");
        stop.abandon.cancel();
        while rest.join_next().await.is_some() {}
    }
}

/// Runs the sinks of one partition as long as it is owned.
async fn tend(
    partition: Partition,
    before: Option<JoinHandle<()>>,
    stores: Stores,
    board: Board,
    stop: Stop,
) {
    if let Some(before) = before {
        before.await.expect("tending does not panic");
    }
    let own = Stop { drain: stop.drain.child_token(), abandon: stop.abandon.child_token() };
    let mut running = JoinSet::new();
    let tending = async {
        start(&partition, &stores, &board, &own, &mut running).await;
        while running.join_next().await.is_some() {}
    };
    let kept = tokio::select! {
        () = tending => true,
        () = partition.lost().cancelled() => false,
    };
    if !kept {
        // Whoever has it now goes on where the stores say.
        own.abandon.cancel();
        while running.join_next().await.is_some() {}
    }
    for sink in [ClickHouse::NAME, RawLog::NAME, Sightings::NAME] {
        board.lock().remove(&(partition.number(), sink));
    }
}

async fn start(
    partition: &Partition,
    stores: &Stores,
    board: &Board,
    stop: &Stop,
    running: &mut JoinSet<()>,
) {
    // The raw log first: it is the one that the log has to be held back for from the beginning.
    let health = board.enter(partition.number(), RawLog::NAME);
    if let Some(setting) = patiently(&health, stop, || begin_raw_log(partition, stores, &health)).await {
        spawn(RawLog::NAME, health, raw_log::run(setting, stop.clone()), stop, running);
    }
    let health = board.enter(partition.number(), ClickHouse::NAME);
    if let Some(begin) = patiently(&health, stop, || begin_clickhouse(partition, stores, &health)).await {
        let incarnation = partition.incarnation().0;
        let (number, end, seed) = (partition.number(), partition.end(), begin.seed);
        let rows = Rows::new(&stores.events, incarnation, number, end, seed, begin.counters.clone());
        run(ClickHouse::new(incarnation, number), rows, begin, stop, running);
    }
    let health = board.enter(partition.number(), Sightings::NAME);
    let source = SourcePartition { incarnation: partition.incarnation().0, partition: partition.number() };
    let counters = stores.metrics.of(Sightings::NAME);
    let mut view = View::new(stores.live.writer(source), partition.clone(), counters.clone());
    let Some(cursor) = view.begin(&health, stop).await else { return };
    match super::random() {
        Ok(seed) => {
            let begin = Begin { keep: None, cursor, counters, health, seed };
            run(Sightings::default(), view, begin, stop, running);
        }
        Err(error) => health.fails(format!("the live sink cannot begin: {error:#}")),
    }
}

async fn begin_clickhouse(partition: &Partition, stores: &Stores, health: &Health) -> anyhow::Result<Begin> {
    Ok(Begin {
        keep: Some(partition.clone()),
        cursor: partition.consumer(ClickHouse::NAME).await?,
        counters: stores.metrics.of(ClickHouse::NAME),
        health: health.clone(),
        seed: super::random()?,
    })
}

async fn begin_raw_log(
    partition: &Partition,
    stores: &Stores,
    health: &Health,
) -> anyhow::Result<raw_log::Setting> {
    // Where it begins is for its store to say, however long that takes: until then the log keeps what was not committed.
    partition.consumer(RawLog::NAME).await?;
    Ok(raw_log::Setting {
        partition: partition.clone(),
        blobs: stores.blobs.clone(),
        close_after: stores.close_after,
        counters: stores.metrics.of(RawLog::NAME),
        metrics: stores.raw_log.clone(),
        health: health.clone(),
        seed: super::random()?,
    })
}

/// Tries until it begins, a person is needed, or all ends.
async fn patiently<T, F: Future<Output = anyhow::Result<T>>>(
    health: &Health,
    stop: &Stop,
    begin: impl Fn() -> F,
) -> Option<T> {
    loop {
        match begin().await {
            Ok(begin) => {
                health.recovered();
                return Some(begin);
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "a sink cannot begin");
                health.fails(format!("a sink cannot begin: {error:#}"));
                if error.downcast_ref::<LogError>().is_some_and(|error| !error.is_transient()) {
                    stop.drain.cancelled().await;
                    return None;
                }
            }
        }
        tokio::select! {
            () = sleep(RETRY) => {}
            () = stop.drain.cancelled() => return None,
        }
    }
}

fn run<S: Sink, W: Writer<Load = S::Load>>(
    sink: S,
    writer: W,
    begin: Begin,
    stop: &Stop,
    running: &mut JoinSet<()>,
) {
    let health = begin.health.clone();
    spawn(S::NAME, health, footfall_sink::run(sink, writer, begin, stop.clone()), stop, running);
}

fn spawn(
    name: &'static str,
    health: Health,
    sink: impl Future<Output = ()> + Send + 'static,
    stop: &Stop,
    running: &mut JoinSet<()>,
) {
    let stop = stop.clone();
    running.spawn(async move {
        let ended = tokio::spawn(sink).await;
        if !stop.drain.is_cancelled() && !stop.abandon.is_cancelled() {
            tracing::error!(sink = name, ?ended, "a sink has ended");
            health.ended(name);
            // The sentence stands until all ends.
            stop.drain.cancelled().await;
        }
    });
}
