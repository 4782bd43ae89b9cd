//! Commands that work on what a central holds. Those that change it want central stopped: they take its lock, start its event store where
//! it is embedded, and leave both as they found them.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{INGEST_END, finish, lock, random};
use crate::command::{self, Tier};
use crate::config::{self, Config};
use crate::ingest::ReceiptWindow;
use crate::ingest::judgement::{self, Sites};
use footfall_blobs::Blobs;
use footfall_clickhouse::{Backend, EventStore, Layout, Servers};
use footfall_derive::{Reason, Request};
use footfall_log::dead_letter::Parked;
use footfall_metadata::Metadata;
use footfall_sink::raw_log::RawLogStore;
use footfall_sink::replay::{self, events, parked};
use footfall_tables::SCHEMA;

/// How long the event store may take until it can be used.
pub(super) const STORE_START: Duration = Duration::from_mins(1);
/// How long Redis may take to answer.
const REDIS_START: Duration = Duration::from_secs(10);
/// Why the lock is wanted.
const STOPPED: &str = "this works on what central writes, so central has to be stopped first";

/// `central replay`: rebuilds a tier from the raw log.
///
/// # Errors
/// Whatever keeps it from being done, a sentence.
pub async fn replay(config: Config, told: command::Rebuild, out: &mut impl Write) -> anyhow::Result<()> {
    if told.into == Tier::Live {
        return replay_live(config, told.json, out).await;
    }
    let (from, to) = told.from.zip(told.to).context("--from and --to are to name days")?;
    if from > to {
        bail!("--from is to be no later than --to");
    }
    if let Backend::Servers(Servers { layout: Layout::Cluster(cluster), .. }) = &config.event_store.backend {
        bail!(
            "the tables of cluster {cluster} are replicated, and a day of such a table cannot be put in another's place by this command: \
             rebuild into an event store of its own (event_store.servers without event_store.cluster) and copy the day from there"
        );
    }
    let held = lock(&config.data).await.context(STOPPED)?;
    let raw_log = RawLogStore::new(Blobs::open(&config.blobs)?);
    let logs = events::logs(&raw_log).await?;
    let partitions = config.log.partitions();
    let done = with_event_store(config, async |store| {
        for day in from..=to {
            ask_again(store, partitions, [day]).await?;
            let report = events::rebuild(store, &raw_log, &logs, day, told.accept_loss, random()?).await?;
            command::print_day(&report, told.json, out)?;
        }
        Ok(())
    });
    let done = done.await;
    drop(held);
    done
}

/// The live view: of what is in memory there is nothing to rebuild.
async fn replay_live(config: Config, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let footfall_live::Options::Redis(options) = config.live else {
        // It rests in memory and ends with central.
        writeln!(
            out,
            "nothing to do: central reads the last hour of its log into the live view at every start"
        )?;
        return Ok(());
    };
    let held = lock(&config.data).await.context(STOPPED)?;
    let raw_log = RawLogStore::new(Blobs::open(&config.blobs)?);
    let logs = events::logs(&raw_log).await?;
    let redis = footfall_live::Redis::open(options);
    if timeout(REDIS_START, redis.ready()).await.is_err() {
        bail!(redis.fault().unwrap_or_else(|| "Redis does not answer".to_owned()));
    }
    let report = replay::live::rebuild(&redis, &raw_log, &logs, now_ms).await?;
    command::print_live(&report, json, out)?;
    drop(held);
    Ok(())
}

/// `central dead-letter`: what is parked, and once more to the store with it. To look at it disturbs no central that runs.
///
/// # Errors
/// Whatever keeps it from being done, a sentence.
pub async fn dead_letter(
    config: Config,
    told: command::DeadLetter,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match told {
        command::DeadLetter::List { json } => {
            Ok(command::print_list(&read_parked(&config).await?, json, out)?)
        }
        command::DeadLetter::Show { place, json } => {
            for parked in at(read_parked(&config).await?, &place)? {
                command::print_parked(&parked, json, out)?;
            }
            Ok(())
        }
        command::DeadLetter::Replay { place, any_time, json } => {
            let window = if any_time { ReceiptWindow::ALL } else { config.receipt_window };
            let held = lock(&config.data).await.context(STOPPED)?;
            let mut chosen = read_parked(&config).await?;
            if let Some(place) = &place {
                chosen = at(chosen, place)?;
            }
            let raw_log = RawLogStore::new(Blobs::open(&config.blobs)?);
            let logs = events::logs(&raw_log).await?;
            let metadata = Metadata::open(config.metadata.clone()).await?;
            let sites = Sites::of(&metadata.policy().await?);
            metadata.close().await;
            let partitions = config.log.partitions();
            let judge = move |record: &[u8]| judgement::judge(record, &sites, window, now_ms());
            let again = with_event_store(config, async |store| {
                for (incarnation, places) in parked::by_log(&chosen) {
                    ask_again(store, partitions, parked::days(&logs, incarnation, &places)).await?;
                    let seed = random()?;
                    let outcomes =
                        parked::redeliver(store, &raw_log, &logs, incarnation, &places, &judge, seed).await?;
                    command::print_outcomes(&outcomes, json, out)?;
                }
                Ok(())
            });
            let again = again.await;
            drop(held);
            again
        }
    }
}

/// Notes that what is derived of these days is to be computed again, before their events are changed.
async fn ask_again(
    store: &EventStore,
    partitions: u32,
    days: impl IntoIterator<Item = u16>,
) -> anyhow::Result<()> {
    for day in days {
        let request = Request {
            id: super::random_id()?,
            reason: Reason::Events,
            day_from: day,
            day_to: day,
            website_id: None,
            requested_at: now_ms(),
        };
        footfall_derive::request(store, partitions, &request).await?;
    }
    Ok(())
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// What is parked, by its place in the log; of what a crash parked twice, one.
async fn read_parked(config: &Config) -> anyhow::Result<Vec<Parked>> {
    let mut parked = match &config.log {
        config::Log::Embedded { .. } => {
            let dir = config.data.join("dead-letter");
            tokio::task::spawn_blocking(move || footfall_log::embedded::read_dead_letters(&dir)).await?
        }
        config::Log::Kafka(options) => footfall_log::kafka::read_dead_letters(options).await,
    }
    .context("the dead letters cannot be read")?;
    parked.sort_by(|one, other| {
        let place = |parked: &Parked| (parked.partition, parked.offset, parked.index);
        place(one)
            .cmp(&place(other))
            .then_with(|| one.incarnation.cmp(&other.incarnation))
            .then_with(|| one.payload.cmp(&other.payload))
    });
    parked.dedup();
    Ok(parked)
}

/// Those at a place.
fn at(mut parked: Vec<Parked>, place: &str) -> anyhow::Result<Vec<Parked>> {
    parked.retain(|parked| command::place_text((parked.partition, parked.offset, parked.index)) == place);
    anyhow::ensure!(!parked.is_empty(), "nothing is parked at {place}: see central dead-letter list");
    Ok(parked)
}

/// Runs the event store for as long as `work` takes.
async fn with_event_store(
    config: Config,
    work: impl AsyncFnOnce(&EventStore) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let (store, watch) = EventStore::start(config.event_store, &SCHEMA, stop.clone())?;
    let done = match timeout(STORE_START, store.ready()).await {
        Ok(()) => work(&store).await,
        Err(_) => Err(anyhow!("the event store is not ready: {}", store.faults().join("; "))),
    };
    stop.cancel();
    finish("the event store", INGEST_END * 6, watch).await;
    done
}
