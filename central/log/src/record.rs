//! One record of the log, read once in place and shared by every sink, and what is wrong with one that cannot be read. Pure.

use bytes::Bytes;
use footfall_proto::ident::{ID_BYTES, is_event_id};
use footfall_proto::view::{AdmittedEvent, Event, LogEntry, Record, View as _, Visit};
use prost::Message;

use super::seen_offsets::EPOCH_BYTES;

/// Receipt times outside 2000 to 2100 are no times: the tables' partitions and retention could not hold them.
const RECEIPT_TIMES_MS: std::ops::Range<i64> = 946_684_800_000..4_102_444_800_000;

/// A record as it stands in the log, decoded by nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEntry {
    /// Its place in the log.
    pub offset: u64,
    /// An encoded `LogEntry`, as a rule.
    pub payload: Bytes,
}

impl RawEntry {
    /// When the edge received it, milliseconds since the Unix epoch; nothing when that cannot be read, or is no time that a table
    /// can hold. Decodes nothing else.
    pub fn server_timestamp_ms(&self) -> Option<i64> {
        let envelope = Envelope::decode(self.payload.clone()).ok()?;
        let receipt = Receipt::decode(envelope.record).ok()?;
        Some(receipt.server_timestamp_ms).filter(|time| RECEIPT_TIMES_MS.contains(time))
    }
}

/// What of a `LogEntry` says where the record is.
#[derive(Clone, PartialEq, Message)]
struct Envelope {
    #[prost(bytes = "bytes", tag = "4")]
    record: Bytes,
}

/// What of a `Record` says when it was received.
#[derive(Clone, PartialEq, Message)]
struct Receipt {
    #[prost(int64, tag = "2")]
    server_timestamp_ms: i64,
}

/// A record that was not in the log before. Its text lies in the [`RawEntry`] that it was read from.
#[derive(Clone, Debug)]
pub struct DecodedRecord<'a> {
    /// Its place in the log.
    pub offset: u64,
    /// The edge that sent it.
    pub edge_id: &'a str,
    /// The opening of the edge's journal that wrote it.
    pub epoch: [u8; EPOCH_BYTES],
    /// Its place in the edge's journal.
    pub edge_offset: u64,
    /// The site, or nothing when the record only tells what was dropped for no known site.
    pub website_id: &'a str,
    /// When the edge received it, milliseconds since the Unix epoch.
    pub server_timestamp_ms: i64,
    /// The policy under which it was admitted.
    pub policy_id: u64,
    /// What its events share.
    pub visit: Visit<'a>,
    /// Its readable events.
    pub events: Vec<DecodedEvent<'a>>,
}

/// One event of a record.
#[derive(Clone, Debug)]
pub struct DecodedEvent<'a> {
    /// Its place in the record.
    pub index: u32,
    /// The id it is stored under.
    pub event_id: [u8; ID_BYTES],
    /// What the edge found out about it.
    pub admitted: AdmittedEvent<'a>,
    /// What the client said.
    pub event: Event<'a>,
    /// An event like it was read shortly before.
    pub duplicate: bool,
}

impl DecodedEvent<'_> {
    /// The id by which a repeat is recognised: the client's own, also where the edge stored the event under another.
    pub fn identity(&self) -> &[u8] {
        if is_event_id(self.event.event_id) { self.event.event_id } else { &self.event_id }
    }
}

/// Bytes that no store can take. They are counted and parked; nothing waits for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poison {
    /// Its place in the log.
    pub offset: u64,
    /// The event in question; the whole record without it.
    pub index: Option<u32>,
    /// Why.
    pub reason: PoisonReason,
    /// What could not be read.
    pub payload: Bytes,
}

/// The closed vocabulary of why something is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoisonReason {
    /// The log's own envelope.
    Entry,
    /// The record inside it.
    Record,
    /// Events of no website.
    Website,
    /// A receipt time that no table can hold.
    Time,
    /// An event's bytes.
    Event,
    /// An event without an id to store it under.
    EventId,
    /// The store refused its row as bad data.
    Refused,
    /// The log itself could not take it: it has no offset.
    TooLarge,
}

impl PoisonReason {
    /// Every one of them.
    pub const ALL: [Self; 8] = [
        Self::Entry,
        Self::Record,
        Self::Website,
        Self::Time,
        Self::Event,
        Self::EventId,
        Self::Refused,
        Self::TooLarge,
    ];

    /// The word for metrics and for the parked copy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Record => "record",
            Self::Website => "website",
            Self::Time => "time",
            Self::Event => "event",
            Self::EventId => "event_id",
            Self::Refused => "refused",
            Self::TooLarge => "too_large",
        }
    }
}

/// Takes the log's envelope off a payload, leaving the record unread.
pub fn open(entry: &RawEntry) -> Result<([u8; EPOCH_BYTES], LogEntry<'_>), Poison> {
    let opened = LogEntry::read(&entry.payload).ok();
    opened.and_then(|opened| Some((opened.epoch.try_into().ok()?, opened))).ok_or_else(|| Poison {
        offset: entry.offset,
        index: None,
        reason: PoisonReason::Entry,
        payload: entry.payload.clone(),
    })
}

/// Reads the record of an opened entry. Events that cannot be read are put into `poison`; the others are kept.
pub fn read<'a>(
    entry: &'a RawEntry,
    epoch: [u8; EPOCH_BYTES],
    opened: &LogEntry<'a>,
    poison: &mut Vec<Poison>,
) -> Option<DecodedRecord<'a>> {
    let offset = entry.offset;
    let spoilt =
        |reason| Poison { offset, index: None, reason, payload: entry.payload.slice_ref(opened.record) };
    let Ok(record) = Record::read(opened.record) else {
        poison.push(spoilt(PoisonReason::Record));
        return None;
    };
    if !record.events.is_empty() && record.website_id.is_empty() {
        poison.push(spoilt(PoisonReason::Website));
        return None;
    }
    if !RECEIPT_TIMES_MS.contains(&record.server_timestamp_ms) {
        poison.push(spoilt(PoisonReason::Time));
        return None;
    }
    let mut events = Vec::with_capacity(record.events.len());
    for (index, admitted) in (0..).zip(record.events) {
        let encoded = admitted.event;
        match read_event(index, admitted) {
            Ok(event) => events.push(event),
            Err(reason) => {
                let payload = entry.payload.slice_ref(encoded);
                poison.push(Poison { offset, index: Some(index), reason, payload });
            }
        }
    }
    Some(DecodedRecord {
        offset,
        edge_id: opened.edge_id,
        epoch,
        edge_offset: opened.edge_offset,
        website_id: record.website_id,
        server_timestamp_ms: record.server_timestamp_ms,
        policy_id: record.policy_id,
        visit: record.visit,
        events,
    })
}

fn read_event(index: u32, admitted: AdmittedEvent<'_>) -> Result<DecodedEvent<'_>, PoisonReason> {
    let event = Event::read(admitted.event).map_err(|_| PoisonReason::Event)?;
    let event_id = admitted.event_id.try_into().ok().filter(|id: &[u8; ID_BYTES]| is_event_id(id));
    let event_id = event_id.ok_or(PoisonReason::EventId)?;
    Ok(DecodedEvent { index, event_id, admitted, event, duplicate: false })
}
