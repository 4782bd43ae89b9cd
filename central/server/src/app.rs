//! The composition root: the one place that names concrete backends, and the order in which they start and stop.

pub mod check;
mod jobs;
mod offline;
mod rebuild;
mod sinks;
mod sockets;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow};
use footfall_daemon::exit::Exit;
use footfall_daemon::lock::Lock;
use footfall_daemon::ready;
use footfall_proto::relay::Policy;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::api::{self, ApiState};
use crate::config::{self, Config};
use crate::ingest::{self, IngestHealth};
use crate::telemetry::Telemetry;
use footfall_blobs::Blobs;
use footfall_clickhouse::EventStore;
use footfall_jobs::JobHealth;
use footfall_live::Live;
use footfall_log::{Log, LogError, Partition};
use footfall_metadata::Metadata;
use footfall_query::Reports;
use footfall_sink::{Pace, SinkHealth, Stop, supervise};
use footfall_tables::SCHEMA;
use sinks::Stores;
use sockets::Sockets;

pub use offline::{dead_letter, replay};
pub use rebuild::rebuild;

/// In the data folder: exactly one central holds it.
const LOCK: &str = "central.lock";
/// How long to wait for locks and ports that a predecessor still holds.
const PREDECESSOR: Duration = Duration::from_secs(10);
/// How long the event store may hold up the READY line; what comes in meanwhile waits in the log.
const STORE_START: Duration = Duration::from_secs(20);
/// How long edges may take to be told the last acknowledgements.
const INGEST_END: Duration = Duration::from_secs(5);

/// Runs central until `stop`, then drains: edges first, the event store last.
///
/// # Errors
/// Whatever keeps it from starting, or ends it early.
pub async fn run(config: Config, stop: CancellationToken) -> Result<(), Exit> {
    DirBuilder::new().recursive(true).mode(0o700).create(&config.data).context("the data folder")?;
    let lock = lock(&config.data).await?;
    let sockets = Sockets::bind(&config).await?;
    serve(config, sockets, stop).await?;
    drop(lock);
    Ok(())
}

