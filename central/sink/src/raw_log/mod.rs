//! The raw log: every record of the log as it stands there, in objects by hour and partition that anybody can read without us and from
//! which the other tiers are rebuilt. Resends and unreadable records are in it too: whoever reads it decides about them again.
//!
//! The objects' names are the manifest. Where the sink goes on is what the listing says; the committed offset only holds the log back
//! until the listing was read. The records of a *batch* are written to one object for each hour in
//! which they were received, and it counts once they are all there.

pub mod manifest;
mod metrics;
pub mod name;
pub mod object;
mod store;
mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Batcher, Begun, Failure, Sink, Start};
use footfall_blobs::Blobs;
use footfall_log::{RawEntry, RecordBatch};

use name::Hour;

pub use metrics::Metrics;
pub use store::RawLogStore;
pub use writer::ObjectWriter;

/// Bytes of records at which a batch is closed.
const MAX_BATCH_BYTES: usize = 32 << 20;
/// Hours of which a batch has objects of their own; what else it holds is filed under the last hour of its day.
const MAX_BATCH_HOURS: usize = 64;
/// Objects of a batch at most. What edges are believed lies within fewer days than remain; of what came into the log before it was
/// judged, the rest makes the next batch.
const MAX_BATCH_OBJECTS: usize = 128;
/// Records that a batch holds at most, however small they are.
const MAX_BATCH_RECORDS: usize = 200_000;

/// Keeps every record in a blob store.
pub struct RawLog {
    blobs: Blobs,
    close_after: Duration,
    metrics: Metrics,
}

impl RawLog {
    /// In this store. A batch is closed when it is large, or `close_after` its first record.
    pub fn new(blobs: Blobs, close_after: Duration, metrics: Metrics) -> Self {
        Self { blobs, close_after, metrics }
    }
}

impl Sink for RawLog {
    const NAME: &'static str = "raw_log";
    type Batcher = HourBatcher;
    type Writer = ObjectWriter;

    /// After everything that the store holds.
    async fn begin(&self, start: Start) -> Result<Begun<HourBatcher, ObjectWriter>, Failure> {
        let Start { partition, committed, .. } = start;
        let (incarnation, number) = (partition.incarnation().0, partition.number());
        let manifest = RawLogStore::new(self.blobs.clone()).partition(incarnation, number).await;
        // Whatever the store says, somebody can put it right while the log keeps what is not committed.
        let manifest = manifest.map_err(Failure::transient)?;
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
        let cursor = partition.consumer_at(Self::NAME, next).await?;
        let writer = ObjectWriter::new(self.blobs.clone(), incarnation, number, self.metrics.clone());
        Ok(Begun { batcher: HourBatcher::new(self.close_after), writer, cursor })
    }
}

/// Files records by the hour of their receipt.
#[derive(Debug)]
pub struct HourBatcher {
    close_after: Duration,
    draft: Draft,
    since: Option<Instant>,
}

/// Consecutive records, not packed yet.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    hours: BTreeMap<Hour, Vec<RawEntry>>,
    records: usize,
    bytes: usize,
}

impl Draft {
    /// Where a record of this hour goes; nothing when there is no room for it.
    fn file_under(&self, hour: Hour) -> Option<Hour> {
        let under =
            |hour, most| Some(hour).filter(|hour| self.hours.len() < most || self.hours.contains_key(hour));
        under(hour, MAX_BATCH_HOURS).or_else(|| under(hour.last_of_day(), MAX_BATCH_OBJECTS))
    }
}

impl HourBatcher {
    fn new(close_after: Duration) -> Self {
        Self { close_after, draft: Draft::default(), since: None }
    }
}

impl Batcher for HourBatcher {
    type Batch = Arc<Draft>;

    fn add(&mut self, records: &RecordBatch, now: Instant) -> Option<RecordBatch> {
        for entry in records.raw() {
            let Some(hour) = self.draft.file_under(Hour::of(entry.server_timestamp_ms())) else {
                return Some(records.rest(entry.offset));
            };
            self.draft.records += 1;
            self.draft.bytes += entry.payload.len();
            self.draft.hours.entry(hour).or_default().push(entry.clone());
            self.since.get_or_insert(now);
        }
        None
    }

    fn due(&self, _: u64) -> Option<Instant> {
        self.since.map(|since| if self.is_full() { since } else { since + self.close_after })
    }

