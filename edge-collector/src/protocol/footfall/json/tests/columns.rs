//! What each type of column takes, and what costs the event.

use super::*;
use footfall_proto::limits::MAX_EVENT_BYTES;

/// Columns of texts, of numbers and of measures, with one custom column of each.
pub(super) const TEXTS: [&str; 18] = [
    "event_type",
    "page_url",
    "page_title",
    "page_referrer",
    "event_category",
    "event_action",
    "event_label",
    "traffic_source",
    "traffic_medium",
    "traffic_campaign",
    "traffic_keyword",
    "traffic_content",
    "source_name",
    "transaction_id",
    "product_sku",
    "product_name",
    "product_category",
    "custom_dimension_7",
];
pub(super) const NUMBERS: [&str; 6] = [
    "event_value",
    "transaction_revenue",
    "transaction_tax",
    "transaction_shipping",
    "product_price",
    "custom_metric_7",
];
pub(super) const MEASURES: [&str; 2] = ["engagement_ms", "scroll_depth"];

/// An event with one field more than its type, through the documented shape.
fn field(key: &str, value: Value) -> Result<Event, DropReason> {
    let mut event = json!({"event_type": "event"});
    event[key] = value;
    let body = json!({"tracking_id": "FF-1", "events": [event]});
    read(body.to_string().as_bytes()).expect("valid").events.remove(0).event
}

