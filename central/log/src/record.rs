//! One record of the log, decoded once in place and shared by every sink. Pure.

use footfall_proto::ident::{ID_BYTES, is_event_id};
use footfall_proto::relay::DropReason;
use footfall_proto::view::{AdmittedEvent, Event, LogEntry, Record, View as _, Visit};

use super::entry::{RECEIPT_TIMES_MS, RawEntry};
use super::poison::{Poison, PoisonReason};
use super::seen_offsets::EPOCH_BYTES;

/// A record that was not in the log before. Its text lies in the [`RawEntry`] that it was decoded from.
#[derive(Clone, Debug)]
pub struct DecodedRecord<'a> {
    /// Its offset in the log.
    pub offset: u64,
    /// The edge that sent it.
    pub edge_id: &'a str,
    /// The opening of the edge's journal that wrote it.
    pub epoch: [u8; EPOCH_BYTES],
    /// Its offset in the edge's journal.
    pub edge_offset: u64,
    /// The site; empty when the record only tells what was dropped for no known site.
    pub website_id: &'a str,
    /// When the edge received it, milliseconds since the Unix epoch.
    pub server_timestamp_ms: i64,
    /// The policy under which it was admitted.
    pub policy_id: u64,
    /// The version of the list of traffic sources' classes by which the edge decided.
    pub traffic_source_version: u32,
    /// What its events share.
    pub visit: Visit<'a>,
    /// Its readable events.
    pub events: Vec<DecodedEvent<'a>>,
    /// How many events of the site the edge dropped, by reason. A resend is skipped with its tallies, so each is told once.
    pub tallies: Vec<DropTally>,
}

/// How many events of one site were dropped for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DropTally {
    /// Why; `Unspecified` for a reason that only a later version knows.
    pub reason: DropReason,
    /// How many events.
    pub count: u64,
}

/// One event of a record.
#[derive(Clone, Debug)]
pub struct DecodedEvent<'a> {
    /// Its position in the record.
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

/// Decodes the log's envelope of an entry, leaving the record in it encoded.
///
/// # Errors
/// The entry as [`Poison`].
pub fn decode_envelope(entry: &RawEntry) -> Result<([u8; EPOCH_BYTES], LogEntry<'_>), Poison> {
    let envelope = LogEntry::read(&entry.payload).ok();
    envelope.and_then(|envelope| Some((envelope.epoch.try_into().ok()?, envelope))).ok_or_else(|| Poison {
        offset: entry.offset,
        index: None,
        reason: PoisonReason::Entry,
        payload: entry.payload.clone(),
    })
}

/// Decodes the record in an envelope, unless it was parked when it came in: then it is `poison` as it is. Events that cannot be decoded are put into `poison`; the others are kept.
pub fn decode_record<'a>(
    entry: &'a RawEntry,
    epoch: [u8; EPOCH_BYTES],
    envelope: &LogEntry<'a>,
    poison: &mut Vec<Poison>,
) -> Option<DecodedRecord<'a>> {
    let offset = entry.offset;
    let whole_record =
        |reason| Poison { offset, index: None, reason, payload: entry.payload.slice_ref(envelope.record) };
    if let Some(reason) = PoisonReason::of_parked(envelope.parked) {
        poison.push(whole_record(reason));
        return None;
    }
    let Ok(record) = Record::read(envelope.record) else {
        poison.push(whole_record(PoisonReason::Record));
        return None;
    };
    if !record.events.is_empty() && record.website_id.is_empty() {
        poison.push(whole_record(PoisonReason::Website));
        return None;
    }
    if !RECEIPT_TIMES_MS.contains(&record.server_timestamp_ms) {
        poison.push(whole_record(PoisonReason::Time));
        return None;
    }
    let mut events = Vec::with_capacity(record.events.len());
    for (index, admitted) in (0..).zip(record.events) {
        let encoded = admitted.event;
        match decode_event(index, admitted) {
            Ok(event) => events.push(event),
            Err(reason) => {
                let payload = entry.payload.slice_ref(encoded);
                poison.push(Poison { offset, index: Some(index), reason, payload });
            }
        }
    }
    let tally = |tally: &footfall_proto::view::Tally| DropTally {
        reason: DropReason::try_from(tally.reason).unwrap_or(DropReason::Unspecified),
        count: tally.count,
    };
    Some(DecodedRecord {
        offset,
        edge_id: envelope.edge_id,
        epoch,
        edge_offset: envelope.edge_offset,
        website_id: record.website_id,
        server_timestamp_ms: record.server_timestamp_ms,
        policy_id: record.policy_id,
        traffic_source_version: record.traffic_source_version,
        visit: record.visit,
        events,
        tallies: record.tallies.iter().map(tally).collect(),
    })
}

