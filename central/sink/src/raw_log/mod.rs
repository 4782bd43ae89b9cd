//! The raw log: every record of the log as it stands there, in objects by hour and partition that anybody can read without us and from
//! which the other tiers are rebuilt. Resends and unreadable records are in it too: whoever reads it decides about them again.
//!
//! The objects' names are the manifest. Where the sink goes on is what the listing says; the committed offset only holds the log back
//! until the listing was read. A batch of the runner is a *stretch* of the log; its records are written to one object for each hour in
//! which they were received, and it counts once they are all there.

pub mod manifest;
mod metrics;
pub mod name;
pub mod object;
mod shelf;
mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::backoff::Backoff;
use super::{Begin, Counters, Health, Sink, Stop};
use footfall_blobs::{BlobError, Blobs};
use footfall_log::{Cursor, LogError, Partition, RawEntry, RecordBatch};

use name::Hour;

pub use metrics::Metrics;
pub use shelf::Shelf;
pub use writer::Objects;

/// Bytes of records at which a stretch is closed.
const STRETCH_BYTES: usize = 32 << 20;
/// Hours over which its records may spread.
const STRETCH_HOURS: usize = 64;
/// Records that a stretch holds at most, however small they are.
const STRETCH_RECORDS: usize = 200_000;

/// Gathers records by the hour of their receipt.
#[derive(Debug)]
pub struct RawLog {
    close_after: Duration,
    stretch: Draft,
    since: Option<Instant>,
}

/// A stretch of the log, not packed yet.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    hours: BTreeMap<Hour, Vec<RawEntry>>,
    records: usize,
    bytes: usize,
}

impl RawLog {
    /// A stretch is closed when it is large, or `close_after` its first record.
    pub fn new(close_after: Duration) -> Self {
        Self { close_after, stretch: Draft::default(), since: None }
    }
}

impl Sink for RawLog {
    const NAME: &'static str = "raw_log";
    /// It keeps what nobody can read.
    const PARKS: bool = false;
    type Load = Arc<Draft>;

    fn gather(&mut self, piece: &RecordBatch, now: Instant) {
        for entry in piece.raw() {
            self.stretch.records += 1;
            self.stretch.bytes += entry.payload.len();
            let hour = Hour::of(entry.server_timestamp_ms());
            self.stretch.hours.entry(hour).or_default().push(entry.clone());
            self.since.get_or_insert(now);
        }
    }

    fn due(&self, _: u64) -> Option<Instant> {
        self.since.map(|since| if self.is_full() { since } else { since + self.close_after })
    }

    fn is_full(&self) -> bool {
        let Draft { hours, records, bytes } = &self.stretch;
        *bytes >= STRETCH_BYTES || *records >= STRETCH_RECORDS || hours.len() >= STRETCH_HOURS
    }

    fn seal(&mut self) -> Arc<Draft> {
        self.since = None;
        Arc::new(std::mem::take(&mut self.stretch))
    }
}

/// What the sink works with.
pub struct Setting {
    /// Whose records.
    pub partition: Partition,
    /// Where the objects go.
    pub blobs: Blobs,
    /// After this much time a stretch is closed.
    pub close_after: Duration,
    /// The runner's counts.
    pub counters: Counters,
    /// Its own.
    pub metrics: Metrics,
    /// Told when something is wrong.
    pub health: Health,
    /// Makes waits differ.
    pub seed: u64,
}

/// Runs the sink: asks the store where it left off, for as long as it takes, and goes on from there. Until then the log is held back by
/// what was committed.
pub async fn run(setting: Setting, stop: Stop) {
    let Setting { partition, blobs, close_after, counters, metrics, health, mut seed } = setting;
    let shelf = Shelf::new(blobs.clone());
    let (incarnation, number) = (partition.incarnation().0, partition.number());
    let mut backoff = Backoff::default();
    let cursor = loop {
        let refused = tokio::select! {
            begun = begin(&partition, &shelf) => match begun {
                Ok(cursor) => break cursor,
                Err(refused) => refused,
            },
            // Told to drain, it still asks once: what the log holds is to be written.
            () = stop.abandon.cancelled() => return,
        };
        tracing::warn!(reason = %refused, "the raw log cannot begin; trying again");
        counters.failures.inc();
        health.fails(format!("the {} sink is not writing: {refused}", RawLog::NAME));
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        tokio::select! {
            () = sleep(backoff.next(seed >> 16)) => {}
            () = stop.drain.cancelled() => return,
            () = stop.abandon.cancelled() => return,
        }
    };
    health.recovered();
    let writer = Objects::new(blobs, incarnation, number, metrics);
    let begin = Begin { keep: Some(partition), cursor, counters, health, seed };
    super::run(RawLog::new(close_after), writer, begin, stop).await;
}

