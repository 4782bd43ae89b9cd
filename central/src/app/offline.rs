//! Commands that work on what a central holds while it is stopped: they take its lock, start its event store where it is embedded, and
//! leave both as they found them.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{INGEST_END, PREDECESSOR, finish, lock, random};
use crate::config::{self, Config};
use crate::log::dead_letter::Parked;
use crate::log::{self, DeadLetter, Incarnation};
use crate::replay::command::{self, Tier};
use crate::replay::{events, parked};
use crate::sink::raw_log::Shelf;
use crate::store::blobs::Blobs;
use crate::store::events::EventStore;

/// How long the event store may take until it can be used.
const STORE_START: Duration = Duration::from_mins(1);
/// Why the lock is wanted.
const STOPPED: &str = "this works on what central writes, so central has to be stopped first";

/// `central replay`: rebuilds a tier from the raw log.
///
/// # Errors
/// Whatever keeps it from being done, a sentence.
pub async fn replay(config: Config, told: command::Rebuild, out: &mut impl Write) -> anyhow::Result<()> {
    if told.from > told.to {
        bail!("--from is to be no later than --to");
    }
    if told.into == Tier::Live {
        // It rests in memory and ends with central.
        writeln!(
            out,
            "nothing to do: central reads the last hour of its log into the live view at every start"
        )?;
        return Ok(());
    }
    let held = lock(&config.data.join("central.lock")).await.context(STOPPED)?;
    let shelf = Shelf::new(Blobs::open(&config.blobs)?);
    let logs = events::logs(&shelf).await?;
    let done = with_event_store(config, async |store| {
        for day in told.from..=told.to {
            let report = events::rebuild(store, &shelf, &logs, day, told.accept_loss, random()?).await?;
            command::print_day(&report, told.json, out)?;
        }
        Ok(())
    });
    let done = done.await;
    drop(held);
    done
}

/// `central dead-letter`: what is parked, and once more to the store with it.
///
/// # Errors
/// Whatever keeps it from being done, a sentence.
pub async fn dead_letter(
    config: Config,
    told: command::DeadLetter,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if matches!(config.log, config::Log::Kafka(_)) {
        bail!(
            "the dead letters of a log in Kafka lie in a topic beside it, which this command does not read: Kafka's own tools do"
        );
    }
    let held = lock(&config.data.join("central.lock")).await.context(STOPPED)?;
    let mut parked = read_parked(&config).await?;
    parked.sort_by_key(|parked| (parked.partition, parked.offset, parked.index));
    parked.dedup_by_key(|parked| (parked.incarnation.clone(), parked.partition, parked.offset, parked.index));
    let at = |place: &str| {
        let found = parked
            .iter()
            .find(|parked| command::place_text((parked.partition, parked.offset, parked.index)) == place);
        found.with_context(|| format!("nothing is parked at {place}: see central dead-letter list"))
    };
    let done = match told {
        command::DeadLetter::List { json } => command::print_list(&parked, json, out).map_err(Into::into),
        command::DeadLetter::Show { place, json } => {
            at(&place).and_then(|parked| Ok(command::print_parked(parked, json, out)?))
        }
        command::DeadLetter::Replay { place, json } => {
            let chosen = match &place {
                Some(place) => vec![at(place)?.clone()],
                None => parked,
            };
            let shelf = Shelf::new(Blobs::open(&config.blobs)?);
            let logs = events::logs(&shelf).await?;
            let again = with_event_store(config, async |store| {
                for (incarnation, places) in parked::by_log(&chosen) {
                    let outcomes =
                        parked::again(store, &shelf, &logs, incarnation, &places, random()?).await?;
                    command::print_outcomes(&outcomes, json, out)?;
                }
                Ok(())
            });
            again.await
        }
    };
    drop(held);
    done
}

async fn read_parked(config: &Config) -> anyhow::Result<Vec<Parked>> {
    let dir = config.data.clone();
    let opening = tokio::task::spawn_blocking(move || {
        let incarnation = Incarnation::keep(&dir.join("log/incarnation"), false)?;
        let metrics = log::Metrics::default();
        anyhow::Ok(DeadLetter::open(dir.join("dead-letter"), incarnation, PREDECESSOR, metrics)?)
    });
    let dead_letter = opening.await?.context("the dead letters")?;
    let parked = dead_letter.parked().await.context("the dead letters");
    tokio::task::spawn_blocking(move || dead_letter.close()).await?;
    parked
}

/// Runs the event store for as long as `work` takes.
async fn with_event_store(
    config: Config,
    work: impl AsyncFnOnce(&EventStore) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let (store, watch) = EventStore::start(config.event_store, stop.clone())?;
    let done = match timeout(STORE_START, store.ready()).await {
        Ok(()) => work(&store).await,
        Err(_) => Err(anyhow!("the event store is not ready: {}", store.faults().join("; "))),
    };
    stop.cancel();
    finish("the event store", INGEST_END * 6, watch).await;
    done
}