async fn serve(config: Config, sockets: Sockets, stop: CancellationToken) -> anyhow::Result<()> {
    let telemetry = Telemetry::new();
    let Sockets { http, metrics: metrics_listener, relay } = sockets;
    let (http_address, relay_address) = (http.local_addr()?, relay.local_addr()?);
    let metrics_address = metrics_listener.as_ref().unwrap_or(&http).local_addr()?;
    telemetry.gauges.certificate_expiry.set(config.relay.files().read()?.expiry().unwrap_or(0));
    if let config::Log::Embedded { max_bytes, .. } = config.log {
        telemetry.gauges.log_limit_bytes.set(max_bytes as i64);
    }

    let ends = Ends::default();
    let metadata = open_metadata(config.metadata).await;
    let (user, password_file) = (config.event_store.user.clone(), config.event_store.password_file.clone());
    let (store, store_watch) = EventStore::start(config.event_store, &SCHEMA, ends.store.clone())?;
    let log = open_log(config.log, config.data.clone(), telemetry.log.clone()).await.context("the log")?;
    let (partitions, shards) = (log.partitions(), store.shards());
    anyhow::ensure!(
        (partitions as usize).is_multiple_of(shards),
        "event_store.servers names {shards} shards, which do not divide the log's {partitions} partitions: a website would be written \
         into one shard and asked for in another"
    );

    let (live, sink_health) = (Live::open(config.live), SinkHealth::default());
    let stores = Stores {
        events: store.clone(),
        live: live.clone(),
        blobs: Blobs::open(&config.blobs)?,
        close_after: config.close_after,
        raw_log: telemetry.raw_log.clone(),
        druid: config.druid.as_ref().map(|druid| (druid.kafka.clone(), druid.ingestion.topic.clone())),
    };
    let sinks = tokio::spawn(supervise(
        log.owned(),
        sinks::table(stores),
        telemetry.sink.clone(),
        sink_health.clone(),
        Pace::default(),
        fastrand::Rng::with_seed(random()?),
        ends.sinks.clone(),
    ));

    let (policy_sender, policy) = watch::channel(Arc::new(Policy::default()));
    let policy_watch =
        tokio::spawn(footfall_metadata::watch(metadata.clone(), policy_sender, ends.api.clone()));
    let context =
        ingest::IngestContext::new(log.clone(), policy, telemetry.ingest.clone(), ends.ingest.clone())
            .looking_again(metadata.looks())
            .believing(config.receipt_window);
    let ingest_health = context.health();
    let mut ingest = tokio::spawn(ingest::serve(relay, context));
    let (job_health, derive_health) = (JobHealth::default(), footfall_derive::Health::default());
    let holder = format!("central-{:016x}", random()?);
    let derivation = footfall_derive::Derivation {
        log: log.clone(),
        store: store.clone(),
        metadata: metadata.clone(),
        holder: holder.clone(),
        metrics: telemetry.derive.clone(),
        health: derive_health.clone(),
        pace: footfall_derive::Pace::default(),
    };
    let derive =
        config.derive.then(|| tokio::spawn(footfall_derive::supervise(derivation, ends.api.clone())));
    let (druid_health, druid_metrics) = (footfall_druid::Health::default(), telemetry.druid.clone());
    let druid = match config.druid {
        Some(config::Druid { connection, ingestion, servers, .. }) => {
            let (druid, health) = (footfall_druid::Druid::open(connection)?, druid_health.clone());
            let stop = ends.api.clone();
            Some(tokio::spawn(footfall_druid::supervise(
                druid,
                ingestion,
                servers,
                druid_metrics,
                health,
                stop,
            )))
        }
        None => None,
    };
    let jobs_context = footfall_jobs::Context {
        leases: metadata.clone(),
        holder,
        metrics: telemetry.job.clone(),
        health: job_health.clone(),
        pace: footfall_jobs::Pace::default(),
        random: fastrand::Rng::with_seed(random()?),
    };
    let state = ApiState {
        metadata: metadata.clone(),
        readiness: readiness(&metadata, &log, &store, &live, sink_health),
        warnings: warnings(&log, job_health, ingest_health, derive_health, druid_health),
        reports: Reports::new(store.query_client(), live.answers(), config.stale, telemetry.query.clone()),
        live: live.clone(),
        metrics: metrics(&log, &store, &telemetry),
        http_metrics: telemetry.http.clone(),
        tag_edge_url: config.tag_edge_url,
        names: config.http.names,
    };
    let jobs = tokio::spawn(footfall_jobs::run(jobs::table(live), jobs_context, ends.api.clone()));
    let api_end = ends.api.clone();
    let mut api = tokio::spawn(async move {
        match metrics_listener {
            Some(metrics) => api::serve_with_metrics_apart(http, metrics, state, api_end).await,
            None => api::serve(http, state, api_end).await,
        }
    });

    let started = tokio::select! {
        waited = timeout(STORE_START, store.ready()) => waited.is_ok(),
        () = stop.cancelled() => false,
    };
    if !started && !stop.is_cancelled() {
        tracing::error!(faults = ?store.faults(), "the event store is not ready; what comes in waits in the log");
    }
    let clickhouse = json!({ "url": store.url(), "user": user, "password_file": password_file });
    let pid = store.pid();
    let metrics_url = format!("http://{metrics_address}/metrics");
    let ready = json!({ "http": format!("http://{http_address}"), "metrics": metrics_url, "relay": relay_address.to_string(), "clickhouse": clickhouse,
        "event_store_pid": pid });
    ready::print(&ready).context("nobody reads the READY line")?;

    let early = tokio::select! {
        () = stop.cancelled() => None,
        ended = &mut ingest => Some(anyhow!("ingest has ended: {ended:?}")),
        ended = &mut api => Some(anyhow!("the HTTP server has ended: {ended:?}")),
    };
    tracing::info!("draining");
    ends.ingest.cancel();
    finish("ingest", INGEST_END, ingest).await;
    ends.sinks.drain.cancel();
    sinks.await.context("the sinks")?;
    ends.api.cancel();
    finish("the HTTP server", INGEST_END * 2, api).await;
    finish("the jobs", INGEST_END, jobs).await;
    if let Some(derive) = derive {
        finish("the derived tables", INGEST_END, derive).await;
    }
    if let Some(druid) = druid {
        finish("the watch over Druid", INGEST_END, druid).await;
    }
    finish("the policy watch", INGEST_END, policy_watch).await;
    metadata.close().await;
    ends.store.cancel();
    finish("the event store", INGEST_END * 6, store_watch).await;
    tokio::task::spawn_blocking(move || log.close()).await?;
    early.map_or(Ok(()), Err)
}