/// The cursor at the offset after everything that the store holds.
async fn begin(partition: &Partition, shelf: &Shelf) -> Result<Cursor, BeginError> {
    let committed = partition.consumer(RawLog::NAME).await?.position();
    let manifest = shelf.partition(partition.incarnation().0, partition.number()).await?;
    let next = manifest.next();
    if committed > next {
        tracing::warn!(
            committed,
            next,
            "the raw log holds less than was committed; what the log still has is written again"
        );
    }
    if let Some((from, last)) = manifest.gaps().last() {
        tracing::warn!(from, last, "the raw log has a gap");
    }
    Ok(partition.consumer_at(RawLog::NAME, next).await?)
}

/// Why the sink cannot begin.
#[derive(Debug, thiserror::Error)]
enum BeginError {
    #[error(transparent)]
    Blobs(#[from] BlobError),
    #[error(transparent)]
    Log(#[from] LogError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use footfall_log::deduplicator::Deduplicator;
    use footfall_log::seen_offsets::Order;
    use footfall_proto::relay::{LogEntry, Record};
    use prost::Message as _;

    const HOUR_MS: i64 = 3_600_000;

    fn entry(offset: u64, server_timestamp_ms: i64) -> RawEntry {
        let record = Record { website_id: "site".into(), server_timestamp_ms, ..Record::default() };
        let entry = LogEntry {
            edge_id: "edge".into(),
            epoch: Bytes::from_static(&[1; 16]),
            edge_offset: 7,
            record: record.encode_to_vec().into(),
        };
        RawEntry { offset, payload: entry.encode_to_vec().into() }
    }

    fn piece(entries: Vec<RawEntry>) -> RecordBatch {
        let next = entries.last().map_or(0, |entry| entry.offset + 1);
        RecordBatch::new(Deduplicator::new(0, [1; 16], Order::OutOfOrder).read(entries, next))
    }

    #[test]
    fn records_are_filed_by_the_hour_of_their_receipt_resends_and_rubbish_too() {
        let at = 1_795_435_200_000;
        let mut sink = RawLog::new(Duration::from_mins(1));
        let now = Instant::now();
        assert_eq!(sink.due(0), None);
        let rubbish = RawEntry { offset: 3, payload: Bytes::from_static(b"\xff") };
        let resend = entry(1, at);
        sink.gather(&piece(vec![entry(0, at), resend, entry(2, at - HOUR_MS), rubbish, entry(4, -5)]), now);
        assert_eq!((sink.due(0), sink.is_full()), (Some(now + Duration::from_mins(1)), false));
        let stretch = sink.seal();
        let filed = |hour| stretch.hours.get(&hour).map(|of| of.iter().map(|e| e.offset).collect::<Vec<_>>());
        assert_eq!(filed(Hour::of(Some(at))), Some(vec![0, 1]));
        assert_eq!(filed(Hour::of(Some(at - HOUR_MS))), Some(vec![2]));
        assert_eq!(filed(Hour::UNKNOWN), Some(vec![3, 4]));
        assert_eq!(sink.due(0), None);
    }

    #[test]
    fn a_stretch_is_closed_when_it_is_large_or_spread_over_many_hours() {
        let now = Instant::now();
        let mut large = RawLog::new(Duration::from_mins(1));
        let payload = Bytes::from(vec![0; 1 << 20]);
        large.gather(
            &piece((0..32).map(|offset| RawEntry { offset, payload: payload.clone() }).collect()),
            now,
        );
        assert_eq!((large.is_full(), large.due(0)), (true, Some(now)));
        let mut spread = RawLog::new(Duration::from_mins(1));
        let hours = STRETCH_HOURS as i64;
        spread.gather(
            &piece((0..hours).map(|hour| entry(hour as u64, 1_795_435_200_000 + hour * HOUR_MS)).collect()),
            now,
        );
        assert!(spread.is_full());
    }
}