#[test]
fn every_text_takes_a_number_or_a_truth_value_and_every_number_a_text() {
    for key in TEXTS {
        for (value, text) in [
            (json!(10045), "10045"),
            (json!(9.5), "9.5"),
            (json!(true), "true"),
            (json!(false), "false"),
            (json!(2.0), "2"),
        ] {
            assert_eq!(field(key, value), field(key, json!(text)), "{key}");
        }
        for wrong in [json!([1]), json!({"a": 1})] {
            assert_eq!(field(key, wrong), Err(DropReason::Invalid), "{key}");
        }
    }
    for key in NUMBERS {
        assert_eq!(field(key, json!(" 10.00 ")), field(key, json!(10)), "{key}");
        assert_eq!(field(key, json!("")), field(key, Value::Null), "{key}");
        for wrong in [
            json!("19,999.99"),
            json!("6,795"),
            json!("1.000,39"),
            json!("NaN"),
            json!("Infinity"),
            json!("5 EUR"),
            json!(true),
            json!([1]),
            json!({}),
        ] {
            assert_eq!(field(key, wrong), Err(DropReason::Invalid), "{key}");
        }
    }
    for key in MEASURES {
        for value in [json!("88"), json!(88.0), json!(87.6), json!("87.6")] {
            assert_eq!(field(key, value), field(key, json!(88)), "{key}");
        }
        for wrong in [json!(-5), json!(4_294_967_296_u64), json!("many"), json!(true)] {
            assert_eq!(field(key, wrong), Err(DropReason::Invalid), "{key}");
        }
    }
    for key in TEXTS.into_iter().chain(NUMBERS).chain(MEASURES) {
        assert_ne!(field(key, json!(88)), with(r#""event_value":null"#), "{key} is stored");
        assert!(field(key, Value::Null).is_ok(), "{key}");
    }
}

#[test]
fn a_count_has_no_fraction_and_no_more_than_32_bits() {
    for (value, expected) in [
        ("2", Ok(Some(2))),
        ("2.0", Ok(Some(2))),
        ("2e0", Ok(Some(2))),
        (r#""2""#, Ok(Some(2))),
        (r#"" 2.00 ""#, Ok(Some(2))),
        ("-2", Ok(Some(-2))),
        ("-0", Ok(Some(0))),
        ("2147483647", Ok(Some(i32::MAX))),
        ("null", Ok(None)),
        (r#""""#, Ok(None)),
        ("1.5", Err(DropReason::Invalid)),
        (r#""1.5""#, Err(DropReason::Invalid)),
        ("2147483648", Err(DropReason::Invalid)),
        ("1e400", Err(DropReason::Invalid)),
        ("true", Err(DropReason::Invalid)),
    ] {
        let read = with(&format!(r#""product_quantity":{value}"#));
        assert_eq!(read.map(|event| event.product_quantity), expected, "{value}");
    }
}

#[test]
fn numbers_of_any_size_cost_one_event_at_most() {
    for (value, expected) in [
        ("1.7e308", Ok(Some(1.7e308))),
        ("9223372036854775808", Ok(Some(9_223_372_036_854_775_808.0))),
        ("-12.5", Ok(Some(-12.5))),
        ("1e-999", Ok(Some(0.0))),
        ("1e999", Err(DropReason::Invalid)),
        ("-1e999", Err(DropReason::Invalid)),
    ] {
        let read = with(&format!(r#""event_value":{value}"#));
        assert_eq!(read.map(|event| event.event_value), expected, "{value}");
    }
    let digits = "7".repeat(400);
    assert_eq!(with(&format!(r#""event_value":{digits}"#)), Err(DropReason::Invalid));
    assert_eq!(with(&format!(r#""transaction_id":{digits}"#)).expect("a text").transaction_id, Some(digits));
}

#[test]
fn custom_columns_come_by_name_or_in_a_map_and_the_last_value_counts() {
    let event = with(
        r#""custom_dimensions":{"1":5,"2":true,"3":"x","4":null,"5":"old","5":"new"},"custom_dimension_3":"y",
           "custom_metrics":{"1":"5","2":null,"3":""},"custom_metric_4":"2.5","custom_dimension_21":null"#,
    )
    .expect("valid");
    let dimensions: Vec<_> =
        event.custom_dimensions.iter().map(|(slot, text)| (*slot, text.as_str())).collect();
    assert_eq!(dimensions, [(1, "5"), (2, "true"), (3, "y"), (5, "new")]);
    assert_eq!(event.custom_metrics, [(1, 5.0), (4, 2.5)].into());
    // An empty map, as PHP writes it.
    assert_eq!(with(r#""custom_dimensions":[],"custom_metrics":[ ]"#), with(r#""custom_dimensions":{}"#));
    for wrong in [
        r#""custom_dimension_x":"a""#,
        r#""custom_dimension_21":"a""#,
        r#""custom_dimensions":{"0":"a"}"#,
        r#""custom_dimensions":{"1":{}}"#,
        r#""custom_dimensions":["a"]"#,
        r#""custom_dimensions":"a""#,
        r#""custom_metrics":{"1":"a"}"#,
        r#""custom_metrics":{"1":true}"#,
    ] {
        assert_eq!(with(wrong), Err(DropReason::Invalid), "{wrong}");
    }
}

#[test]
fn ids_come_in_several_forms_and_empty_ones_are_none() {
    let id = [0x01, 0x98, 0xa1, 0xde, 0x7b, 0x3c, 0x70, 0, 0x80, 0, 1, 0x23, 0x45, 0x67, 0x89, 0xab];
    for written in [
        "0198a1de-7b3c-7000-8000-0123456789ab",
        "0198A1DE-7B3C-7000-8000-0123456789AB",
        "{0198a1de-7b3c-7000-8000-0123456789ab}",
        "0198a1de7b3c700080000123456789ab",
        "urn:uuid:0198a1de-7b3c-7000-8000-0123456789ab",
        " 0198a1de-7b3c-7000-8000-0123456789ab\n",
    ] {
        let event = field("event_id", json!(written)).expect(written);
        assert_eq!(event.event_id, id[..], "{written}");
        assert_eq!(field("page_view_id", json!(written)).expect(written).page_view_id, id[..]);
    }
    for none in [json!(""), json!(" "), Value::Null] {
        assert!(field("event_id", none.clone()).expect("valid").event_id.is_empty());
        assert!(field("page_view_id", none).expect("valid").page_view_id.is_empty());
    }
    for wrong in [json!("no uuid"), json!("0198a1de"), json!(7), json!(true)] {
        assert_eq!(field("event_id", wrong), Err(DropReason::Invalid));
    }
    for (value, name) in [
        (json!("u"), "u"),
        (json!(42), "42"),
        (json!(42.0), "42"),
        (json!(""), ""),
        (json!(" "), ""),
        (json!(false), ""),
        (json!(true), ""),
        (Value::Null, ""),
    ] {
        let body =
            json!({"tracking_id": "FF-1", "event_type": "event", "user_id": value, "session_id": value});
        let sent = read(body.to_string().as_bytes()).expect("valid").events.remove(0);
        assert_eq!((sent.user_id.as_str(), sent.session_id.as_str()), (name, name), "{value}");
        assert!(sent.event.is_ok());
    }
}

#[test]
fn texts_are_cut_to_their_bounds_and_an_event_beyond_all_bounds_is_not_taken() {
    let event = field("event_label", json!("é".repeat(400))).expect("valid");
    assert_eq!(event.event_label, "é".repeat(256));
    assert_eq!(field("page_title", json!("x".repeat(3000))).expect("valid").page_title.len(), 2048);
    let huge = json!("x".repeat(MAX_EVENT_BYTES));
    assert_eq!(field("event_label", huge), Err(DropReason::TooLarge));
}

#[test]
fn the_same_document_is_the_same_bytes() {
    let dimensions: Vec<_> = (1..=20)
        .map(|slot| format!(r#""custom_dimension_{slot}":"{slot}","custom_metric_{slot}":1"#))
        .collect();
    let bytes = |fields: &[String]| {
        let body = format!(r#"{{"tracking_id":"FF-1","event_type":"event",{}}}"#, fields.join(","));
        read(body.as_bytes()).expect("valid").events.remove(0).bytes
    };
    let first = bytes(&dimensions);
    let reversed: Vec<_> = dimensions.iter().rev().cloned().collect();
    for again in [&dimensions, &reversed] {
        assert_eq!(bytes(again), first);
    }
}

#[test]
fn a_page_address_is_taken_without_the_blanks_around_it() {
    assert_eq!(
        field("page_url", json!("\n https://example.org/a b \0")).expect("valid").page_url,
        "https://example.org/a b"
    );
}
