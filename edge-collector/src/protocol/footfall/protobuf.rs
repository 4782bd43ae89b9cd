//! A `BeaconBatch`, with each event cut out of the body and decoded on its own, so that a damaged one costs only itself.

use bytes::{Buf, Bytes};
use footfall_proto::beacon::BeaconEnvelope;
use footfall_proto::limits::MAX_EVENTS_PER_BATCH;
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use crate::protocol::DecodeError;
use crate::submission::{Submission, SubmittedEvent};

/// Number of the batch's field `events`.
const EVENTS: u32 = 32;
/// Number of the batch's field `tracking_id`.
const TRACKING_ID: u32 = 1;
/// Number of the batch's field `hints`, and of `brands` in it.
const HINTS: u32 = 13;
const BRANDS: u32 = 5;
/// Browsers name three.
const MOST_BRANDS: usize = 64;

pub(super) fn read(body: Bytes) -> Result<Submission, DecodeError> {
    let malformed = |error: prost::DecodeError| DecodeError::Malformed(error.to_string());
    let Scanned { events: count, brands, tracking_id } = scan(&body).map_err(malformed)?;
    if count > MAX_EVENTS_PER_BATCH {
        let tracking_id = String::from_utf8_lossy(tracking_id).into_owned();
        return Err(DecodeError::TooMany { tracking_id, count });
    }
    if brands > MOST_BRANDS {
        return Err(DecodeError::Malformed(format!("{brands} brands of a browser")));
    }
    let mut shared = BeaconEnvelope::decode(body).map_err(malformed)?;
    let events = std::mem::take(&mut shared.events);
    let (user_id, session_id) = (std::mem::take(&mut shared.user_id), std::mem::take(&mut shared.session_id));
    let sent = |bytes: Bytes| SubmittedEvent {
        user_id: user_id.clone(),
        session_id: session_id.clone(),
        ..SubmittedEvent::encoded(bytes)
    };
    Ok(Submission { events: events.into_iter().map(sent).collect(), shared, ..Submission::default() })
}

/// What a batch holds of what can be repeated, and its site.
#[derive(Default)]
struct Scanned<'a> {
    events: usize,
    brands: usize,
    tracking_id: &'a [u8],
}

/// Counts the events and finds the site before anything is allocated for them: a million empty events are four bytes
/// each on the wire and would be thirty-two each in memory. The brands of a browser are two and twenty-four.
fn scan(mut body: &[u8]) -> Result<Scanned<'_>, prost::DecodeError> {
    let mut scanned = Scanned::default();
    while body.has_remaining() {
        let (tag, wire_type) = decode_key(&mut body)?;
        if wire_type == WireType::LengthDelimited && matches!(tag, TRACKING_ID | HINTS) {
            let length = usize::try_from(decode_varint(&mut body)?).unwrap_or(usize::MAX);
            let Some((value, rest)) = body.split_at_checked(length) else { break };
            body = rest;
            match tag {
                HINTS => scanned.brands += count(BRANDS, value)?,
                _ => scanned.tracking_id = value,
            }
        } else {
            scanned.events += usize::from(tag == EVENTS);
            skip_field(wire_type, tag, &mut body, DecodeContext::default())?;
        }
    }
    Ok(scanned)
}

