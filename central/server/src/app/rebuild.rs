//! `central rebuild`: asks the central that runs to compute what is derived of some days again, waits for it, and says whether the rows are
//! the same as before. Computes nothing itself.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::offline::{STORE_START, now_ms};
use super::{INGEST_END, finish};
use crate::command::{Derived, Recomputation};
use crate::config::Config;
use footfall_clickhouse::{Backend, EventStore, Layout, Options, Servers};
use footfall_derive::{Checksum, Reason, Request, Tables};
use footfall_metadata::Metadata;
use footfall_tables::SCHEMA;

/// From one look at how far it is to the next.
const POLL: Duration = Duration::from_millis(500);
/// A central that has done nothing for so long does not run, or is busy with something else.
const STANDSTILL: Duration = Duration::from_mins(2);

/// Runs the command.
///
/// # Errors
/// Whatever keeps it from being done, a sentence. What was asked for is done all the same once a central runs.
pub async fn rebuild(config: Config, told: Recomputation, out: &mut impl Write) -> anyhow::Result<()> {
    if told.from > told.to {
        bail!("--from is to be no later than --to");
    }
    let partitions = config.log.partitions();
    let website_id = match &told.site {
        None => None,
        Some(site) => {
            let metadata = Metadata::open(config.metadata.clone()).await?;
            let website = metadata.website(site).await?;
            metadata.close().await;
            Some(website.with_context(|| format!("there is no website {site}"))?.website_id)
        }
    };
    let stop = CancellationToken::new();
    let (store, watch) = EventStore::start(beside(config.event_store), &SCHEMA, stop.clone())?;
    let request = Request {
        id: super::random_id()?,
        reason: Reason::Rebuild,
        day_from: told.from,
        day_to: told.to,
        website_id,
        requested_at: now_ms(),
    };
    let done = match timeout(STORE_START, store.ready()).await {
        Ok(()) => work(&store, partitions, &request, &told, out).await,
        Err(_) => Err(anyhow::anyhow!("the event store is not ready: {}", store.faults().join("; "))),
    };
    stop.cancel();
    finish("the event store", INGEST_END, watch).await;
    done
}

/// The event store as one that somebody else runs: central's own child is asked at its address.
fn beside(options: Options) -> Options {
    let backend = match options.backend {
        Backend::Embedded(program) => Backend::Servers(Servers {
            shards: vec![vec![format!("http://{}", program.listen)]],
            ca: None,
            layout: Layout::Node,
        }),
        servers @ Backend::Servers(_) => servers,
    };
    Options { backend, ..options }
}

async fn work(
    store: &EventStore,
    partitions: u32,
    request: &Request,
    told: &Recomputation,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let tables = match told.what {
        Derived::Sessions => Tables::Sessions,
        Derived::Conversions => Tables::Conversions,
        Derived::Aggregates => Tables::Aggregates,
    };
    for position in footfall_derive::positions(store, partitions).await? {
        let (whole, sessions) = (instant(position.whole_to), instant(position.sessions_to));
        eprintln!(
            "partition {}: events below offset {}, hours until {whole}, sessions that ended until {sessions}",
            position.partition, position.log_offset
        );
    }
    let before = footfall_derive::checksums(store, partitions, tables, request).await?;
    footfall_derive::request(store, partitions, request).await?;
    wait(store, partitions, request).await?;
    let after = footfall_derive::checksums(store, partitions, tables, request).await?;
    for (before, after) in before.iter().zip(&after) {
        print(before, after, told.json, out)?;
    }
    Ok(())
}

/// Waits until every partition has done it, and says how far it is.
async fn wait(store: &EventStore, partitions: u32, request: &Request) -> anyhow::Result<()> {
    let days = u64::from(request.day_to - request.day_from) + 1;
    let all = days * u64::from(partitions);
    let (mut moved, mut known) = (Instant::now(), u64::MAX);
    loop {
        let left = footfall_derive::left(store, partitions, request).await?;
        if left.is_empty() {
            return Ok(());
        }
        let left: u64 = left.iter().map(|(_, days)| u64::from(*days)).sum();
        if left != known {
            (moved, known) = (Instant::now(), left);
            eprintln!("{} of {all} days", all.saturating_sub(left));
        }
        if moved.elapsed() > STANDSTILL {
            bail!(
                "nothing has been computed for {} minutes: is central running, with derive.enabled? What was asked for is done once it is",
                STANDSTILL.as_secs() / 60
            );
        }
        sleep(POLL).await;
    }
}

fn print(before: &Checksum, after: &Checksum, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let same = before == after;
    if json {
        let line = json!({ "table": after.table, "rows_before": before.rows, "rows_after": after.rows, "identical": same });
        writeln!(out, "{line}")?;
    } else {
        let verdict = if same { "identical" } else { "not the same rows" };
        writeln!(out, "{}: {} rows before, {} after: {verdict}", after.table, before.rows, after.rows)?;
    }
    Ok(())
}

fn instant(ms: i64) -> String {
    let instant = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000);
    instant.ok().and_then(|instant| instant.format(&Rfc3339).ok()).unwrap_or_else(|| ms.to_string())
}
