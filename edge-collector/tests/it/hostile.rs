//! Hostile input: a 4xx or a reason per event, a count, bounded memory, no panic.

use std::io::{Read as _, Write};

use footfall_proto::beacon::Event;
use footfall_proto::limits::{MAX_BODY_BYTES, MAX_EVENTS_PER_BATCH};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config as Cases, TestRunner};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{RunningEdge, SITE, answer, body, config, folder, page_view};

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_with_a_reason() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let whole = body(vec![page_view(1)]);
    let cut = whole[..whole.len() - 3].to_vec();
    for (bytes, status, reason) in [
        (vec![], 400, "undecodable"),
        (vec![0xff; 300], 400, "undecodable"),
        (cut, 400, "undecodable"),
        (b"{\"tracking_id\":".to_vec(), 400, "undecodable"),
        (b"[".repeat(100_000), 400, "undecodable"),
        (vec![b'x'; 10 << 20], 413, "too_large"),
        (vec![b'{'; MAX_BODY_BYTES + 1], 413, "too_large"),
    ] {
        let length = bytes.len();
        let response = edge.post(bytes).send().await.expect("answered");
        assert_eq!(response.status().as_u16(), status, "{length} bytes");
        assert_eq!(response.headers()["x-footfall-reason"], reason, "{length} bytes");
    }
    let metrics = edge.metrics().await;
    assert!(metrics.contains("events_dropped_total{reason=\"undecodable\"} 5"), "{metrics}");
    assert!(edge.records().is_empty());
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_all_before_it_reads_still_learns_why_it_was_refused() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let address = edge.url.trim_start_matches("http://").to_owned();
    for header in ["", "content-encoding: x-none\r\n"] {
        let mut stream = tokio::net::TcpStream::connect(&address).await.expect("connected");
        let head = format!("POST /e HTTP/1.1\r\nhost: x\r\n{header}content-length: {}\r\n\r\n", 10 << 20);
        stream.write_all(head.as_bytes()).await.expect("sent");
        for _ in 0..10 {
            stream.write_all(&vec![b'x'; 1 << 20]).await.expect("the edge takes what it throws away");
        }
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.expect("answered");
        assert!([&b"HTTP/1.1 413"[..], b"HTTP/1.1 415"].contains(&&status[..]), "{status:?}");
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_a_length_is_bounded_too() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let address = edge.url.trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.expect("connected");
    stream
        .write_all(b"POST /e HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        .await
        .expect("sent");
    let chunk = [format!("{:x}\r\n", 32 << 10).into_bytes(), vec![b'x'; 32 << 10], b"\r\n".to_vec()].concat();
    let mut answer = Vec::new();
    for _ in 0..40 {
        // The edge may close the connection while this side still sends.
        if stream.write_all(&chunk).await.is_err() {
            break;
        }
    }
    // Nothing more comes, so that the edge need not wait for it before it closes.
    let _ = stream.shutdown().await;
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
    assert!(edge.metrics().await.contains("events_dropped_total{reason=\"too_large\"} 1"));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_cost_their_limit_and_no_more() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    // Never whole in memory: another test measures the memory of this process.
    let bomb = || std::io::repeat(b'[').take(64 << 20);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::copy(&mut bomb(), &mut gzip).expect("memory");
    let packed =
        [("gzip", gzip.finish().expect("memory")), ("zstd", zstd::encode_all(bomb(), 3).expect("memory"))];
    let before = resident_bytes();
    for (encoding, bytes) in packed {
        assert!(bytes.len() < 100_000);
        let (status, told) = answer(edge.post(bytes).header("content-encoding", encoding)).await;
        assert_eq!((status, &told["reason"]), (413, &json!("too_large")));
    }
    assert!(resident_bytes().saturating_sub(before) < 64 << 20);
    assert_eq!(answer(edge.post("x").header("content-encoding", "lzma")).await.0, 415);
    assert_eq!(answer(edge.post("no gzip").header("content-encoding", "gzip")).await.0, 400);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_batches_are_taken() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&body(vec![page_view(1)])).expect("memory");
    let gzip = gzip.finish().expect("memory");
    assert_eq!(answer(edge.post(gzip).header("content-encoding", "gzip")).await.0, 204);
    let zstd = zstd::encode_all(&body(vec![page_view(2)])[..], 3).expect("memory");
    assert_eq!(answer(edge.post(zstd).header("content-encoding", "zstd")).await.0, 204);
    assert_eq!(edge.records().len(), 2);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_events_in_one_request_is_counted_and_refused() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    // Packed, a million empty events fit a body; plain they are over its limit, and half of them are more than what arrives can
    // honestly be.
    let mut million = body(vec![]);
    let (half, sixth) = (million.len() + 3 * 500_000, million.len() + 3 * 170_000);
    for _ in 0..1_000_000 {
        million.extend_from_slice(&[0x82, 0x02, 0x00]);
    }
    let before = resident_bytes();
    for length in [million.len(), half] {
        let packed = zstd::encode_all(&million[..length], 3).expect("memory");
        let (status, told) = answer(edge.post(packed).header("content-encoding", "zstd")).await;
        assert_eq!((status, &told["reason"]), (413, &json!("too_large")));
    }
    // As many as fit a body that is not packed are counted one by one.
    million.truncate(sixth);
    let (status, told) = answer(edge.post(million)).await;
    assert_eq!((status, &told["reason"]), (413, &json!("too_large")));
    let metrics = edge.metrics().await;
    let counted = metrics.lines().find(|line| line.contains("reason=\"too_large\"")).expect("counted");
    let count: u64 = counted.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("number");
    assert!(count > 169_000, "{counted}");
    assert!(resident_bytes().saturating_sub(before) < 64 << 20);
    let (status, told) = edge.send(body(vec![Event::default(); MAX_EVENTS_PER_BATCH])).await;
    assert_eq!((status, &told["accepted"]), (200, &json!(0)));
    assert_eq!(told["dropped"].as_array().expect("list").len(), MAX_EVENTS_PER_BATCH);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_is_carried_as_it_is() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let script = "<script>alert(1)</script>";
    let document = json!({"tracking_id": SITE, "event_type": "pageview", "page_title": script,
        "page_url": format!("https://www.example.org/{script}?utm_source={script}"), "page_referrer": script});
    assert_eq!(edge.send(document.to_string()).await.0, 204);
    let event = edge.records().remove(0).events.remove(0);
    assert_eq!(
        (event.page_path.as_str(), event.source_name.as_str()),
        ("/<script>alert(1)</script>", script)
    );
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_requests_never_break_the_edge() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let inputs = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..400),
        "[{\\[]\\PC{0,100}".prop_map(String::into_bytes),
        (0_usize..200, any::<u8>()).prop_map(|(at, byte)| {
            let mut bytes = body(vec![page_view(1), page_view(2)]);
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes
        }),
    ];
    let mut runner = TestRunner::new(Cases::default());
    let generated: Vec<_> =
        (0..300).map(|_| inputs.new_tree(&mut runner).expect("generated").current()).collect();
    for bytes in generated {
        let status = answer(edge.post(bytes.clone())).await.0;
        assert!(matches!(status, 200 | 204 | 400 | 403 | 413), "{status} for {bytes:?}");
    }
    assert_eq!(edge.ask("/healthz").await.status(), 200);
    edge.stop().await;
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    status.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("pages") * 4096
}
