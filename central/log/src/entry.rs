//! Entries of the log as they are stored, decoded by nobody. Data only: what the backends give to be read.

use bytes::Bytes;
use footfall_proto::relay::{LogEntry, ParkReason};
use prost::Message;

/// Receipt times outside 2000 to 2100 are invalid: the tables' partitions and retention could not hold them.
pub(super) const RECEIPT_TIMES_MS: std::ops::Range<i64> = 946_684_800_000..4_102_444_800_000;

/// An entry as it is stored in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEntry {
    /// Its offset in the log.
    pub offset: u64,
    /// An encoded `LogEntry`, as a rule.
    pub payload: Bytes,
}

impl RawEntry {
    /// When the edge received it, milliseconds since the Unix epoch; nothing when that cannot be read, is a time that no table can
    /// hold, or is not believed. Decodes nothing else.
    pub fn server_timestamp_ms(&self) -> Option<i64> {
        let envelope = Envelope::decode(self.payload.clone()).ok()?;
        if !matches!(
            ParkReason::try_from(envelope.parked),
            Ok(ParkReason::Unspecified | ParkReason::UnknownSite | ParkReason::EarlierBuild)
        ) {
            return None;
        }
        let receipt = Receipt::decode(envelope.record).ok()?;
        Some(receipt.server_timestamp_ms).filter(|time| RECEIPT_TIMES_MS.contains(time))
    }

    /// The same entry with what `judge` says of its record in place of why it was parked. What was not parked, or cannot be read, stays
    /// as it is.
    #[must_use]
    pub fn judged_again(self, judge: impl FnOnce(&[u8]) -> Option<ParkReason>) -> Self {
        let Ok(mut entry) = LogEntry::decode(self.payload.clone()) else { return self };
        if entry.parked == 0 {
            return self;
        }
        entry.parked = judge(&entry.record).unwrap_or_default().into();
        Self { offset: self.offset, payload: entry.encode_to_vec().into() }
    }

    /// Whether it is a record of a build before there was a list of traffic sources' classes, and was taken. What cannot be read is
    /// none.
    pub(super) fn is_of_earlier_build(&self) -> bool {
        let Ok(envelope) = Envelope::decode(self.payload.clone()) else { return false };
        if envelope.parked != 0 {
            return false;
        }
        let marks = RecordMarks::decode(envelope.record);
        marks.is_ok_and(|marks| !marks.website_id.is_empty() && marks.traffic_source_version == 0)
    }
}

/// The fields of a `LogEntry` that hold the record and what was decided about it.
#[derive(Clone, PartialEq, Message)]
struct Envelope {
    #[prost(bytes = "bytes", tag = "4")]
    record: Bytes,
    #[prost(int32, tag = "5")]
    parked: i32,
}

/// The fields of a `Record` that say whether it is one, and of which builds.
#[derive(Clone, PartialEq, Message)]
struct RecordMarks {
    #[prost(bytes = "bytes", tag = "1")]
    website_id: Bytes,
    #[prost(uint32, tag = "7")]
    traffic_source_version: u32,
}

/// The field of a `Record` that says when it was received.
#[derive(Clone, PartialEq, Message)]
struct Receipt {
    #[prost(int64, tag = "2")]
    server_timestamp_ms: i64,
}

/// Some entries in order of their offsets.
#[derive(Clone, Debug)]
pub struct EntryBatch {
    /// One entry at least; there may be holes between them.
    pub entries: Vec<RawEntry>,
    /// Where to go on, past holes.
    pub next: u64,
}

/// Why a partition reader gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The offset asked for was removed from the log. Permanent; reading goes on at `start`.
    #[error("the log begins at {start} now")]
    Trimmed {
        /// The first offset that is kept.
        start: u64,
    },
    /// The log could not be read. Transient as far as anyone can tell.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The log is closed. Permanent.
    #[error("the log is closed")]
    Closed,
}
