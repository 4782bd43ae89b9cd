//! Protobuf messages, written field by field in any order: two encoded parts concatenated are one message with the fields of both.
//! Knows the field numbers of `beacon.proto` and nothing of their meaning.
//!
//! The encoders that prost derives for whole messages would be a third of the beacon, so only its primitives are used here, and
//! the tests read every byte back with the derived types.

use alloc::vec::Vec;

use prost::encoding::{WireType, encode_key, encode_varint};

/// Field numbers of `Event`.
#[allow(missing_docs, reason = "beacon.proto documents them")]
pub mod event {
    pub const EVENT_ID: u32 = 1;
    pub const EVENT_TYPE: u32 = 2;
    pub const CLIENT_TIMESTAMP_MS: u32 = 3;
    pub const PAGE_VIEW_ID: u32 = 4;
    pub const PAGE_URL: u32 = 5;
    pub const PAGE_TITLE: u32 = 6;
    pub const PAGE_REFERRER: u32 = 7;
    pub const ENGAGEMENT_MS: u32 = 12;
    pub const SCROLL_DEPTH: u32 = 13;
    pub const CUSTOM_DIMENSIONS: u32 = 40;
    pub const CUSTOM_METRICS: u32 = 41;
}

/// Field numbers of `BeaconBatch`.
#[allow(missing_docs, reason = "beacon.proto documents them")]
pub mod batch {
    pub const TRACKING_ID: u32 = 1;
    pub const SDK_VERSION: u32 = 2;
    pub const PAGE_LOAD_ID: u32 = 3;
    pub const SEQUENCE: u32 = 4;
    pub const ATTEMPT: u32 = 5;
    pub const SENT_AT_MS: u32 = 6;
    pub const SCREEN_WIDTH: u32 = 7;
    pub const SCREEN_HEIGHT: u32 = 8;
    pub const VIEWPORT_WIDTH: u32 = 9;
    pub const VIEWPORT_HEIGHT: u32 = 10;
    pub const LANGUAGE: u32 = 11;
    pub const TIMEZONE: u32 = 12;
    pub const HINTS: u32 = 13;
    pub const CONSENT: u32 = 14;
    pub const GPC: u32 = 15;
    pub const DNT: u32 = 16;
    pub const USER_ID: u32 = 17;
    pub const SESSION_ID: u32 = 18;
    pub const DROPPED: u32 = 19;
    pub const EVENTS: u32 = 32;
}

/// A message being written.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Message(pub Vec<u8>);

impl Message {
    /// A text of at most `limit` bytes, cut at a character. An empty one is left out.
    pub fn text(&mut self, tag: u32, value: &str, limit: usize) {
        if !value.is_empty() {
            let end = value.floor_char_boundary(limit);
            self.bytes(tag, &value.as_bytes()[..end]);
        }
    }

    /// Bytes, or a message within.
    pub fn bytes(&mut self, tag: u32, value: &[u8]) {
        encode_key(tag, WireType::LengthDelimited, &mut self.0);
        encode_varint(value.len() as u64, &mut self.0);
        self.0.extend_from_slice(value);
    }

    /// An integer, a boolean or an enum; 0 is left out.
    pub fn count(&mut self, tag: u32, value: u64) {
        if value != 0 {
            self.optional_count(tag, value);
        }
    }

    /// An optional integer or boolean, written even when it is 0.
    pub fn optional_count(&mut self, tag: u32, value: u64) {
        encode_key(tag, WireType::Varint, &mut self.0);
        encode_varint(value, &mut self.0);
    }

    /// A number, 0 included.
    pub fn number(&mut self, tag: u32, value: f64) {
        encode_key(tag, WireType::SixtyFourBit, &mut self.0);
        self.0.extend_from_slice(&value.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footfall_proto::beacon::{BeaconBatch, Event};
    use prost::Message as _;

    #[test]
    fn the_numbers_are_those_of_the_schema() {
        let mut written = Message::default();
        written.bytes(event::EVENT_ID, &[1; 16]);
        written.text(event::EVENT_TYPE, "engagement", 99);
        written.count(event::CLIENT_TIMESTAMP_MS, 7);
        written.bytes(event::PAGE_VIEW_ID, &[2; 16]);
        written.text(event::PAGE_URL, "url", 99);
        written.text(event::PAGE_TITLE, "title", 99);
        written.text(event::PAGE_REFERRER, "referrer", 99);
        written.count(event::ENGAGEMENT_MS, 8);
        written.count(event::SCROLL_DEPTH, 9);
        let event = Event {
            event_id: vec![1; 16].into(),
            event_type: "engagement".into(),
            client_timestamp_ms: 7,
            page_view_id: vec![2; 16].into(),
            page_url: "url".into(),
            page_title: "title".into(),
            page_referrer: "referrer".into(),
            engagement_ms: 8,
            scroll_depth: 9,
            ..Event::default()
        };
        assert_eq!(Event::decode(written.0.as_slice()).expect("encoded here"), event);

        let mut written = Message::default();
        written.text(batch::TRACKING_ID, "site", 99);
        written.text(batch::SDK_VERSION, "1", 99);
        written.bytes(batch::PAGE_LOAD_ID, &[3; 16]);
        written.count(batch::SEQUENCE, 4);
        written.count(batch::ATTEMPT, 5);
        written.count(batch::SENT_AT_MS, 6);
        written.count(batch::CONSENT, 2);
        written.count(batch::GPC, 1);
        written.count(batch::DNT, 1);
        written.text(batch::USER_ID, "user", 99);
        written.text(batch::SESSION_ID, "session", 99);
        written.count(batch::DROPPED, 19);
        written.bytes(batch::EVENTS, &event.encode_to_vec());
        let batch = BeaconBatch {
            tracking_id: "site".into(),
            sdk_version: "1".into(),
            page_load_id: vec![3; 16].into(),
            sequence: 4,
            attempt: 5,
            sent_at_ms: 6,
            consent: 2,
            gpc: true,
            dnt: true,
            user_id: "user".into(),
            session_id: "session".into(),
            dropped: 19,
            events: vec![event],
            ..BeaconBatch::default()
        };
        assert_eq!(BeaconBatch::decode(written.0.as_slice()).expect("encoded here"), batch);
    }

    #[test]
    fn long_texts_are_cut_at_a_character_and_empty_ones_left_out() {
        let mut written = Message::default();
        written.text(event::PAGE_TITLE, "€€€", 8);
        written.text(event::PAGE_URL, "", 8);
        let event = Event::decode(written.0.as_slice()).expect("encoded here");
        assert_eq!((event.page_title.as_str(), event.page_url.as_str()), ("€€", ""));
    }
}
