//! What a page gives with a call, by the names of the tables' columns, as the fields of an event.

use alloc::string::String;

use footfall_proto::limits::{CUSTOM_SLOTS, MAX_FIELD_BYTES, MAX_TEXT_BYTES};

use crate::message::{
    Message,
    event::{CUSTOM_DIMENSIONS, CUSTOM_METRICS, PAGE_REFERRER, PAGE_TITLE},
};

/// How a column is written.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Number,
    Whole,
}

/// Column, number in `Event`, form.
const COLUMNS: [(&str, u32, Form); 17] = [
    ("event_category", 8, Form::Text),
    ("event_action", 9, Form::Text),
    ("event_label", 10, Form::Text),
    ("event_value", 11, Form::Number),
    ("traffic_source", 16, Form::Text),
    ("traffic_medium", 17, Form::Text),
    ("traffic_campaign", 18, Form::Text),
    ("traffic_keyword", 19, Form::Text),
    ("transaction_id", 24, Form::Text),
    ("transaction_revenue", 25, Form::Number),
    ("transaction_tax", 26, Form::Number),
    ("transaction_shipping", 27, Form::Number),
    ("product_sku", 28, Form::Text),
    ("product_name", 29, Form::Text),
    ("product_category", 30, Form::Text),
    ("product_price", 31, Form::Number),
    ("product_quantity", 32, Form::Whole),
];

/// The fields of one call.
#[derive(Debug, Default)]
pub struct Given {
    /// The page's address in place of the address bar's, if it is not empty.
    pub url: String,
    /// All others, as fields of `Event`. Written last, they take the place of what the event says by itself.
    pub fields: Message,
}

impl Given {
    /// Takes one field: its column, and its value both as a text and as a number (NaN where it is none). `slot` counts for
    /// `custom_dimensions` and `custom_metrics` only, from 1. Unknown columns are left out.
    pub fn take(&mut self, column: &str, slot: u32, text: String, number: f64) {
        for (name, tag, form) in COLUMNS {
            if name == column {
                match form {
                    Form::Text => self.fields.text(tag, &text, MAX_FIELD_BYTES),
                    _ if !number.is_finite() => {}
                    Form::Number => self.fields.number(tag, number),
                    // A negative int32 is written as the 64 bits of its value.
                    Form::Whole => self.fields.optional_count(tag, i64::from(number as i32) as u64),
                }
                return;
            }
        }
        match column {
            "page_url" => self.url = text,
            "page_title" => self.fields.text(PAGE_TITLE, &text, MAX_TEXT_BYTES),
            "page_referrer" => self.fields.text(PAGE_REFERRER, &text, MAX_TEXT_BYTES),
            _ if !(1..=CUSTOM_SLOTS).contains(&slot) => {}
            "custom_dimensions" => {
                let mut entry = Self::entry(slot);
                entry.text(2, &text, MAX_FIELD_BYTES);
                self.fields.bytes(CUSTOM_DIMENSIONS, &entry.0);
            }
            "custom_metrics" if number.is_finite() => {
                let mut entry = Self::entry(slot);
                entry.number(2, number);
                self.fields.bytes(CUSTOM_METRICS, &entry.0);
            }
            _ => {}
        }
    }

    /// Begins an entry of a map, which protobuf writes as a message of a key (1) and a value (2).
    fn entry(slot: u32) -> Message {
        let mut entry = Message::default();
        entry.count(1, u64::from(slot));
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footfall_proto::beacon::Event;
    use proptest::prelude::*;
    use prost::Message as _;

    fn read(given: &Given) -> Event {
        Event::decode(given.fields.0.as_slice()).expect("encoded here")
    }

    #[test]
    fn every_field_of_the_wire_is_reached_by_its_columns_name() {
        let mut given = Given::default();
        for (column, ..) in COLUMNS {
            given.take(column, 0, column.to_owned(), column.len() as f64);
        }
        for slot in 1..=20 {
            given.take("custom_dimensions", slot, format!("d{slot}"), f64::NAN);
            given.take("custom_metrics", slot, String::new(), f64::from(slot) / 4.0);
        }
        for column in ["page_url", "page_title", "page_referrer"] {
            given.take(column, 0, column.to_owned(), f64::NAN);
        }
        assert_eq!(given.url, "page_url");
        let expected = Event {
            page_title: "page_title".into(),
            page_referrer: "page_referrer".into(),
            event_category: "event_category".into(),
            event_action: "event_action".into(),
            event_label: "event_label".into(),
            event_value: Some(11.0),
            traffic_source: "traffic_source".into(),
            traffic_medium: "traffic_medium".into(),
            traffic_campaign: "traffic_campaign".into(),
            traffic_keyword: "traffic_keyword".into(),
            transaction_id: Some("transaction_id".into()),
            transaction_revenue: Some(19.0),
            transaction_tax: Some(15.0),
            transaction_shipping: Some(20.0),
            product_sku: Some("product_sku".into()),
            product_name: Some("product_name".into()),
            product_category: Some("product_category".into()),
            product_price: Some(13.0),
            product_quantity: Some(16),
            custom_dimensions: (1..=20).map(|slot| (slot, format!("d{slot}"))).collect(),
            custom_metrics: (1..=20).map(|slot| (slot, f64::from(slot) / 4.0)).collect(),
            ..Event::default()
        };
        assert_eq!(read(&given), expected);
    }

    #[test]
    fn what_is_no_number_no_slot_or_no_column_is_left_out() {
        let mut given = Given::default();
        given.take("event_value", 0, "many".into(), f64::NAN);
        given.take("transaction_revenue", 0, "∞".into(), f64::INFINITY);
        given.take("product_quantity", 0, "some".into(), f64::NAN);
        given.take("custom_dimensions", 0, "x".into(), 1.0);
        given.take("custom_dimensions", 21, "x".into(), 1.0);
        given.take("custom_metrics", 3, "x".into(), f64::NAN);
        given.take("colour", 0, "blue".into(), 1.0);
        assert_eq!(given.fields, Message::default());
    }

    #[test]
    fn returns_and_nothing_are_numbers_too() {
        let mut given = Given::default();
        given.take("product_quantity", 0, "-2".into(), -2.0);
        given.take("transaction_revenue", 0, "0".into(), 0.0);
        let event = read(&given);
        assert_eq!((event.product_quantity, event.transaction_revenue), (Some(-2), Some(0.0)));
    }

    proptest! {
        #[test]
        fn whatever_a_page_gives_can_be_read_and_keeps_the_limits(
            fields in prop::collection::vec((0_usize..22, any::<u32>(), "\\PC{0,700}", any::<f64>()), 0..30),
        ) {
            let names: Vec<&str> = COLUMNS.iter().map(|(name, ..)| *name)
                .chain(["page_url", "page_title", "page_referrer", "custom_dimensions", "custom_metrics"]).collect();
            let mut given = Given::default();
            for (name, slot, text, number) in fields {
                given.take(names[name], slot % 25, text, number);
            }
            let event = read(&given);
            prop_assert!(event.event_label.len() <= MAX_FIELD_BYTES && event.page_title.len() <= MAX_TEXT_BYTES);
            prop_assert!(event.custom_dimensions.values().all(|value| value.len() <= MAX_FIELD_BYTES));
            prop_assert!(event.custom_dimensions.keys().all(|slot| (1..=20).contains(slot)));
        }
    }
}