    fn is_full(&self) -> bool {
        let Draft { hours, records, bytes } = &self.draft;
        *bytes >= MAX_BATCH_BYTES || *records >= MAX_BATCH_RECORDS || hours.len() >= MAX_BATCH_OBJECTS
    }

    fn take(&mut self) -> Arc<Draft> {
        self.since = None;
        Arc::new(std::mem::take(&mut self.draft))
    }
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
        let record = Record {
            website_id: "site".into(),
            server_timestamp_ms,
            traffic_source_version: footfall_proto::traffic_source::VERSION,
            ..Record::default()
        };
        let entry = LogEntry {
            edge_id: "edge".into(),
            epoch: Bytes::from_static(&[1; 16]),
            edge_offset: 7,
            record: record.encode_to_vec().into(),
            ..LogEntry::default()
        };
        RawEntry { offset, payload: entry.encode_to_vec().into() }
    }

    fn batch(entries: Vec<RawEntry>) -> RecordBatch {
        let next = entries.last().map_or(0, |entry| entry.offset + 1);
        RecordBatch::new(Deduplicator::new(0, [1; 16], Order::OutOfOrder).read(entries, next))
    }

    #[test]
    fn records_are_filed_by_the_hour_of_their_receipt_resends_and_rubbish_too() {
        let at = 1_795_435_200_000;
        let mut sink = HourBatcher::new(Duration::from_mins(1));
        let now = Instant::now();
        assert_eq!(sink.due(0), None);
        let rubbish = RawEntry { offset: 3, payload: Bytes::from_static(b"\xff") };
        let resend = entry(1, at);
        sink.add(&batch(vec![entry(0, at), resend, entry(2, at - HOUR_MS), rubbish, entry(4, -5)]), now);
        assert_eq!((sink.due(0), sink.is_full()), (Some(now + Duration::from_mins(1)), false));
        let batch = sink.take();
        let filed = |hour| batch.hours.get(&hour).map(|of| of.iter().map(|e| e.offset).collect::<Vec<_>>());
        assert_eq!(filed(Hour::of(Some(at))), Some(vec![0, 1]));
        assert_eq!(filed(Hour::of(Some(at - HOUR_MS))), Some(vec![2]));
        assert_eq!(filed(Hour::UNKNOWN), Some(vec![3, 4]));
        assert_eq!(sink.due(0), None);
    }

    #[test]
    fn a_stretch_is_closed_when_it_is_large() {
        let now = Instant::now();
        let mut large = HourBatcher::new(Duration::from_mins(1));
        let payload = Bytes::from(vec![0; 1 << 20]);
        large.add(&batch((0..32).map(|offset| RawEntry { offset, payload: payload.clone() }).collect()), now);
        assert_eq!((large.is_full(), large.due(0)), (true, Some(now)));
    }

    #[test]
    fn records_of_many_hours_make_a_bounded_number_of_objects_and_are_found_by_day_and_since_an_hour() {
        let (now, begin) = (Instant::now(), 1_795_435_200_000);
        let hours =
            |hours: i64| batch((0..hours).map(|hour| entry(hour as u64, begin - hour * HOUR_MS)).collect());
        // An edge that was cut off for a month, or whoever wants to look like it.
        let mut spread = HourBatcher::new(Duration::from_mins(1));
        assert!(spread.add(&hours(720), now).is_none() && !spread.is_full(), "it is one batch");
        let draft = spread.take();
        assert!(draft.hours.len() <= MAX_BATCH_HOURS + 31, "{}", draft.hours.len());
        for (hour, entries) in &draft.hours {
            for entry in entries {
                let own = Hour::of(entry.server_timestamp_ms());
                assert!(own.day() == hour.day() && *hour >= own);
            }
        }
        // What came into the log before anybody judged it.
        let mut cut = HourBatcher::new(Duration::from_mins(1));
        let read = hours(24 * 400);
        let mut rest = Some(read);
        let mut filed = Vec::new();
        while let Some(read) = rest {
            rest = cut.add(&read, now);
            assert!(rest.is_none() || cut.is_full());
            let draft = cut.take();
            assert!(draft.hours.len() <= MAX_BATCH_OBJECTS);
            let mut offsets: Vec<_> = draft.hours.values().flatten().map(|entry| entry.offset).collect();
            offsets.sort_unstable();
            assert_eq!(filed.last().map_or(0, |last| last + 1), offsets[0], "batches follow each other");
            filed.extend(offsets);
        }
        assert_eq!(filed, (0..24 * 400).collect::<Vec<u64>>(), "each once");
    }
}
