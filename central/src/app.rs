//! The composition root: the one place that names concrete backends, and the order in which they start and stop.

use std::fs::{DirBuilder, File, TryLockError};
use std::future::Future;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, anyhow};
use footfall_proto::relay::Policy;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::api::{self, ApiState};
use crate::config::Config;
use crate::log::{self, Log, PARTITION};
use crate::sink::clickhouse::{ClickHouse, Rows};
use crate::sink::live::{REACH, Sightings, View};
use crate::sink::{Begin, Health, Sink, Stop, Writer};
use crate::store::events::EventStore;
use crate::store::live::Live;
use crate::store::metadata::{self, Metadata};
use crate::telemetry::Telemetry;
use crate::{ingest, sink};

/// The metadata database, in the data folder.
pub const METADATA: &str = "metadata.sqlite";

/// How long to wait for locks and ports that a predecessor still holds.
const PREDECESSOR: Duration = Duration::from_secs(10);
/// How often they are tried.
const RETRY: Duration = Duration::from_millis(50);
/// How long the event store may hold up the READY line; what comes in meanwhile waits in the log.
const STORE_START: Duration = Duration::from_secs(20);
/// How long edges may take to be told the last acknowledgements.
const INGEST_END: Duration = Duration::from_secs(5);
/// How long sinks may take to write what the log holds; what remains is written after the next start.
const SINK_END: Duration = Duration::from_secs(10);

/// Runs central until `stop`, then drains: edges first, the event store last.
///
/// # Errors
/// Whatever keeps it from starting, or ends it early.
pub async fn run(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(&config.data).context("the data folder")?;
    let lock = lock(&config.data.join("central.lock")).await?;
    let telemetry = Telemetry::new();

    let http = patiently(|| TcpListener::bind(config.http.listen))
        .await
        .context(format!("http {}", config.http.listen))?;
    let relay = patiently(|| async {
        let tls = ingest::endpoint::configure(&config.relay).map_err(io::Error::other)?;
        ingest::endpoint::bind(config.relay.listen, tls)
    });
    let relay = relay.await.context(format!("relay {}", config.relay.listen))?;
    let (http_address, relay_address) = (http.local_addr()?, relay.local_addr()?);

    let ends = Ends::default();
    let metadata = Metadata::open(config.data.join(METADATA)).await.context("the metadata database")?;
    let (user, password_file) = (config.event_store.user.clone(), config.event_store.password_file.clone());
    let (store, store_watch) = EventStore::start(config.event_store, ends.store.clone())?;
    let log =
        open_log(config.data.clone(), config.log_max_bytes, config.log_segment_bytes, telemetry.log.clone())
            .await?;

    let live = Live::new();
    let mut sinks = Sinks::default();
    sinks.start_clickhouse(&log, &store, &telemetry, &ends.sinks)?;
    sinks.start_live(&log, &live, &telemetry, &ends.sinks)?;

    let (policy_sender, policy) = watch::channel(Arc::new(Policy::default()));
    let policy_watch = tokio::spawn(metadata::watch(metadata.clone(), policy_sender, ends.api.clone()));
    let room = ingest::Room::new(log.clone(), policy, telemetry.ingest.clone(), ends.ingest.clone());
    let mut ingest = tokio::spawn(ingest::serve(relay, room));
    let state = ApiState {
        metadata: metadata.clone(),
        live,
        reports: store.reports(),
        readiness: readiness(&log, &store, sinks.health.clone()),
        metrics: metrics(&log, &store, &telemetry),
        tag_edge_url: config.tag_edge_url,
        names: config.http.names,
    };
    let mut api = tokio::spawn(api::serve(http, state, ends.api.clone()));

    let started = tokio::select! {
        waited = timeout(STORE_START, store.ready()) => waited.is_ok(),
        () = stop.cancelled() => false,
    };
    if !started && !stop.is_cancelled() {
        tracing::error!(faults = ?store.faults(), "the event store is not ready; what comes in waits in the log");
    }
    let clickhouse = json!({ "url": store.url(), "user": user, "password_file": password_file });
    let pid = store.condition().pid;
    let ready = json!({ "http": format!("http://{http_address}"), "relay": relay_address.to_string(), "clickhouse": clickhouse,
        "event_store_pid": pid });
    println!("READY {ready}");

    let early = tokio::select! {
        () = stop.cancelled() => None,
        ended = &mut ingest => Some(anyhow!("ingest has ended: {ended:?}")),
        ended = &mut api => Some(anyhow!("the HTTP server has ended: {ended:?}")),
    };
    tracing::info!("draining");
    ends.ingest.cancel();
    finish("ingest", INGEST_END, ingest).await;
    sinks.finish(&ends.sinks).await;
    ends.api.cancel();
    finish("the HTTP server", INGEST_END * 2, api).await;
    finish("the policy watch", INGEST_END, policy_watch).await;
    metadata.close().await;
    ends.store.cancel();
    finish("the event store", INGEST_END * 6, store_watch).await;
    tokio::task::spawn_blocking(move || log.close()).await?;
    drop(lock);
    early.map_or(Ok(()), Err)
}

/// Cancels `stop` at SIGTERM or SIGINT.
pub async fn signalled(stop: CancellationToken) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be received");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.cancel();
}

