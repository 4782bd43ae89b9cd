//! Runs the sinks of every partition that this central owns: begun when it gains one, ended when it loses it. Each runs by itself: what
//! keeps one from beginning, or makes it fail, delays no other.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use footfall_log::{Owned, Partition};

use super::{Context, Metrics, Pace, Sink, SinkHealth, Stop, run};

/// A sink that ran for so many of the longest waits before it panicked is started again at once.
const STEADY_WAITS: u32 = 6;

/// A [`Sink`] of whatever types, for a table of sinks. Boxed once for each partition, never for a record.
pub trait AnySink: Send + Sync + 'static {
    /// See [`Sink::NAME`].
    fn name(&self) -> &'static str;
    /// See [`Sink::HOLDS_LOG`].
    fn holds_log(&self) -> bool;
    /// See [`run`].
    fn run(self: Arc<Self>, context: Context, stop: Stop) -> BoxFuture<'static, ()>;
}

impl<S: Sink> AnySink for S {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn holds_log(&self) -> bool {
        S::HOLDS_LOG
    }

    fn run(self: Arc<Self>, context: Context, stop: Stop) -> BoxFuture<'static, ()> {
        run(self, context, stop).boxed()
    }
}

/// What is needed to run sinks; clones share it.
#[derive(Clone)]
struct Shared {
    sinks: Arc<[Arc<dyn AnySink>]>,
    metrics: Metrics,
    health: SinkHealth,
    pace: Pace,
}

/// Keeps `sinks` running for whatever partitions this central owns, until `stop`; then waits for them. `random` makes them differ.
///
/// # Panics
/// When the tasks of a partition do: a sink that panics is told of and started again, and no other is moved.
pub async fn supervise(
    mut owned: watch::Receiver<Owned>,
    sinks: Vec<Arc<dyn AnySink>>,
    metrics: Metrics,
    health: SinkHealth,
    pace: Pace,
    mut random: fastrand::Rng,
    stop: Stop,
) {
    let shared = Shared { sinks: sinks.into(), metrics, health, pace };
    let mut supervised: BTreeMap<u32, (Partition, JoinHandle<()>)> = BTreeMap::new();
    loop {
        let now = owned.borrow_and_update().clone();
        for (number, partition) in now {
            if supervised.get(&number).is_some_and(|(held, _)| !held.lost().is_cancelled()) {
                continue;
            }
            let before = supervised.remove(&number).map(|(_, task)| task);
            let task = run_partition(partition.clone(), before, shared.clone(), random.fork(), stop.clone());
            supervised.insert(number, (partition, tokio::spawn(task)));
        }
        tokio::select! {
            changed = owned.changed() => if changed.is_err() { break },
            () = stop.drain.cancelled() => break,
        }
    }
    stop.drain.cancelled().await;
    let mut rest: JoinSet<()> = JoinSet::new();
    for (_, task) in supervised.into_values() {
        rest.spawn(async { task.await.expect("a partition's task does not panic") });
    }
    if timeout(pace.drain_timeout, async { while rest.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!("not all of the log is stored yet; the rest follows after the next start");
        stop.abandon.cancel();
        while rest.join_next().await.is_some() {}
    }
}

/// Runs the sinks of one partition as long as it is owned, once those of an earlier ownership have ended.
async fn run_partition(
    partition: Partition,
    before: Option<JoinHandle<()>>,
    shared: Shared,
    mut random: fastrand::Rng,
    stop: Stop,
) {
    if let Some(before) = before {
        before.await.expect("a partition's task does not panic");
    }
    let own = Stop { drain: stop.drain.child_token(), abandon: stop.abandon.child_token() };
    // All of them are known before the first commits: the log keeps for each what it has not got.
    for sink in shared.sinks.iter().filter(|sink| sink.holds_log()) {
        partition.register(sink.name());
    }
    let mut running = JoinSet::new();
    for sink in &*shared.sinks {
        let context = Context {
            partition: partition.clone(),
            counters: shared.metrics.of(sink.name()),
            status: shared.health.enter(partition.number(), sink.name()),
            pace: shared.pace,
            seed: random.u64(..),
        };
        running.spawn(run_one(Arc::clone(sink), context, own.clone()));
    }
    let kept = tokio::select! {
        () = async { while running.join_next().await.is_some() {} } => true,
        () = partition.lost().cancelled() => false,
    };
    if !kept {
        // Whoever has it now goes on where the stores say.
        own.abandon.cancel();
        while running.join_next().await.is_some() {}
    }
    shared.health.forget(partition.number());
}

/// Runs one sink, and starts it again when it ends although nobody told it to: it asks its store where to go on, as after any start.
async fn run_one(sink: Arc<dyn AnySink>, context: Context, stop: Stop) {
    let (name, pace) = (sink.name(), context.pace);
    let mut random = fastrand::Rng::with_seed(context.seed);
    let mut backoff = pace.backoff();
    loop {
        let begun = Instant::now();
        let run = tokio::spawn(Arc::clone(&sink).run(context.clone(), stop.clone()));
        let ended = match run.await {
            Err(error) if error.is_panic() => "panicked",
            _ if stop.drain.is_cancelled() || stop.abandon.is_cancelled() => return,
            _ => "ended",
        };
        if begun.elapsed() > pace.longest_wait * STEADY_WAITS {
            backoff.reset();
        }
        let wait = backoff.next(random.u64(..));
        context.counters.restarts.inc();
        tracing::error!(sink = name, ended, ?wait, "a sink has ended; it is started again");
        // The sentence stands until it has begun again.
        context.status.fail(format!("the {name} sink has {ended} and is started again; the log says where"));
        tokio::select! {
            () = sleep(wait) => {}
            () = stop.drain.cancelled() => return,
            () = stop.abandon.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests;
