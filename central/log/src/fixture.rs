//! Small logs for the tests of this crate.

use bytes::Bytes;
use footfall_proto::beacon::Event;
use footfall_proto::relay::{AdmittedEvent, DropReason, LogEntry, ParkReason, Record, Tally, Visit};
use footfall_proto::traffic_source;
use prost::Message as _;

use super::entry::RawEntry;

/// 2026-11-23 09:00:00 UTC.
pub(crate) const NOON_MS: i64 = 1_795_424_400_000;

/// Entries from (epoch, edge offset, one small number for each event).
pub(crate) fn log(history: &[(u8, u64, &[u8])]) -> Vec<RawEntry> {
    entries(history.iter().map(|(epoch, offset, events)| entry(*epoch, *offset, record(events))))
}

/// Entries at offsets from 0.
pub(crate) fn entries(payloads: impl Iterator<Item = Bytes>) -> Vec<RawEntry> {
    (0..).zip(payloads).map(|(offset, payload)| RawEntry { offset, payload }).collect()
}

pub(crate) fn entry(epoch: u8, edge_offset: u64, record: Bytes) -> Bytes {
    parked_entry(epoch, edge_offset, record, ParkReason::Unspecified)
}

/// An entry of a record that was parked when it came in.
pub(crate) fn parked_entry(epoch: u8, edge_offset: u64, record: Bytes, parked: ParkReason) -> Bytes {
    let epoch = Bytes::copy_from_slice(&[epoch; 16]);
    let parked = parked.into();
    LogEntry { edge_id: "edge-1".into(), epoch, edge_offset, record, parked }.encode_to_vec().into()
}

pub(crate) fn record(events: &[u8]) -> Bytes {
    let events = events.iter().map(|number| admitted(*number)).collect();
    site_record(events).encode_to_vec().into()
}

pub(crate) fn record_with_an_unreadable_event(events: &[u8]) -> Bytes {
    let mut events: Vec<_> = events.iter().map(|number| admitted(*number)).collect();
    events.push(AdmittedEvent { event: Bytes::from_static(b"\xff\xff"), ..admitted(9) });
    site_record(events).encode_to_vec().into()
}

/// A record without events that tells how many were dropped.
pub(crate) fn tallies(tallies: &[(DropReason, u64)]) -> Bytes {
    let tally = |(reason, count): &(DropReason, u64)| Tally { reason: (*reason).into(), count: *count };
    let record = Record { tallies: tallies.iter().map(tally).collect(), ..site_record(Vec::new()) };
    record.encode_to_vec().into()
}

fn site_record(events: Vec<AdmittedEvent>) -> Record {
    Record {
        website_id: "site".into(),
        server_timestamp_ms: NOON_MS,
        policy_id: 1,
        visit: Some(Visit { country: "GB".into(), sample_rate: 1.0, ..Visit::default() }),
        events,
        tallies: Vec::new(),
        traffic_source_version: traffic_source::VERSION,
    }
}

fn admitted(number: u8) -> AdmittedEvent {
    let event_id = Bytes::copy_from_slice(&[number + 1; 16]);
    let event = Event { event_id: event_id.clone(), event_type: "pageview".into(), ..Event::default() };
    AdmittedEvent {
        event: event.encode_to_vec().into(),
        event_id,
        fingerprint: u64::from(number),
        user_id: "user".into(),
        session_id: "session".into(),
        page_path: "/".into(),
        ..AdmittedEvent::default()
    }
}
