//! Requests as they arrive and what becomes of them, at a fixed time: `testdata/requests.jsonl`, one a line.

use std::path::Path;

use bytes::Bytes;
use footfall_edge::collect::{RequestFacts, collect};
use footfall_edge::outcome::{Outcome, Taken};
use footfall_edge::protocol::{footfall, pixel};
use footfall_proto::reason;
use footfall_proto::relay::{AdmittedEvent, Record, Visit};
use http::Request;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::support::{CHROME, RunningEdge, config, folder};

/// 2027-01-15 08:00 UTC.
const NOW: i64 = 1_800_000_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    body: Option<Value>,
    pixel: Option<String>,
    from: Option<String>,
    agent: Option<String>,
    origin: Option<String>,
    accepted: Option<usize>,
    #[serde(default)]
    dropped: Vec<String>,
    refused: Option<String>,
    #[serde(default)]
    visit: Map<String, Value>,
    #[serde(default)]
    events: Vec<Map<String, Value>>,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_request_ends_as_it_should() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/requests.jsonl");
    let text = std::fs::read_to_string(path).expect("readable");
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    for (number, line) in text.lines().enumerate() {
        let case: Case = serde_json::from_str(line).expect(line);
        let before = edge.records().len();
        let outcome = play(&edge, &case, number).await;
        let stored = edge.records().split_off(before).into_iter().find(|record| !record.events.is_empty());
        compare(&case, &outcome, stored.as_ref());
    }
    assert!(text.lines().count() > 20);
    edge.stop().await;
}

/// Each request is of a visitor of its own, unless it says from where it came.
async fn play(edge: &RunningEdge, case: &Case, number: usize) -> Outcome {
    let (protocol, uri, body) = match (&case.body, &case.pixel) {
        (Some(body), None) => (&footfall::PROTOCOL, "/e".to_owned(), body.to_string()),
        (None, Some(query)) => (&pixel::PROTOCOL, format!("/p.gif?{query}"), String::new()),
        _ => panic!("{}: one of body and pixel", case.name),
    };
    let (head, ()) = Request::builder().uri(uri).body(()).expect(&case.name).into_parts();
    let submissions = (protocol.decode)(&head, Bytes::from(body)).expect(&case.name);
    let request = RequestFacts {
        now_ms: NOW,
        address: case.from.clone().unwrap_or(format!("192.0.2.{number}")).parse().expect("address"),
        user_agent: case.agent.as_deref().unwrap_or(CHROME),
        origin: case.origin.as_deref(),
        gpc: false,
        dnt: false,
        hint_platform: None,
        hint_mobile: None,
        hint_brands: None,
    };
    collect(&edge.edge, submissions, request).await.pop().expect("one submission")
}

fn compare(case: &Case, outcome: &Outcome, stored: Option<&Record>) {
    let name = &case.name;
    match outcome {
        Outcome::Taken(Taken { accepted, dropped }) => {
            let reasons: Vec<_> = dropped.iter().map(|dropped| reason::name(dropped.reason)).collect();
            assert_eq!(
                (Some(*accepted), &reasons[..]),
                (case.accepted, &as_text(&case.dropped)[..]),
                "{name}"
            );
        }
        Outcome::Refused(why) => assert_eq!(Some(reason::name(*why)), case.refused.as_deref(), "{name}"),
        other => panic!("{name}: {other:?}"),
    }
    let expected = case.accepted.unwrap_or_default();
    assert_eq!(stored.map_or(0, |record| record.events.len()), expected, "{name}");
    let Some(record) = stored else { return };
    assert_eq!(record.server_timestamp_ms, NOW, "{name}");
    let visit = record.visit.as_ref().expect(name);
    for (key, value) in &case.visit {
        assert_eq!(visit_field(visit, key), *value, "{name}: {key}");
    }
    for (event, fields) in record.events.iter().zip(&case.events) {
        for (key, value) in fields {
            assert_eq!(event_field(event, key), *value, "{name}: {key}");
        }
    }
}

fn as_text(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

fn visit_field(visit: &Visit, key: &str) -> Value {
    match key {
        "country" => visit.country.as_str().into(),
        "city" => visit.city.as_str().into(),
        "browser" => visit.browser.as_str().into(),
        "os" => visit.os.as_str().into(),
        "os_version" => visit.os_version.as_str().into(),
        "device_type" => visit.device_type.as_str().into(),
        "device_brand" => visit.device_brand.as_str().into(),
        "screen_resolution" => visit.screen_resolution.as_str().into(),
        "language" => visit.language.as_str().into(),
        "is_bot" => visit.is_bot.into(),
        "local_salt" => visit.local_salt.into(),
        "sample_rate" => visit.sample_rate.into(),
        _ => panic!("no such field: {key}"),
    }
}

fn event_field(event: &AdmittedEvent, key: &str) -> Value {
    match key {
        "event_id" => {
            event.event_id.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat().into()
        }
        "page_path" => event.page_path.as_str().into(),
        "traffic_source" => event.traffic_source.as_str().into(),
        "traffic_medium" => event.traffic_medium.as_str().into(),
        "traffic_campaign" => event.traffic_campaign.as_str().into(),
        "traffic_keyword" => event.traffic_keyword.as_str().into(),
        "source_name" => event.source_name.as_str().into(),
        "source_known" => event.source_known.into(),
        // They differ with each salt: checked only to be there.
        "user_id" if event.user_id.len() == 32 => "cookieless".into(),
        "session_id" if event.session_id.len() == 32 => "new".into(),
        _ => panic!("no such field: {key}"),
    }
}
