//! A day of the event store from the raw log: loaded beside the table, counted, and put in the old day's place at once.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

use super::ReplayError;
use super::reader::RawLogReader;
use crate::Batcher as _;
use crate::batch::Insert;
use crate::clickhouse::RowBatcher;
use crate::delivery::{Delivery, Table};
use crate::raw_log::RawLogStore;
use crate::raw_log::manifest::Manifest;
use crate::raw_log::name::{Hour, day_folder};
use footfall_clickhouse::{Coordinate, EventStore, StagingTable, StoreError};
use footfall_daemon::fault::{Classify as _, Fault};
use footfall_log::{RawEntry, RecordBatch};
use footfall_tables::events::EVENTS;

/// Every log of which there is something, and its partitions.
pub type Logs = BTreeMap<[u8; 16], BTreeMap<u32, Manifest>>;

/// What became of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DayReport {
    /// `yyyy-mm-dd`, UTC.
    pub day: String,
    /// Records of that day in the raw log, resends included.
    pub raw_records: u64,
    /// Records and events that cannot be read, among all that had to be read.
    pub unreadable: u64,
    /// Events made of them.
    pub events: u64,
    /// Events that the store refuses as bad data.
    pub refused: u64,
    /// Rows of the day before.
    pub rows_before: u64,
    /// ... and after.
    pub rows_after: u64,
    /// Rows before that the raw log does not account for.
    pub unaccounted: u64,
    /// Offsets that the raw log lacks between others.
    pub missing_offsets: u64,
    /// Whether the day was replaced.
    pub replaced: bool,
}

/// Reads the names of everything in the raw log.
///
/// # Errors
/// [`ReplayError::Blobs`].
pub async fn logs(raw_log: &RawLogStore) -> Result<Logs, ReplayError> {
    let mut logs = Logs::new();
    for incarnation in raw_log.logs().await? {
        logs.insert(incarnation, raw_log.log(incarnation).await?);
    }
    Ok(logs)
}

/// Rebuilds one UTC day (counted from 1970). Nobody else may write to the store meanwhile; should somebody, nothing is replaced. Rows
/// that the raw log does not account for stop it as well, unless `accept_loss` says that they may go.
///
/// # Errors
/// [`ReplayError`]; the day is then as it was.
pub async fn rebuild(
    store: &EventStore,
    raw_log: &RawLogStore,
    logs: &Logs,
    day: u16,
    accept_loss: bool,
    seed: u64,
) -> Result<DayReport, ReplayError> {
    let mut report = DayReport { day: day_folder(day), ..DayReport::default() };
    let staging = store.staging_table(&EVENTS);
    staging.clear().await?;
    let before = staging.stored(day).await?;
    for (incarnation, partitions) in logs {
        for (partition, manifest) in partitions {
            load(&staging, raw_log, (*incarnation, *partition), manifest, day, seed, &mut report).await?;
        }
    }
    report.rows_before = before.rows;
    let staged = staging.staged(day).await?;
    if staged.rows != report.events - report.refused {
        return Err(ReplayError::Count {
            day: report.day,
            sent: report.events - report.refused,
            held: staged.rows,
        });
    }
    report.unaccounted = staging.unaccounted(day).await?;
    if report.unaccounted > 0 && !accept_loss {
        return Err(ReplayError::Loss { day: report.day, rows: report.unaccounted });
    }
    if staging.stored(day).await? != before {
        return Err(ReplayError::WrittenMeanwhile(report.day));
    }
    if staged.rows + before.rows > 0 {
        staging.replace(day).await?;
        report.replaced = true;
    }
    report.rows_after = staging.stored(day).await?.rows;
    staging.drop().await?;
    if report.rows_after != staged.rows {
        return Err(ReplayError::Count { day: report.day, sent: staged.rows, held: report.rows_after });
    }
    Ok(report)
}

/// Loads what one partition has of the day.
async fn load(
    staging: &StagingTable,
    raw_log: &RawLogStore,
    (incarnation, partition): ([u8; 16], u32),
    manifest: &Manifest,
    day: u16,
    seed: u64,
    report: &mut DayReport,
) -> Result<(), ReplayError> {
    let mut reader = RawLogReader::new(raw_log, incarnation, manifest, |batch| batch.has_day(day));
    let mut batcher = RowBatcher::new(incarnation, partition);
    let loading = Loading { staging: staging.clone(), incarnation, partition };
    let mut delivery = Delivery::new(loading, 0, seed);
    let mut rest = None;
    loop {
        let chunk = reader.next().await?;
        let ended = chunk.is_none();
        if let Some(chunk) = chunk {
            let of_the_day = |entry: &&RawEntry| Hour::of(entry.server_timestamp_ms()).day() == day;
            report.raw_records += chunk.raw().iter().filter(of_the_day).count() as u64;
            report.unreadable += chunk.poison.len() as u64;
            rest = Some(RecordBatch::new(chunk));
        }
        while ended || rest.is_some() {
            rest = rest.and_then(|read| batcher.add(&read, Instant::now()));
            if !(ended || batcher.is_full()) {
                break;
            }
            let inserts: Vec<_> = batcher.take().into_iter().filter(|insert| insert.day == day).collect();
            if let (Some(first), Some(last)) = (inserts.first(), inserts.last()) {
                let (from, next) = (first.first().offset, last.last().offset + 1);
                let refused = delivery.deliver(&inserts, from, next).await;
                let refused = refused.map_err(|error| ReplayError::Load(error.to_string()))?;
                report.events += inserts.iter().map(|insert| insert.rows().len() as u64).sum::<u64>();
                report.refused += refused.len() as u64;
            }
            if ended {
                break;
            }
        }
        if ended {
            break;
        }
    }
    report.missing_offsets += reader.missing;
    Ok(())
}

/// The table beside, as delivery sees it: nobody else knows it, so there is nothing to settle or to find there.
struct Loading {
    staging: StagingTable,
    incarnation: [u8; 16],
    partition: u32,
}

impl Table for Loading {
    type Error = StoreError;

    fn fault(error: &StoreError) -> Fault {
        error.fault()
    }

    fn token(&self, insert: &Insert, fresh: u64) -> String {
        insert.token(self.incarnation, self.partition, fresh)
    }

    async fn settle(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn highest(&mut self, _: u64) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    async fn stored(&mut self, _: u64, _: u64, _: u16) -> Result<Vec<Coordinate>, StoreError> {
        Ok(Vec::new())
    }

    async fn insert(&mut self, insert: &Insert, token: String) -> Result<(), StoreError> {
        self.staging.insert(self.partition, insert.block(), &token).await
    }
}