/// How often a field stands in a message.
fn count(field: u32, mut message: &[u8]) -> Result<usize, prost::DecodeError> {
    let mut count = 0;
    while message.has_remaining() {
        let (tag, wire_type) = decode_key(&mut message)?;
        count += usize::from(tag == field);
        skip_field(wire_type, tag, &mut message, DecodeContext::default())?;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use footfall_proto::beacon::{BeaconBatch, ClientHints, Event};
    use footfall_proto::limits::MAX_EVENT_BYTES;
    use footfall_proto::relay::DropReason;
    use proptest::prelude::*;

    fn batch(count: usize) -> Bytes {
        let event = |n: usize| Event {
            event_type: "event".into(),
            event_label: format!("label {n}"),
            event_id: vec![n as u8 + 1; 16].into(),
            ..Event::default()
        };
        let batch = BeaconBatch {
            tracking_id: "FF-1".into(),
            language: "de".into(),
            user_id: "u".into(),
            events: (0..count).map(event).collect(),
            ..BeaconBatch::default()
        };
        batch.encode_to_vec().into()
    }

    #[test]
    fn a_batch_is_read_with_its_events_verbatim() {
        let read = read(batch(3)).expect("valid");
        assert_eq!((read.shared.tracking_id.as_str(), read.shared.language.as_str()), ("FF-1", "de"));
        assert_eq!(read.events.len(), 3);
        for sent in &read.events {
            assert_eq!(sent.event.as_ref().expect("valid").encode_to_vec(), sent.bytes);
            assert_eq!(sent.user_id, "u");
        }
    }

    #[test]
    fn a_field_that_this_version_does_not_know_survives() {
        let mut event = Event { event_type: "event".into(), ..Event::default() }.encode_to_vec();
        // Field 2000, a varint.
        event.extend_from_slice(&[0x80, 0x7d, 0x2a]);
        let envelope = BeaconEnvelope {
            tracking_id: "FF-1".into(),
            events: vec![event.clone().into()],
            ..Default::default()
        };
        let read = read(envelope.encode_to_vec().into()).expect("valid");
        assert_eq!(read.events[0].bytes, event);
        assert!(read.events[0].event.is_ok());
    }

    #[test]
    fn a_damaged_event_and_a_huge_one_cost_only_themselves() {
        let good = Bytes::from(Event { event_type: "event".into(), ..Event::default() }.encode_to_vec());
        let huge = Event { event_label: "x".repeat(MAX_EVENT_BYTES), ..Event::default() }.encode_to_vec();
        let envelope = BeaconEnvelope {
            tracking_id: "FF-1".into(),
            events: vec![good.clone(), Bytes::from_static(&[0xff; 9]), huge.into(), Bytes::new(), good],
            ..Default::default()
        };
        let read = read(envelope.encode_to_vec().into()).expect("valid");
        let errors: Vec<_> = read.events.iter().map(|sent| sent.event.as_ref().err().copied()).collect();
        assert_eq!(errors, [None, Some(DropReason::Invalid), Some(DropReason::TooLarge), None, None]);
    }

    #[test]
    fn a_million_empty_events_are_counted_and_not_kept() {
        let mut body = BeaconEnvelope { tracking_id: "FF-1".into(), ..Default::default() }.encode_to_vec();
        for _ in 0..1_000_000 {
            body.extend_from_slice(&[0x82, 0x02, 0x00]);
        }
        let error = read(body.into()).expect_err("too many");
        assert_eq!(error, DecodeError::TooMany { tracking_id: "FF-1".into(), count: 1_000_000 });
    }

    #[test]
    fn a_crowd_of_brands_is_refused_before_it_takes_memory() {
        let hints = |count| ClientHints { brands: vec![String::new(); count], ..ClientHints::default() };
        let read = |count: usize| {
            let hints = Some(hints(count));
            read(
                BeaconEnvelope { tracking_id: "FF-1".into(), hints, ..Default::default() }
                    .encode_to_vec()
                    .into(),
            )
        };
        assert_eq!(
            read(MOST_BRANDS).expect("a browser").shared.hints.expect("hints").brands.len(),
            MOST_BRANDS
        );
        assert!(matches!(read(1_000_000), Err(DecodeError::Malformed(_))));
        // The parts of a message that comes in parts are one.
        let part = BeaconEnvelope { hints: Some(hints(40)), ..Default::default() }.encode_to_vec();
        assert!(matches!(super::read(part.repeat(2).into()), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn an_event_with_slots_that_do_not_exist_is_invalid_and_keeps_nothing() {
        let event = Event {
            event_type: "event".into(),
            custom_metrics: (0..1_000).map(|slot| (slot, 1.0)).collect(),
            ..Event::default()
        };
        let envelope = BeaconEnvelope { events: vec![event.encode_to_vec().into()], ..Default::default() };
        let read = read(envelope.encode_to_vec().into()).expect("a batch");
        assert_eq!(read.events[0].event, Err(DropReason::Invalid));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = read(bytes.into());
        }

        #[test]
        fn a_batch_cut_anywhere_is_refused_or_shorter(cut in 0_usize..1000) {
            let whole = batch(20);
            let cut = cut % whole.len();
            if let Ok(read) = read(whole.slice(..cut)) {
                prop_assert!(read.events.len() < 20);
                prop_assert!(read.events.iter().all(|sent| sent.event.is_ok()));
            }
        }

        #[test]
        fn a_flipped_byte_never_panics(at in 0_usize..1000, bit in 0_u8..8) {
            let mut bytes = batch(20).to_vec();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let _ = read(bytes.into());
        }
    }
}
