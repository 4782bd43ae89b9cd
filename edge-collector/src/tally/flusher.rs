//! Journals the added-up drops four times a second, tells the log what was refused, and rotates the salts. Decides nothing.

use std::time::Duration;

use bytes::Bytes;
use footfall_journal::AppendError;
use footfall_proto::reason;
use prost::Message;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::edge::{Edge, now_ms};

/// How long a drop may be in memory only.
const FLUSH_INTERVAL: Duration = Duration::from_millis(250);
/// The salts are rotated once in this many intervals, if a day has ended.
const SALTS_EVERY: u32 = 4;

/// Runs until `stop`, then flushes a last time.
pub async fn run(edge: &Edge, stop: &CancellationToken) {
    let mut ticks = interval(FLUSH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count = 0_u32;
    loop {
        let last = tokio::select! {
            () = stop.cancelled() => true,
            _ = ticks.tick() => false,
        };
        if let Err(error) = flush(edge, now_ms()).await {
            tracing::warn!(%error, "counts of dropped events wait for the journal");
        }
        tell_refusals(edge, now_ms());
        if last {
            return;
        }
        count = count.wrapping_add(1);
        if count.is_multiple_of(SALTS_EVERY)
            && let Err(error) = edge.salts.rotate(now_ms())
        {
            tracing::warn!(%error, "the salts' file could not be written");
        }
    }
}

fn tell_refusals(edge: &Edge, now_ms: i64) {
    let due = edge.refusals.lock().due(now_ms);
    for (refusal, count) in due {
        let reason = reason::name(refusal.reason);
        tracing::info!(reason, site = %refusal.site, origin = %refusal.origin, count, "requests were refused");
    }
}

async fn flush(edge: &Edge, now_ms: i64) -> Result<(), AppendError> {
    let records = edge.tallies.take(now_ms);
    if records.is_empty() {
        return Ok(());
    }
    let encoded: Vec<_> = records.iter().map(|record| Bytes::from(record.encode_to_vec())).collect();
    match edge.journal.append(encoded).await {
        Ok(_) => {
            edge.telemetry.tally_records.inc_by(records.len() as u64);
            Ok(())
        }
        Err(error) => {
            edge.tallies.restore(&records);
            Err(error)
        }
    }
}