fn decode_event(index: u32, admitted: AdmittedEvent<'_>) -> Result<DecodedEvent<'_>, PoisonReason> {
    let event = Event::read(admitted.event).map_err(|_| PoisonReason::Event)?;
    let event_id = admitted.event_id.try_into().ok().filter(|id: &[u8; ID_BYTES]| is_event_id(id));
    let event_id = event_id.ok_or(PoisonReason::EventId)?;
    Ok(DecodedEvent { index, event_id, admitted, event, duplicate: false })
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use bytes::Bytes;
    use footfall_proto::beacon;
    use footfall_proto::relay::{self, Tally};
    use prost::Message as _;

    /// What is poison in a record, after `change`, and what is left of it: the stored id and the identity of each event, and the tallies.
    type Read = (Vec<(Option<u32>, PoisonReason)>, Option<(Vec<(u8, u8)>, Vec<DropTally>)>);

    fn read(change: impl FnOnce(&mut relay::Record)) -> Read {
        let mut record = relay::Record::decode(fixture::record(&[1, 2])).expect("valid");
        change(&mut record);
        let payload = fixture::entry(1, 0, Bytes::from(record.encode_to_vec()));
        let (entry, mut poison) = (RawEntry { offset: 7, payload }, Vec::new());
        let (epoch, envelope) = decode_envelope(&entry).expect("an envelope");
        let left = decode_record(&entry, epoch, &envelope, &mut poison).map(|record| {
            let ids = record.events.iter().map(|event| (event.event_id[0], event.identity()[0]));
            (ids.collect(), record.tallies.clone())
        });
        assert!(poison.iter().all(|poison| poison.offset == 7));
        (poison.into_iter().map(|poison| (poison.index, poison.reason)).collect(), left)
    }

    /// An event as a client sent it under this id.
    fn sent(id: &'static [u8]) -> Bytes {
        beacon::Event { event_id: Bytes::from_static(id), ..beacon::Event::default() }.encode_to_vec().into()
    }

    #[test]
    fn a_record_of_no_website_may_tell_what_was_dropped_and_holds_no_event() {
        let whole = Some((vec![(2, 2), (3, 3)], vec![]));
        assert_eq!(read(|_| {}), (vec![], whole));
        assert_eq!(read(|record| record.website_id.clear()), (vec![(None, PoisonReason::Website)], None));
        let tally = |reason| Tally { reason, count: 5 };
        let told = read(|record| {
            record.website_id.clear();
            record.events.clear();
            record.tallies = vec![tally(DropReason::Bot.into()), tally(99)];
        });
        // 99 is known to a later version.
        let tallies = [DropReason::Bot, DropReason::Unspecified].map(|reason| DropTally { reason, count: 5 });
        assert_eq!(told, (vec![], Some((vec![], tallies.into()))));
    }

    #[test]
    fn a_receipt_time_that_no_table_holds_is_poison() {
        for (time, is_poison) in [
            (RECEIPT_TIMES_MS.start - 1, true),
            (RECEIPT_TIMES_MS.start, false),
            (RECEIPT_TIMES_MS.end - 1, false),
            (RECEIPT_TIMES_MS.end, true),
        ] {
            let (poison, left) = read(|record| record.server_timestamp_ms = time);
            let expected = if is_poison { vec![(None, PoisonReason::Time)] } else { vec![] };
            assert_eq!((poison, left.is_none()), (expected, is_poison), "{time}");
        }
    }

    #[test]
    fn an_event_without_an_id_to_store_it_under_is_poison_and_the_others_are_kept() {
        for id in [&b""[..], &[0; 16], &[1; 15], &[1; 17]] {
            let (poison, left) = read(|record| record.events[0].event_id = id.to_vec().into());
            assert_eq!(poison, [(Some(0), PoisonReason::EventId)]);
            assert_eq!(left, Some((vec![(3, 3)], vec![])), "the second one");
        }
    }

    #[test]
    fn a_repeat_is_recognised_by_the_clients_id_where_it_is_one() {
        let (poison, left) = read(|record| {
            record.events[0].event = sent(&[8; 16]);
            record.events[1].event = sent(b"no id");
        });
        assert_eq!((poison, left), (vec![], Some((vec![(2, 8), (3, 3)], vec![]))));
    }
}
