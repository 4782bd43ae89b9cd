//! Bodies and headers in the forms in which they come: what is stored of each is what was meant.

use footfall_proto::beacon::Event;
use footfall_proto::relay::{Record, Visit};
use prost::Message;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{CHROME, RunningEdge, SITE, answer, body, config, folder, page_view};

fn visit(record: &Record) -> &Visit {
    record.visit.as_ref().expect("a visit")
}

/// The events that were stored, in order.
fn events(edge: &RunningEdge) -> Vec<Event> {
    let records = edge.records();
    let admitted = records.iter().flat_map(|record| &record.events);
    admitted.map(|admitted| Event::decode(admitted.event.clone()).expect("an event")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_or_a_program_writes_as_json_is_stored_as_it_was_meant() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let document =
        |fields: &str| format!(r#"{{"tracking_id":"{SITE}","events":[{{"event_type":"event",{fields}}}]}}"#);
    for (sent, dropped) in [
        (document(r#""transaction_id":10045,"product_quantity":2.0,"transaction_revenue":"10.00""#), None),
        (format!("\u{feff}\r\n {}", document(r#""page_title":"cut \ud83d""#)), None),
        (document(r#""custom_dimensions":{"1":true,"2":null},"custom_metrics":{"1":"5"}"#), None),
        (document(&format!(r#""event_label":"{}""#, "é".repeat(400))), None),
        (document(r#""transaction_revenue":"19,999.99""#), Some("invalid")),
        (document(r#""product_quantity":2147483648"#), Some("invalid")),
    ] {
        let (status, told) = answer(edge.post(sent.clone()).header("accept", "application/json")).await;
        assert_eq!(status, 200, "{sent}");
        assert_eq!(told["dropped"][0]["reason"].as_str(), dropped, "{sent}");
    }
    let stored = events(&edge);
    assert_eq!(stored.len(), 4);
    assert_eq!(stored[0].transaction_id.as_deref(), Some("10045"));
    assert_eq!((stored[0].product_quantity, stored[0].transaction_revenue), (Some(2), Some(10.0)));
    assert_eq!(stored[1].page_title, "cut \u{fffd}");
    assert_eq!(stored[2].custom_dimensions, [(1, "true".to_owned())].into());
    assert_eq!(stored[2].custom_metrics, [(1, 5.0)].into());
    assert_eq!(stored[3].event_label, "é".repeat(256));
    let metrics = edge.metrics().await;
    assert!(metrics.contains("events_dropped_total{reason=\"invalid\"} 2"), "{metrics}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_beyond_its_bound_is_cut_in_every_form_and_its_repeat_is_a_duplicate() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let mut long = page_view(1);
    long.page_title = "ä".repeat(1500);
    long.custom_dimensions.insert(3, "x".repeat(600));
    for status in [204, 200] {
        assert_eq!(edge.send(body(vec![long.clone()])).await.0, status);
    }
    let document = json!({"tracking_id": SITE, "event_type": "event", "event_id": "0198a1de-7b3c-7000-8000-0123456789ab",
        "page_title": long.page_title, "custom_dimensions": {"3": "x".repeat(600), "1": "a", "2": "b", "4": "c"}});
    for status in [204, 200] {
        assert_eq!(edge.send(document.to_string()).await.0, status);
    }
    for event in events(&edge) {
        assert_eq!((event.page_title, event.custom_dimensions[&3].len()), ("ä".repeat(1024), 512));
    }
    assert_eq!(events(&edge).len(), 2);
    let metrics = edge.metrics().await;
    assert!(metrics.contains("events_dropped_total{reason=\"duplicate\"} 2"), "{metrics}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_beyond_ascii_in_a_header_cost_nothing_else_of_it() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    for (agent, stored) in [
        (
            "Mozilla/5.0 (Linux; Android 4.4.2; X325–Locked) Chrome/80.0".as_bytes(),
            "Mozilla/5.0 (Linux; Android 4.4.2; X325–Locked) Chrome/80.0",
        ),
        (b"\xc4pp/1.0 (iPhone; iOS 17.5)", "Äpp/1.0 (iPhone; iOS 17.5)"),
    ] {
        let before = edge.records().len();
        let document = json!({"tracking_id": SITE, "event_type": "event"});
        // The proxy's own hop is still read behind one that cannot be.
        let forwarded = reqwest::header::HeaderValue::from_bytes(b"\xe4, 81.2.69.160").expect("a field");
        let request = edge.post(document.to_string()).header("x-forwarded-for", forwarded);
        let agent = reqwest::header::HeaderValue::from_bytes(agent).expect("a field");
        assert_eq!(answer(request.header("user-agent", agent)).await.0, 204);
        let record = edge.records().remove(before);
        assert_eq!((visit(&record).user_agent.as_str(), visit(&record).city.as_str()), (stored, "London"));
    }
    let visitors: Vec<_> =
        edge.records().into_iter().map(|record| record.events[0].user_id.clone()).collect();
    assert_ne!(visitors[0], visitors[1], "two programs at one address are two visitors");
    let page =
        reqwest::header::HeaderValue::from_bytes(b"https://www.example.org/stra\xdfe?x").expect("a field");
    let image = edge.http.get(format!("{}/p.gif?s={SITE}", edge.url)).header("referer", page);
    assert_eq!(image.send().await.expect("answered").status(), 200);
    assert_eq!(events(&edge)[2].page_url, "https://www.example.org/straße?x");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_asks_for_the_pixel_and_looks_at_no_page() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let url = format!("{}/p.gif?s={SITE}&u=https%3A%2F%2Fwww.example.org%2F", edge.url);
    let response = edge.http.head(&url).send().await.expect("answered");
    assert_eq!(response.status(), 200);
    assert_eq!(
        (&response.headers()["content-type"], &response.headers()["content-length"]),
        (&"image/gif".parse().expect("a field"), &"43".parse().expect("a field"))
    );
    assert!(edge.records().is_empty());
    assert_eq!(edge.http.get(&url).send().await.expect("answered").status(), 200);
    assert_eq!(edge.records().len(), 1);
    let refused = edge.http.head(format!("{}/e", edge.url)).send().await.expect("answered");
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["allow"]),
        (405, &"POST, OPTIONS".parse().expect("a field"))
    );
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_document_is_taken_however_http_carries_it() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let address = edge.url.trim_start_matches("http://").to_owned();
    let document = json!({"tracking_id": SITE, "event_type": "event"}).to_string();
    let length = document.len();
    let (one, other) = document.split_at(20);
    let requests = [
        format!("POST /e HTTP/1.0\r\nUser-Agent: {CHROME}\r\nContent-Length: {length}\r\n\r\n{document}"),
        format!(
            "POST http://{address}/e HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{document}"
        ),
        format!(
            "POST /e HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{one}\r\n{:x}\r\n{other}\r\n0\r\n\r\n",
            one.len(),
            other.len()
        ),
        format!(
            "POST /e?from=worker HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/csp-report\r\nContent-Length: {length}\r\n\r\n{document}"
        ),
    ];
    for request in &requests {
        let mut stream = tokio::net::TcpStream::connect(&address).await.expect("connected");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut response = String::new();
        stream.read_to_string(&mut response).await.expect("answered");
        assert!(response.contains(" 204 "), "{request}\n{response}");
    }
    assert_eq!(edge.records().len(), requests.len());
    edge.stop().await;
}
