//! JSON of the documented shapes, and what is none.

use super::*;
use columns::{MEASURES, NUMBERS, TEXTS};
use footfall_proto::beacon::{Consent, Event};
use footfall_proto::relay::DropReason;
use proptest::prelude::*;
use prost::Message;
use serde_json::{Value, json};

mod columns;

fn one(body: &str) -> Event {
    let mut read = read(body.as_bytes()).expect("valid");
    assert_eq!(read.events.len(), 1);
    read.events.remove(0).event.expect("valid event")
}

/// What becomes of an event that is written in a document after the event's type.
fn with(fields: &str) -> Result<Event, DropReason> {
    let body = format!(r#"{{"tracking_id":"FF-1","events":[{{"event_type":"event",{fields}}}]}}"#);
    read(body.as_bytes()).expect("valid").events.remove(0).event
}

#[test]
fn the_documented_wrapper_is_read() {
    let body = r#"{"tracking_id":"FF-1","consent":"granted","screen_resolution":"1920x1080","events":[
        {"event_type":"pageview","page_url":"https://example.org/a?b","page_title":"T","page_referrer":"https://t.co/",
         "event_id":"0198a1de-7b3c-7000-8000-0123456789ab","client_timestamp":1790000000000,"user_id":"u","session_id":"s",
         "custom_dimensions":{"1":"one"},"custom_dimension_2":"two","custom_metrics":{"1":2.5},"custom_metric_20":7,
         "transaction_id":"t","transaction_revenue":9.5,"product_quantity":2,"event_value":3,"colour":"red"},
        {"event_type":"event","client_timestamp":"2026-09-21T14:13:20.5Z","event_value":null}]}"#;
    let read = read(body.as_bytes()).expect("valid");
    assert_eq!(read.shared.tracking_id, "FF-1");
    assert_eq!(read.shared.consent(), Consent::Granted);
    assert_eq!((read.shared.screen_width, read.shared.screen_height), (1920, 1080));
    assert_eq!(read.unknown_keys, 1);
    let first = read.events[0].event.as_ref().expect("valid");
    assert_eq!(first.event_id.len(), 16);
    assert_eq!(first.client_timestamp_ms, 1_790_000_000_000);
    assert_eq!(first.custom_dimensions.len() + first.custom_metrics.len(), 4);
    assert_eq!(
        (first.transaction_revenue, first.product_quantity, first.event_value),
        (Some(9.5), Some(2), Some(3.0))
    );
    assert_eq!((read.events[0].user_id.as_str(), read.events[0].session_id.as_str()), ("u", "s"));
    assert_eq!(Event::decode(read.events[0].bytes.clone()).as_ref(), Ok(first));
    let second = read.events[1].event.as_ref().expect("valid");
    assert_eq!((second.client_timestamp_ms, second.event_value), (1_790_000_000_500, None));
}

#[test]
fn a_lone_event_and_a_bare_list_are_read() {
    let lone = r#"{"tracking_id":"FF-1","event_type":"pageview","page_url":"https://example.org/"}"#;
    assert_eq!(one(lone).page_url, "https://example.org/");
    let list = read(format!("[{lone},{lone}]").as_bytes()).expect("valid");
    assert_eq!((list.shared.tracking_id.as_str(), list.events.len()), ("FF-1", 2));
}

