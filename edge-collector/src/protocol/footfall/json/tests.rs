//! JSON of the documented shapes, and malformed JSON.

use super::*;
use proptest::prelude::*;

fn one(body: &str) -> Event {
    let mut read = read(body.as_bytes()).expect("valid");
    assert_eq!(read.events.len(), 1);
    read.events.remove(0).event.expect("valid event")
}

fn reason(event: &str) -> Option<DropReason> {
    let body = format!(r#"{{"tracking_id":"FF-1","events":[{event}]}}"#);
    read(body.as_bytes()).expect("valid").events.remove(0).event.err()
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
fn a_wrong_value_costs_its_event_and_an_unknown_key_nothing() {
    for (event, expected) in [
        (r#"{"event_type":"event","nothing":[1,{}]}"#, None),
        (r#"{"event_type":5}"#, Some(DropReason::Invalid)),
        (r#"{"event_type":"event","event_value":"5"}"#, Some(DropReason::Invalid)),
        (r#"{"event_type":"event","event_id":"no uuid"}"#, Some(DropReason::Invalid)),
        (r#"{"event_type":"event","client_timestamp":"yesterday"}"#, Some(DropReason::Invalid)),
        (r#"{"event_type":"event","product_quantity":1.5}"#, Some(DropReason::Invalid)),
        (r#"{"event_type":"event","custom_dimension_x":"a"}"#, Some(DropReason::Invalid)),
        (r#"{"event_type":"event","custom_metrics":{"1":"a"}}"#, Some(DropReason::Invalid)),
        (r#"{"event_type":"event","tracking_id":"FF-2"}"#, Some(DropReason::Invalid)),
        (r#""text""#, Some(DropReason::Invalid)),
    ] {
        assert_eq!(reason(event), expected, "{event}");
    }
    let huge = format!(r#"{{"event_type":"event","event_label":"{}"}}"#, "x".repeat(MAX_EVENT_BYTES));
    assert_eq!(reason(&huge), Some(DropReason::TooLarge));
}

#[test]
fn what_is_no_submission_is_refused() {
    for body in ["{", "[", "{]", r#"{"events":5}"#, r#"{"events":[1e999]}"#, "[]x", "{\"a\":\"\u{0}\"}"] {
        assert!(matches!(read(body.as_bytes()), Err(DecodeError::Malformed(_))), "{body}");
    }
    let deep = "[".repeat(500_000);
    assert!(matches!(read(deep.as_bytes()), Err(DecodeError::Malformed(_))));
    let many = format!(r#"{{"tracking_id":"FF-1","events":[{}{{}}]}}"#, "{},".repeat(600_000));
    let expected = DecodeError::TooMany { tracking_id: "FF-1".into(), count: 600_001 };
    assert_eq!(read(many.as_bytes()).err(), Some(expected));
}

#[test]
fn the_list_of_columns_has_no_twins() {
    let mut columns = COLUMNS.to_vec();
    columns.sort_unstable();
    columns.dedup();
    assert_eq!(columns.len(), COLUMNS.len());
}

proptest! {
    #[test]
    fn random_text_never_panics(body in "[\\[{]\\PC{0,200}") {
        let _ = read(body.as_bytes());
    }

    #[test]
    fn a_document_cut_anywhere_is_refused(cut in 1_usize..150) {
        let body = r#"{"tracking_id":"FF-1","events":[{"event_type":"pageview","page_url":"https://example.org/","custom_metrics":{"1":2.5}},{"event_type":"x"}]}"#;
        prop_assert!(read(&body.as_bytes()[..cut % body.len()]).is_err());
    }
}