/// What ends when, in this order.
#[derive(Default)]
struct Ends {
    ingest: CancellationToken,
    sinks: Stop,
    api: CancellationToken,
    store: CancellationToken,
}

/// The sinks that run, and how they are.
#[derive(Default)]
struct Sinks {
    running: JoinSet<()>,
    health: Vec<Health>,
}

impl Sinks {
    fn start_clickhouse(
        &mut self,
        log: &Log,
        store: &EventStore,
        telemetry: &Telemetry,
        stop: &Stop,
    ) -> anyhow::Result<()> {
        let incarnation = log.incarnation().0;
        let counters = telemetry.sink.of(ClickHouse::NAME);
        let begin = Begin {
            keep: Some(log.clone()),
            cursor: log.consumer(ClickHouse::NAME)?,
            counters: counters.clone(),
            health: Health::default(),
            seed: random()?,
        };
        let rows = Rows::new(store.clone(), incarnation, PARTITION, log.end(), random()?, counters);
        self.start(ClickHouse::new(incarnation, PARTITION), rows, begin, stop);
        Ok(())
    }

    fn start_live(
        &mut self,
        log: &Log,
        live: &Live,
        telemetry: &Telemetry,
        stop: &Stop,
    ) -> anyhow::Result<()> {
        let since = SystemTime::now().checked_sub(REACH).context("the clock")?;
        let begin = Begin {
            keep: None,
            cursor: log.observer(since),
            counters: telemetry.sink.of(Sightings::NAME),
            health: Health::default(),
            seed: random()?,
        };
        self.start(Sightings::default(), View(live.clone()), begin, stop);
        Ok(())
    }

    fn start<S: Sink, W: Writer<Load = S::Load>>(&mut self, sink: S, writer: W, begin: Begin, stop: &Stop) {
        self.health.push(begin.health.clone());
        let (health, stop) = (begin.health.clone(), stop.clone());
        self.running.spawn(async move {
            let ended = tokio::spawn(sink::run(sink, writer, begin, stop.clone())).await;
            if !stop.drain.is_cancelled() {
                tracing::error!(sink = S::NAME, ?ended, "a sink has ended");
                health.ended(S::NAME);
            }
        });
    }

    async fn finish(&mut self, stop: &Stop) {
        stop.drain.cancel();
        let drained = timeout(SINK_END, async { while self.running.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!("not all of the log is stored yet; the rest follows after the next start");
            stop.abandon.cancel();
            while self.running.join_next().await.is_some() {}
        }
    }
}

/// Sentences about what keeps central from doing its whole job.
fn readiness(log: &Log, store: &EventStore, sinks: Vec<Health>) -> api::Readiness {
    let (log, store) = (log.clone(), store.clone());
    Arc::new(move || {
        let mut sentences: Vec<String> = log.refusal().into_iter().collect();
        sentences.extend(store.faults());
        sentences.extend(sinks.iter().filter_map(Health::fault));
        sentences
    })
}

fn metrics(log: &Log, store: &EventStore, telemetry: &Telemetry) -> api::Metrics {
    let (log, store, telemetry) = (log.clone(), store.clone(), telemetry.clone());
    Arc::new(move || {
        telemetry.gauges.log_end.set(log.end() as i64);
        telemetry.gauges.log_waiting_bytes.set(log.waiting_bytes() as i64);
        telemetry.gauges.event_store_restarts.set(store.condition().restarts as i64);
        telemetry.sink.of(ClickHouse::NAME).lag(log.lag(ClickHouse::NAME));
        telemetry.render()
    })
}

async fn open_log(
    dir: PathBuf,
    max_bytes: u64,
    segment_bytes: u64,
    metrics: log::Metrics,
) -> anyhow::Result<Log> {
    let options = log::Options { dir, max_bytes, segment_bytes, lock_wait: PREDECESSOR };
    tokio::task::spawn_blocking(move || Log::open(&options, metrics)).await?.context("the log")
}

/// The lock that says: exactly one central. Held as long as the file is open.
async fn lock(path: &Path) -> anyhow::Result<File> {
    let file = File::create(path).context("the lock file")?;
    let deadline = Instant::now() + PREDECESSOR;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(RETRY).await,
            Err(TryLockError::WouldBlock) => return Err(anyhow!("another central holds {}", path.display())),
            Err(TryLockError::Error(error)) => return Err(error).context("the lock file"),
        }
    }
}

/// Opens a port, waiting for a predecessor to leave it.
async fn patiently<T, F: Future<Output = io::Result<T>>>(open: impl Fn() -> F) -> io::Result<T> {
    let deadline = Instant::now() + PREDECESSOR;
    loop {
        match open().await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                sleep(RETRY).await;
            }
            opened => return opened,
        }
    }
}

async fn finish<T>(name: &str, patience: Duration, mut task: JoinHandle<T>) {
    if !task.is_finished() && timeout(patience, &mut task).await.is_err() {
        tracing::warn!("{name} did not end in time");
        task.abort();
    }
}

fn random() -> anyhow::Result<u64> {
    getrandom::u64().map_err(|error| anyhow!("the operating system gave no randomness: {error}"))
}