#[test]
fn of_two_equal_keys_the_last_counts_even_after_a_wrong_one() {
    let title = |fields: &str| with(fields).map(|event| event.page_title);
    assert_eq!(title(r#""page_title":"a","page_title":"b""#), Ok("b".into()));
    assert_eq!(title(r#""page_title":["a"],"page_title":"b""#), Ok("b".into()));
    assert_eq!(title(r#""page_title":"a","page_title":null"#), Ok(String::new()));
    assert_eq!(title(r#""page_title":"a","pag\u0065_title":"b""#), Ok("b".into()));
    let body =
        r#"{"tracking_id":"FF-0","events":[7],"tracking_id":"FF-1","events":[{"event_type":"event"}]}"#;
    assert_eq!(one(body).event_type, "event");
}

#[test]
fn a_site_may_be_named_by_a_number_and_an_event_of_another_is_invalid() {
    for (body, errors) in [
        (
            r#"{"tracking_id":7,"events":[{"event_type":"e","tracking_id":"7"},{"tracking_id":8}]}"#,
            [false, true],
        ),
        (r#"[{"tracking_id":"7"},{"tracking_id":7}]"#, [false, false]),
        (r#"[{"tracking_id":"7"},{"tracking_id":null}]"#, [false, false]),
        (r#"{"events":[{"tracking_id":"x"},{"tracking_id":[]}],"tracking_id":"7"}"#, [true, true]),
    ] {
        let read = read(body.as_bytes()).expect("valid");
        assert_eq!(read.shared.tracking_id, "7", "{body}");
        assert_eq!([0, 1].map(|index| read.events[index].event.is_err()), errors, "{body}");
    }
}

#[test]
fn a_wrong_value_costs_its_event_and_an_unknown_key_nothing() {
    let deep = format!("{}1{}", r#"[{"a":"#.repeat(5_000), "}]".repeat(5_000));
    for (fields, expected) in [
        (r#""nothing":[1,{}]"#.to_owned(), None),
        (r#""nothing":1e999,"\ud83d":"\ud83d""#.to_owned(), None),
        ("\"\u{7f}\":1,\"\\n\\udfff\":2".to_owned(), None),
        (format!(r#""nothing":{deep}"#), None),
        (format!(r#""page_title":{deep}"#), Some(DropReason::Invalid)),
        (r#""client_timestamp":"yesterday""#.to_owned(), Some(DropReason::Invalid)),
        (r#""client_timestamp":"""#.to_owned(), None),
        (r#""tracking_id":"FF-2""#.to_owned(), Some(DropReason::Invalid)),
    ] {
        assert_eq!(with(&fields).err(), expected, "{}", &fields[..30.min(fields.len())]);
    }
    let body = r#"{"tracking_id":"FF-1","colour":"red","user_id":"u","events":["text",7,-7,1.5,true,null,[{}],{"event_type":"e","shape":1}]}"#;
    let read = read(body.as_bytes()).expect("valid");
    let (last, others) = read.events.split_last().expect("eight");
    assert!(others.iter().all(|sent| sent.event == Err(DropReason::Invalid)));
    assert!(last.event.is_ok());
    assert_eq!(read.unknown_keys, 3);
}

#[test]
fn what_is_no_submission_is_refused() {
    for body in [
        "{",
        "[",
        "{]",
        r#"{"events":5}"#,
        r#"{"events":null}"#,
        r#"{"events":[1e999]}"#,
        "[]x",
        "{\"a\":\"\u{0}\"}",
        "{\"a\u{0}\":1}",
        r#"{"event_value":NaN}"#,
        r#"{"event_value":Infinity}"#,
        r#"{"event_value":01}"#,
        r#"{"event_value":+1}"#,
        r#"{"page_title":"\ud8"}"#,
        r#"{"page_title":"\x"}"#,
        "{'a':1}",
        r#"{"a":1,}"#,
    ] {
        assert!(matches!(read(body.as_bytes()), Err(DecodeError::Malformed(_))), "{body}");
    }
    for bytes in [&b"{\"page_title\":\"caf\xe9\"}"[..], b"{\"a\":\"\xed\xa0\xbd\"}"] {
        assert!(matches!(read(bytes), Err(DecodeError::Malformed(_))), "{bytes:?}");
    }
    let deep = "[".repeat(500_000);
    assert!(matches!(read(deep.as_bytes()), Err(DecodeError::Malformed(_))));
    let many = format!(r#"{{"events":[{}{{}}],"tracking_id":"FF-1"}}"#, "{},".repeat(600_000));
    let expected = DecodeError::TooMany { tracking_id: "FF-1".into(), count: 600_001 };
    assert_eq!(read(many.as_bytes()).err(), Some(expected));
}

/// Any JSON value, not too deep.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}|-?[0-9]{1,12}(\\.[0-9]{1,4})?".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[0-9]{1,2}|[a-z]{1,3}", inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn keys() -> impl Strategy<Value = String> {
    let known: Vec<_> = TEXTS
        .into_iter()
        .chain(NUMBERS)
        .chain(MEASURES)
        .chain([
            "tracking_id",
            "event_id",
            "page_view_id",
            "client_timestamp",
            "product_quantity",
            "user_id",
            "session_id",
            "custom_dimensions",
            "custom_metrics",
            "consent",
            "language",
            "screen_resolution",
        ])
        .map(ToOwned::to_owned)
        .collect();
    prop_oneof![8 => prop::sample::select(known), 1 => "[a-z_]{0,20}"]
}

proptest! {
    #[test]
    fn random_text_never_panics(body in "[\\[{]\\PC{0,200}") {
        let _ = read(body.as_bytes());
    }

    #[test]
    fn whatever_stands_in_an_event_costs_that_event_alone_and_what_is_taken_is_its_bytes(
        fields in prop::collection::btree_map(keys(), values(), 0..12),
    ) {
        let good = json!({"event_type": "event", "event_value": 7});
        let document = json!({"tracking_id": "FF-1", "events": [good, fields, good]});
        let read = read(document.to_string().as_bytes()).expect("JSON");
        prop_assert_eq!(read.events.len(), 3);
        prop_assert!(read.events[0].event.is_ok() && read.events[2].event.is_ok());
        if let Ok(event) = &read.events[1].event {
            prop_assert_eq!(&Event::decode(read.events[1].bytes.clone()).expect("encoded here"), event);
            prop_assert!(event.custom_dimensions.keys().all(|slot| (1..=20).contains(slot)));
        }
    }

    #[test]
    fn what_is_no_json_is_refused(
        fields in prop::collection::btree_map(keys(), values(), 0..6), at in 0_usize..400, byte in 0_u8..0x80,
    ) {
        let mut body = json!({"tracking_id": "FF-1", "events": [fields]}).to_string().into_bytes();
        let at = at % body.len();
        body[at] = byte;
        if serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_err() {
            prop_assert!(read(&body).is_err(), "{}", String::from_utf8_lossy(&body));
        }
    }

    #[test]
    fn a_document_cut_anywhere_is_refused(cut in 1_usize..150) {
        let body = r#"{"tracking_id":"FF-1","events":[{"event_type":"pageview","page_url":"https://example.org/","custom_metrics":{"1":2.5}},{"event_type":"x"}]}"#;
        prop_assert!(read(&body.as_bytes()[..cut % body.len()]).is_err());
    }
}
