//! The whole default pipeline: how many events a second reach ClickHouse, and how long one takes to be seen.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use prost::Message as _;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::body;
use crate::stack::Stack;

/// Events per POST in the throughput run: what a beacon's batch may hold.
const EVENTS_PER_POST: usize = 10;
/// Requests that are under way at once in the throughput run.
const IN_FLIGHT: usize = 64;

/// Events a second, from the first POST to the last row.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Throughput {
    /// Events that were answered with success.
    pub(crate) events: usize,
    /// Until the last answer of the edge, seconds.
    pub(crate) accepted_s: f64,
    /// Until ClickHouse held every one of them, seconds.
    pub(crate) stored_s: f64,
}

/// Sends `events` as fast as the edge takes them and waits until ClickHouse has each exactly once.
///
/// # Errors
/// When a request fails or the rows do not arrive within five minutes.
pub(crate) async fn throughput(stack: &Stack, events: usize) -> anyhow::Result<Throughput> {
    let mark = Uuid::now_v7().to_string();
    let client = reqwest::Client::builder().pool_max_idle_per_host(IN_FLIGHT).build()?;
    let url = format!("{}/e", stack.edge);
    let begun = Instant::now();
    let posts = events.div_ceil(EVENTS_PER_POST);
    let next = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (client, url, mark, next) = (client.clone(), url.clone(), mark.clone(), next.clone());
        let tracking_id = stack.tracking_id.clone();
        workers.spawn(async move {
            while next.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < posts {
                let batch = marked_batch(&tracking_id, &mark, EVENTS_PER_POST)?;
                let answer =
                    client.post(&url).header("Content-Type", "text/plain").body(batch).send().await?;
                ensure!(answer.status() == 204, "the edge answered {}", answer.status());
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = workers.join_next().await {
        done??;
    }
    let accepted_s = begun.elapsed().as_secs_f64();
    let wanted = posts * EVENTS_PER_POST;
    let query = format!(
        "SELECT count(), uniqExact(event_id) FROM footfall.events WHERE event_label = '{mark}' FORMAT TabSeparated"
    );
    loop {
        let answer = stack.clickhouse(&query).await?;
        if answer == format!("{wanted}\t{wanted}") {
            return Ok(Throughput { events: wanted, accepted_s, stored_s: begun.elapsed().as_secs_f64() });
        }
        if begun.elapsed() > Duration::from_mins(5) {
            bail!("{wanted} events were accepted, but ClickHouse holds (rows, ids) {answer}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How long single page views took to be seen, milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Latency {
    /// Samples taken.
    pub(crate) samples: usize,
    /// POST to visible in the realtime API: median and 99th percentile.
    pub(crate) realtime_ms: (f64, f64),
    /// POST to returned by a ClickHouse query: median and 99th percentile.
    pub(crate) clickhouse_ms: (f64, f64),
}

/// Sends one page view at a time, at uneven distances, and watches both ends for it.
///
/// # Errors
/// When one is not seen within ten seconds.
pub(crate) async fn latency(stack: &Stack, samples: usize) -> anyhow::Result<Latency> {
    let client = reqwest::Client::new();
    let realtime = format!("{}/api/v1/sites/{}/realtime", stack.central, stack.tracking_id);
    let (mut seen_live, mut seen_stored) = (Vec::new(), Vec::new());
    for sample in 0..samples {
        let mark = Uuid::now_v7().to_string();
        let before = page_views(&client, &realtime).await?;
        let begun = Instant::now();
        let batch = marked_batch(&stack.tracking_id, &mark, 1)?;
        let posted =
            client.post(format!("{}/e", stack.edge)).header("Content-Type", "text/plain").body(batch);
        ensure!(posted.send().await?.status() == 204, "the edge did not accept a page view");
        let live = until(begun, async || Ok(page_views(&client, &realtime).await? > before)).await?;
        let query = format!("SELECT count() FROM footfall.events WHERE event_label = '{mark}'");
        let stored = until(begun, async || Ok(stack.clickhouse(&query).await? == "1")).await?;
        seen_live.push(live);
        seen_stored.push(stored);
        // Spread over the sink's cycle of one second, so that its phase is sampled evenly.
        tokio::time::sleep(Duration::from_millis(37 * (sample as u64 % 29))).await;
    }
    Ok(Latency { samples, realtime_ms: percentiles(seen_live), clickhouse_ms: percentiles(seen_stored) })
}

async fn until(begun: Instant, mut seen: impl AsyncFnMut() -> anyhow::Result<bool>) -> anyhow::Result<f64> {
    while begun.elapsed() < Duration::from_secs(10) {
        if seen().await? {
            return Ok(begun.elapsed().as_secs_f64() * 1e3);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    bail!("a page view was not seen within ten seconds")
}

/// Page views of the last half hour, as the realtime API counts them.
async fn page_views(client: &reqwest::Client, realtime: &str) -> anyhow::Result<u64> {
    let answer: Value = client.get(realtime).send().await?.error_for_status()?.json().await?;
    answer["pageviews"].as_u64().with_context(|| format!("no pageviews in {answer}"))
}

fn marked_batch(tracking_id: &str, mark: &str, events: usize) -> anyhow::Result<Vec<u8>> {
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis() as i64;
    let mut batch = body::page_view(tracking_id, now_ms);
    let pattern = batch.events.pop().context("the template holds one event")?;
    batch.events = (0..events)
        .map(|_| {
            let mut event = pattern.clone();
            event.event_id = Uuid::now_v7().as_bytes().to_vec().into();
            mark.clone_into(&mut event.event_label);
            event
        })
        .collect();
    Ok(batch.encode_to_vec())
}

fn percentiles(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() as f64 * share).ceil() as usize).clamp(1, values.len()) - 1];
    (at(0.5), at(0.99))
}
