//! How long an event's texts may be: what is longer is cut at a character, in the event's encoded form, so that fields which
//! this version does not know stay as they were sent. Decides on no event. Pure.

use bytes::Buf;
use footfall_proto::limits::{MAX_FIELD_BYTES, MAX_TEXT_BYTES};
use prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field,
};

/// What a field of a message may hold.
#[derive(Clone, Copy)]
enum Bound {
    /// A text of so many bytes.
    Text(usize),
    /// An entry of a map, whose value is a short field.
    Entry,
}

/// The bound of a field of `Event`, by its number in beacon.proto.
const fn of_event(field: u32) -> Option<Bound> {
    match field {
        // URL, title and referrer.
        5..=7 => Some(Bound::Text(MAX_TEXT_BYTES)),
        // Type; category, action and label; what brought the visit; transaction; product.
        2 | 8..=10 | 16..=21 | 24 | 28..=30 => Some(Bound::Text(MAX_FIELD_BYTES)),
        // Custom dimensions.
        40 => Some(Bound::Entry),
        _ => None,
    }
}

const fn of_entry(field: u32) -> Option<Bound> {
    match field {
        2 => Some(Bound::Text(MAX_FIELD_BYTES)),
        _ => None,
    }
}

/// The encoded event with every text within its bounds; `None` if it is so already, which nearly all are, or if it is no
/// encoded event.
#[must_use]
pub fn cut(event: &[u8]) -> Option<Vec<u8>> {
    if event.len() <= MAX_FIELD_BYTES {
        return None;
    }
    cut_message(event, of_event)
}

fn cut_message(message: &[u8], bound_of: fn(u32) -> Option<Bound>) -> Option<Vec<u8>> {
    let mut rest = message;
    let mut cut: Option<Vec<u8>> = None;
    // Up to here the message stands in `cut`.
    let mut copied = 0;
    while rest.has_remaining() {
        let start = message.len() - rest.len();
        let (field, wire_type) = decode_key(&mut rest).ok()?;
        let bound = bound_of(field).filter(|_| wire_type == WireType::LengthDelimited);
        let Some(bound) = bound else {
            skip_field(wire_type, field, &mut rest, DecodeContext::default()).ok()?;
            continue;
        };
        let length = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
        let value;
        (value, rest) = rest.split_at_checked(length)?;
        let shorter = match bound {
            Bound::Text(limit) if length > limit => Some(value[..character_boundary(value, limit)].to_vec()),
            Bound::Text(_) => None,
            Bound::Entry => cut_message(value, of_entry),
        };
        if let Some(value) = shorter {
            let cut = cut.get_or_insert_with(|| Vec::with_capacity(message.len()));
            cut.extend_from_slice(&message[copied..start]);
            encode_key(field, WireType::LengthDelimited, cut);
            encode_varint(value.len() as u64, cut);
            cut.extend_from_slice(&value);
            copied = message.len() - rest.len();
        }
    }
    let mut cut = cut?;
    cut.extend_from_slice(&message[copied..]);
    Some(cut)
}

/// The last boundary between two characters of UTF-8 at or before `limit`, which is within `text`.
fn character_boundary(text: &[u8], limit: usize) -> usize {
    const CONTINUATION: std::ops::RangeInclusive<u8> = 0x80..=0xbf;
    (0..=limit).rev().find(|at| !CONTINUATION.contains(&text[*at])).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use footfall_proto::beacon::Event;
    use proptest::prelude::*;
    use prost::Message as _;

    /// An event all of whose texts are `text`.
    fn event(text: &str) -> Event {
        let text = || text.to_owned();
        Event {
            event_id: vec![7; 16].into(),
            event_type: text(),
            client_timestamp_ms: 1_800_000_000_000,
            page_view_id: vec![8; 16].into(),
            page_url: text(),
            page_title: text(),
            page_referrer: text(),
            event_category: text(),
            event_action: text(),
            event_label: text(),
            event_value: Some(1.5),
            engagement_ms: 1,
            scroll_depth: 2,
            traffic_source: text(),
            traffic_medium: text(),
            traffic_campaign: text(),
            traffic_keyword: text(),
            traffic_content: text(),
            source_name: text(),
            transaction_id: Some(text()),
            transaction_revenue: Some(9.5),
            transaction_tax: Some(1.9),
            transaction_shipping: Some(0.0),
            product_sku: Some(text()),
            product_name: Some(text()),
            product_category: Some(text()),
            product_price: Some(4.5),
            product_quantity: Some(-2),
            custom_dimensions: (1..=20).map(|slot| (slot, text())).collect(),
            custom_metrics: (1..=20).map(|slot| (slot, f64::from(slot))).collect(),
        }
    }

    /// The same event within its bounds, said again and without the wire: a new text column must be named here too.
    fn bounded(long: &str) -> Event {
        let of = |limit: usize| long[..long.floor_char_boundary(limit)].to_owned();
        let mut bounded = event(&of(MAX_FIELD_BYTES));
        for text in [&mut bounded.page_url, &mut bounded.page_title, &mut bounded.page_referrer] {
            *text = of(MAX_TEXT_BYTES);
        }
        bounded
    }

    #[test]
    fn a_field_that_this_version_does_not_know_survives_the_cut() {
        let mut sent = Event { event_label: "x".repeat(600), ..Event::default() }.encode_to_vec();
        // Field 2000, a varint, and field 2001, a text.
        let unknown = [&[0x80, 0x7d, 0x2a, 0x8a, 0x7d, 0x05][..], b"newer"].concat();
        sent.extend_from_slice(&unknown);
        let cut = cut(&sent).expect("too long");
        assert!(cut.ends_with(&unknown));
        assert_eq!(Event::decode(&cut[..]).expect("an event").event_label, "x".repeat(512));
    }

    #[test]
    fn a_character_stays_whole() {
        let sent = Event { event_label: format!("x{}", "€".repeat(300)), ..Event::default() }.encode_to_vec();
        let cut = Event::decode(&cut(&sent).expect("too long")[..]).expect("an event");
        assert_eq!(cut.event_label, format!("x{}", "€".repeat(170)));
    }

    proptest! {
        #[test]
        fn every_text_is_cut_to_its_bound_and_all_else_stays(
            length in prop_oneof![0_usize..1100, 2000_usize..2100, Just(5000)],
            unit in "[a€🎯é]{1,5}",
        ) {
            let long: String = unit.chars().cycle().scan(0, |bytes, character| {
                *bytes += character.len_utf8();
                (*bytes <= length).then_some(character)
            }).collect();
            let sent = event(&long).encode_to_vec();
            let expected = bounded(&long);
            if let Some(once) = cut(&sent) {
                prop_assert_eq!(Event::decode(&once[..]).expect("an event"), expected);
                prop_assert_eq!(cut(&once), None);
            } else {
                prop_assert_eq!(event(&long), expected);
            }
        }

        #[test]
        fn random_bytes_never_panic_and_never_grow(bytes in prop::collection::vec(any::<u8>(), 500..900)) {
            if let Some(cut) = cut(&bytes) {
                prop_assert!(cut.len() < bytes.len());
            }
        }

        #[test]
        fn a_damaged_event_never_panics(at in 0_usize..40_000, byte in any::<u8>()) {
            let mut sent = event(&"é".repeat(400)).encode_to_vec();
            let at = at % sent.len();
            sent[at] = byte;
            let _ = cut(&sent);
        }
    }
}