/// What ends when, in this order.
#[derive(Default)]
struct Ends {
    ingest: CancellationToken,
    sinks: Stop,
    api: CancellationToken,
    store: CancellationToken,
}

/// Sentences about what keeps central from doing its whole job.
fn readiness(
    metadata: &Metadata,
    log: &Log,
    store: &EventStore,
    live: &Live,
    sinks: SinkHealth,
) -> api::Readiness {
    let (metadata, log, store, live) = (metadata.clone(), log.clone(), store.clone(), live.clone());
    Arc::new(move || {
        let mut sentences = log.faults();
        sentences.extend(metadata.fault());
        sentences.extend(store.faults());
        sentences.extend(live.fault());
        sentences.extend(sinks.faults());
        sentences
    })
}

/// Sentences about what somebody should look at although all goes on.
fn warnings(
    log: &Log,
    jobs: JobHealth,
    ingest: IngestHealth,
    derive: footfall_derive::Health,
    druid: footfall_druid::Health,
) -> api::Readiness {
    let log = log.clone();
    let now_ms = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    Arc::new(move || {
        let druid = druid.problem().into_iter().collect();
        [log.warnings(), jobs.faults(), ingest.warnings(now_ms()), derive.warnings(now_ms()), druid].concat()
    })
}

fn metrics(log: &Log, store: &EventStore, telemetry: &Telemetry) -> api::Metrics {
    let (log, store, telemetry) = (log.clone(), store.clone(), telemetry.clone());
    let look = move |telemetry: &Telemetry| {
        telemetry.gauges.log_ends(log.owned().borrow().values().map(|owned| (owned.number(), owned.end())));
        let lags = |partition: &Partition| {
            let (number, late) = (partition.number(), partition.late());
            partition.lags().into_iter().map(move |(sink, lag)| (number, sink, lag, late.contains(&sink)))
        };
        telemetry.sink.lags(log.owned().borrow().values().flat_map(lags));
        telemetry.gauges.log_waiting_bytes.set(log.waiting_bytes() as i64);
        telemetry.gauges.event_store_restarts(store.restarts());
        telemetry.gauges.event_store_silent_servers.set(store.unavailable_servers() as i64);
    };
    Arc::new(move || telemetry.render(&look))
}

async fn open_log(place: config::Log, dir: PathBuf, metrics: footfall_log::Metrics) -> Result<Log, LogError> {
    match place {
        config::Log::Embedded { max_bytes, segment_bytes } => {
            let options =
                footfall_log::embedded::Options { dir, max_bytes, segment_bytes, lock_wait: PREDECESSOR };
            Log::embedded(options, metrics).await
        }
        config::Log::Kafka(options) => Ok(Log::kafka(*options, metrics)),
    }
}

/// A server may be away or refuse, a file may be read-only or newer than we are: events are taken in meanwhile, `/readyz` says why, and
/// the policy's watch tries again.
async fn open_metadata(place: footfall_metadata::Location) -> Metadata {
    let metadata = Metadata::at(place);
    if let Err(error) = metadata.connect().await {
        tracing::error!(%error, "websites and users are not known yet");
    }
    metadata
}

/// The lock that says: exactly one central.
async fn lock(data: &Path) -> anyhow::Result<Lock> {
    let path = data.join(LOCK);
    let lock = Lock::acquire(&path, PREDECESSOR).await?;
    lock.with_context(|| format!("another central holds {}", path.display()))
}

async fn finish<T>(name: &str, patience: Duration, mut task: JoinHandle<T>) {
    if !task.is_finished() && timeout(patience, &mut task).await.is_err() {
        tracing::warn!("{name} did not end in time");
        task.abort();
    }
}

fn random_id() -> anyhow::Result<[u8; 16]> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| anyhow!("the operating system gave no randomness: {error}"))?;
    Ok(id)
}

fn random() -> anyhow::Result<u64> {
    getrandom::u64().map_err(|error| anyhow!("the operating system gave no randomness: {error}"))
}
