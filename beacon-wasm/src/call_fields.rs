//! The fields of a call of `footfall(…)`, which have the names of the tables' columns, encoded as fields of an event.

use alloc::string::String;

use footfall_proto::limits::{CUSTOM_SLOTS, MAX_FIELD_BYTES, MAX_TEXT_BYTES};

use crate::message::{
    Message,
    event::{CUSTOM_DIMENSIONS, CUSTOM_METRICS, PAGE_REFERRER, PAGE_TITLE},
};

/// The type of a column.
#[derive(Clone, Copy)]
enum ColumnType {
    Text,
    Number,
    Integer,
}

/// Column, field number in `Event`, type.
const COLUMNS: [(&str, u32, ColumnType); 19] = [
    ("event_category", 8, ColumnType::Text),
    ("event_action", 9, ColumnType::Text),
    ("event_label", 10, ColumnType::Text),
    ("event_value", 11, ColumnType::Number),
    ("traffic_source", 16, ColumnType::Text),
    ("traffic_medium", 17, ColumnType::Text),
    ("traffic_campaign", 18, ColumnType::Text),
    ("traffic_keyword", 19, ColumnType::Text),
    ("traffic_content", 20, ColumnType::Text),
    ("source_name", 21, ColumnType::Text),
    ("transaction_id", 24, ColumnType::Text),
    ("transaction_revenue", 25, ColumnType::Number),
    ("transaction_tax", 26, ColumnType::Number),
    ("transaction_shipping", 27, ColumnType::Number),
    ("product_sku", 28, ColumnType::Text),
    ("product_name", 29, ColumnType::Text),
    ("product_category", 30, ColumnType::Text),
    ("product_price", 31, ColumnType::Number),
    ("product_quantity", 32, ColumnType::Integer),
];

/// The fields of one call.
#[derive(Debug, Default)]
pub struct CallFields {
    /// The page's address in place of the address bar's, if it is not empty.
    pub url: String,
    /// All others, as encoded fields of `Event`. They are appended to the event, so that they replace its own values.
    pub message: Message,
}

impl CallFields {
    /// Takes one field: its column, and its value both as a text and as a number (NaN where it is none). `slot` counts for
    /// `custom_dimensions` and `custom_metrics` only, from 1. Unknown columns are left out.
    pub fn take(&mut self, column: &str, slot: u32, text: String, number: f64) {
        for (name, tag, column_type) in COLUMNS {
            if name == column {
                match column_type {
                    ColumnType::Text => self.message.text(tag, &text, MAX_FIELD_BYTES),
                    _ if !number.is_finite() => {}
                    ColumnType::Number => self.message.number(tag, number),
                    // Neither half a piece nor more pieces than the column holds: what is no such number is none.
                    ColumnType::Integer if f64::from(number as i32) - number != 0.0 => {}
                    // A negative int32 is written as the 64 bits of its value.
                    ColumnType::Integer => self.message.optional_count(tag, i64::from(number as i32) as u64),
                }
                return;
            }
        }
        match column {
            // Browsers count no blanks around an address as part of it.
            "page_url" if text.trim_ascii().len() == text.len() => self.url = text,
            "page_url" => self.url = String::from(text.trim_ascii()),
            "page_title" => self.message.text(PAGE_TITLE, &text, MAX_TEXT_BYTES),
            "page_referrer" => self.message.text(PAGE_REFERRER, &text, MAX_TEXT_BYTES),
            _ if !(1..=CUSTOM_SLOTS).contains(&slot) => {}
            "custom_dimensions" => {
                let mut entry = Self::entry(slot);
                entry.text(2, &text, MAX_FIELD_BYTES);
                self.message.bytes(CUSTOM_DIMENSIONS, &entry.0);
            }
            "custom_metrics" if number.is_finite() => {
                let mut entry = Self::entry(slot);
                entry.number(2, number);
                self.message.bytes(CUSTOM_METRICS, &entry.0);
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

    fn read(call: &CallFields) -> Event {
        Event::decode(call.message.0.as_slice()).expect("encoded here")
    }

    #[test]
    fn every_field_of_the_wire_is_reached_by_its_columns_name() {
        let mut call = CallFields::default();
        for (column, ..) in COLUMNS {
            call.take(column, 0, column.to_owned(), column.len() as f64);
        }
        for slot in 1..=20 {
            call.take("custom_dimensions", slot, format!("d{slot}"), f64::NAN);
            call.take("custom_metrics", slot, String::new(), f64::from(slot) / 4.0);
        }
        for column in ["page_url", "page_title", "page_referrer"] {
            call.take(column, 0, column.to_owned(), f64::NAN);
        }
        assert_eq!(call.url, "page_url");
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
            traffic_content: "traffic_content".into(),
            source_name: "source_name".into(),
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
        assert_eq!(read(&call), expected);
    }

    #[test]
    fn what_is_no_number_no_slot_or_no_column_is_left_out() {
        let mut call = CallFields::default();
        call.take("event_value", 0, "many".into(), f64::NAN);
        call.take("transaction_revenue", 0, "∞".into(), f64::INFINITY);
        call.take("product_quantity", 0, "some".into(), f64::NAN);
        call.take("product_quantity", 0, "1.5".into(), 1.5);
        call.take("product_quantity", 0, "2147483648".into(), 2_147_483_648.0);
        call.take("product_quantity", 0, "-1e300".into(), -1e300);
        call.take("custom_dimensions", 0, "x".into(), 1.0);
        call.take("custom_dimensions", 21, "x".into(), 1.0);
        call.take("custom_metrics", 3, "x".into(), f64::NAN);
        call.take("colour", 0, "blue".into(), 1.0);
        assert_eq!(call.message, Message::default());
    }

    #[test]
    fn returns_and_nothing_are_numbers_too() {
        let mut call = CallFields::default();
        call.take("product_quantity", 0, "-2".into(), -2.0);
        call.take("transaction_revenue", 0, "0".into(), 0.0);
        let event = read(&call);
        assert_eq!((event.product_quantity, event.transaction_revenue), (Some(-2), Some(0.0)));
    }

    #[test]
    fn an_address_is_taken_without_the_blanks_around_it() {
        let mut call = CallFields::default();
        call.take("page_url", 0, "\n https://example.org/a b ".into(), f64::NAN);
        assert_eq!(call.url, "https://example.org/a b");
    }

    proptest! {
        #[test]
        fn whatever_a_page_gives_can_be_read_and_keeps_the_limits(
            fields in prop::collection::vec((0_usize..22, any::<u32>(), "\\PC{0,700}", any::<f64>()), 0..30),
        ) {
            let names: Vec<&str> = COLUMNS.iter().map(|(name, ..)| *name)
                .chain(["page_url", "page_title", "page_referrer", "custom_dimensions", "custom_metrics"]).collect();
            let mut call = CallFields::default();
            for (name, slot, text, number) in fields {
                call.take(names[name], slot % 25, text, number);
            }
            let event = read(&call);
            prop_assert!(event.event_label.len() <= MAX_FIELD_BYTES && event.page_title.len() <= MAX_TEXT_BYTES);
            prop_assert!(event.custom_dimensions.values().all(|value| value.len() <= MAX_FIELD_BYTES));
            prop_assert!(event.custom_dimensions.keys().all(|slot| (1..=20).contains(slot)));
        }
    }
}
