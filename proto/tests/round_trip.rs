//! Every field of an event survives the wire, and a batch read as an envelope loses nothing.

mod sample;

use footfall_proto::beacon::{BeaconBatch, BeaconEnvelope, Event};
use proptest::prelude::*;
use prost::Message;

use sample::{events, text};

proptest! {
    #[test]
    fn an_event_survives(event in events()) {
        prop_assert_eq!(Event::decode(event.encode_to_vec().as_slice()).expect("just encoded"), event);
    }

    #[test]
    fn an_envelope_reads_the_same_bytes(tracking_id in text(), sequence in any::<u32>(), sent in prop::collection::vec(events(), 0..6)) {
        let batch = BeaconBatch { tracking_id, sequence, events: sent, ..BeaconBatch::default() };
        let envelope = BeaconEnvelope::decode(batch.encode_to_vec().as_slice()).expect("same wire");
        prop_assert_eq!(&envelope.tracking_id, &batch.tracking_id);
        prop_assert_eq!(envelope.sequence, batch.sequence);
        let read: Vec<Event> = envelope.events.iter().map(|e| Event::decode(e.clone()).expect("valid")).collect();
        prop_assert_eq!(read, batch.events);
    }

    #[test]
    fn rubbish_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        let _ = BeaconEnvelope::decode(bytes.as_slice());
        let _ = Event::decode(bytes.as_slice());
    }
}
