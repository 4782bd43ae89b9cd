//! The live view in Redis from the raw log: emptied, then filled with the last hour as its sink would, position by position, so that the
//! sink goes on where the raw log ends.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ReplayError;
use super::events::Logs;
use super::reader::RawLogReader;
use crate::live::live_events;
use crate::raw_log::RawLogStore;
use crate::raw_log::name::Hour;
use footfall_live::redis::{MinuteCounts, Redis, lives, minute_counts};
use footfall_live::{SourcePartition, WINDOW_MINUTES};
use footfall_log::RecordBatch;

/// What became of the last hour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LiveReport {
    /// Records that were read, those before the hour that decide about repeats included.
    pub raw_records: u64,
    /// Records and events that cannot be read, among all that had to be read.
    pub unreadable: u64,
    /// Events of the hour, repeats left out.
    pub events: u64,
    /// Those of them that are page views.
    pub pageviews: u64,
    /// Events that Redis holds now.
    pub held_events: u64,
    /// Page views that Redis holds now.
    pub held_pageviews: u64,
    /// Offsets that the raw log lacks between others.
    pub missing_offsets: u64,
}

/// Rebuilds the view as it is at `now` (milliseconds since 1970, asked again for each batch). Nobody else may feed it meanwhile.
///
/// # Errors
/// [`ReplayError`]; the view is then a part of what it should be, and this can be done again.
pub async fn rebuild(
    redis: &Redis,
    raw_log: &RawLogStore,
    logs: &Logs,
    now: impl Fn() -> i64,
) -> Result<LiveReport, ReplayError> {
    let mut report = LiveReport::default();
    let begun = now();
    let since = Hour::of(Some(begun - WINDOW_MINUTES as i64 * 60_000));
    redis.clear().await?;
    let mut tallies: BTreeMap<i64, MinuteCounts> = BTreeMap::new();
    for (incarnation, partitions) in logs {
        for (partition, manifest) in partitions {
            let mut reader =
                RawLogReader::new(raw_log, *incarnation, manifest, |batch| batch.is_since(since));
            let mut writer =
                redis.writer(SourcePartition { incarnation: *incarnation, partition: *partition });
            let mut anew = true;
            while let Some(chunk) = reader.next().await? {
                report.raw_records += chunk.raw().len() as u64;
                report.unreadable += chunk.poison.len() as u64;
                if std::mem::take(&mut anew) {
                    writer.restart(chunk.start, begun).await?;
                }
                let batch = [RecordBatch::new(chunk)];
                let live_events = live_events(&batch);
                for (minute, more) in minute_counts(&live_events, begun) {
                    let sum = tallies.entry(minute).or_default();
                    *sum = MinuteCounts {
                        events: sum.events + more.events,
                        pageviews: sum.pageviews + more.pageviews,
                    };
                }
                // By the same clock: a minute that ends meanwhile is counted, and goes when its time comes.
                writer.apply(batch[0].next(), &live_events, begun).await?;
            }
            report.missing_offsets += reader.missing;
        }
    }
    let held = redis.held().await?;
    let ended = now();
    for (minute, tally) in tallies {
        report.events += tally.events;
        report.pageviews += tally.pageviews;
        let found = held.get(&minute).copied().unwrap_or_default();
        if lives(minute, ended) && found != tally {
            return Err(ReplayError::LiveCount { sent: tally.events, held: found.events });
        }
        report.held_events += found.events;
        report.held_pageviews += found.pageviews;
    }
    Ok(report)
}
