//! Rubbish, bombs and strangers at the edge's door: each gets a clear answer and a count; none gets memory or a panic.

use std::io::Write;

use footfall_proto::beacon::BeaconEnvelope;
use footfall_proto::limits::MAX_EVENTS_PER_BATCH;
use footfall_tests::cluster::{CATCH_UP, Cluster, cluster};
use footfall_tests::event::{self, BROWSER};
use footfall_tests::random::Random;
use footfall_tests::run::resident_bytes;
use footfall_tests::wait::until;
use prost::Message;
use serde_json::Value;
use uuid::Uuid;

/// What all the bad input together may add to the edge's memory, bytes.
const MEMORY: u64 = 64 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_gets_an_answer_a_count_and_no_memory() {
    let cluster = cluster().start().await;
    let health = cluster.run().urls.edge_health.clone();
    let good = event::beacon_batch(
        &cluster.run().tracking_id,
        &[Uuid::now_v7(), Uuid::now_v7()],
        "https://127.0.0.1/x",
    );
    // Warm: threads, tables and buffers of ordinary work are there before memory is compared.
    for _ in 0..200 {
        cluster
            .post(event::beacon_batch(
                &cluster.run().tracking_id,
                &[Uuid::now_v7()],
                "https://127.0.0.1/warm",
            ))
            .await;
    }
    let before = resident_bytes(cluster.now().pids.edge);

    random_bytes(&cluster).await;
    truncated(&cluster, &good).await;
    oversized(&cluster).await;
    bombs(&cluster).await;
    empty_events(&cluster).await;
    strangers(&cluster).await;
    odd_requests(&cluster).await;

    for reason in ["undecodable", "unknown_site", "origin", "invalid", "too_large"] {
        let label = format!("reason=\"{reason}\"");
        let count = cluster.metric(&health, "footfall_edge_events_dropped_total", &[&label]).await;
        assert!(count >= 1.0, "no drop was counted as {reason}");
    }
    for status in ["400", "403", "405", "413", "415"] {
        let count =
            cluster.metric(&health, "footfall_edge_answers_total", &[&format!("status=\"{status}\"")]).await;
        assert!(count >= 1.0, "no answer was counted as {status}");
    }
    let after = resident_bytes(cluster.now().pids.edge);
    assert!(after < before + MEMORY, "the edge grew from {before} to {after} bytes");
    let honest = event::beacon_batch(&cluster.run().tracking_id, &[Uuid::now_v7()], "https://127.0.0.1/x");
    assert_eq!(cluster.post(honest).await.status(), 204, "an honest batch still passes");
    cluster.finish().await;
}

/// What the edge must answer: bytes that are no batch at all are 400, a batch whose site is unknown is 403.
fn expected(body: &[u8]) -> (u16, &'static str) {
    match BeaconEnvelope::decode(body) {
        Ok(_) => (403, "unknown_site"),
        Err(_) => (400, "undecodable"),
    }
}

async fn refused(cluster: &Cluster, body: Vec<u8>) -> (u16, String) {
    let answer = cluster.post(body).await;
    let reason =
        answer.headers().get("x-footfall-reason").map(|reason| reason.to_str().expect("text").to_owned());
    (answer.status().as_u16(), reason.unwrap_or_default())
}

async fn random_bytes(cluster: &Cluster) {
    let mut random = Random::told("bad input");
    for _ in 0..300 {
        let length = 1 + random.below(2000) as usize;
        let body = random.bytes(length);
        let (status, reason) = expected(&body);
        assert_eq!(refused(cluster, body.clone()).await, (status, reason.to_owned()), "{body:?}");
        // The same as a field that no version of the protocol has: a batch, of nobody.
        let mut unknown = vec![0x8a, 0x7d, (length & 0x7f | 0x80) as u8, (length >> 7) as u8];
        unknown.extend(body);
        assert_eq!(refused(cluster, unknown).await, (403, "unknown_site".to_owned()));
    }
}

async fn truncated(cluster: &Cluster, good: &[u8]) {
    let mut whole = 0;
    for end in 1..good.len() {
        // Cut between two fields it is a batch with fewer events, and cut anywhere else it is none.
        let is_batch = BeaconEnvelope::decode(&good[..end]).is_ok();
        whole += usize::from(is_batch);
        let status = if is_batch { 204 } else { 400 };
        assert_eq!(cluster.post(good[..end].to_vec()).await.status(), status, "cut at {end}");
    }
    // Behind the tracking id, the five other fields of the batch, and the first of its two events.
    assert_eq!(whole, 7);
    let json =
        event::batch(&cluster.run().tracking_id, &[event::page_view(Uuid::now_v7(), "https://127.0.0.1/x")]);
    for end in 1..json.len() - 1 {
        assert_eq!(cluster.post(json[..end].to_owned()).await.status(), 400, "cut at {end}");
    }
    for (nonsense, status) in [
        ("{", 400),
        ("[", 400),
        ("{}", 403),
        ("[]", 403),
        ("[[[[", 400),
        ("{\"tracking_id\":7}", 403),
        ("null", 400),
        ("{\"events\":{}}", 400),
    ] {
        assert_eq!(cluster.post(nonsense).await.status(), status, "{nonsense}");
    }
    let deep = "[".repeat(400_000);
    assert_eq!(cluster.post(deep).await.status(), 400, "nesting without end");
}

async fn oversized(cluster: &Cluster) {
    let url = format!("{}/e", cluster.run().urls.edge);
    // With a length, and without one: the edge reads what a sender may still have under way, keeps none of it, and says why.
    let told = cluster.http().post(&url).body(vec![b'x'; 10 << 20]).send().await;
    assert_eq!(told.expect("the edge answers").status(), 413);
    let pieces = futures_of(160, 64 << 10);
    let untold = cluster.http().post(&url).body(reqwest::Body::wrap_stream(pieces)).send().await;
    assert_eq!(untold.expect("the edge answers").status(), 413);
}

fn futures_of(
    count: usize,
    size: usize,
) -> impl futures_util::Stream<Item = Result<Vec<u8>, std::io::Error>> {
    futures_util::stream::iter((0..count).map(move |_| Ok(vec![b'x'; size])))
}

async fn bombs(cluster: &Cluster) {
    let zeros = vec![0_u8; 200 << 20];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&zeros).expect("memory");
    let gzip = gzip.finish().expect("memory");
    assert!(gzip.len() < 400 << 10, "the bomb must pass the first limit");
    assert_eq!(encoded(cluster, "gzip", gzip).await, 413);
    let zstd = zstd::encode_all(&zeros[..], 19).expect("memory");
    assert_eq!(encoded(cluster, "zstd", zstd).await, 413);
    assert_eq!(encoded(cluster, "gzip", vec![0x1f, 0x8b, 8, 0, 0, 0]).await, 400, "a cut stream");
    assert_eq!(encoded(cluster, "br", vec![0xff; 64]).await, 400, "no stream at all");
    assert_eq!(encoded(cluster, "compress", vec![1, 2, 3]).await, 415, "no encoding that the edge undoes");
}

async fn encoded(cluster: &Cluster, encoding: &str, body: Vec<u8>) -> u16 {
    let request = cluster.http().post(format!("{}/e", cluster.run().urls.edge)).header("user-agent", BROWSER);
    request
        .header("content-encoding", encoding)
        .body(body)
        .send()
        .await
        .expect("the edge answers")
        .status()
        .as_u16()
}

/// A million events of no bytes each: as protobuf that is 3 MB, as gzip a few kilobytes.
async fn empty_events(cluster: &Cluster) {
    let tracking_id = cluster.run().tracking_id.as_bytes();
    let mut batch = vec![0x0a, tracking_id.len() as u8];
    batch.extend(tracking_id);
    // Field 32, wire type 2, length 0.
    batch.extend([0x82, 0x02, 0x00].repeat(1_000_000));
    let plain = cluster.post(batch.clone()).await.status().as_u16();
    assert_eq!(plain, 413);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&batch).expect("memory");
    assert_eq!(encoded(cluster, "gzip", gzip.finish().expect("memory")).await, 413);
    // Few enough bytes, too many events; and as many events as one request may carry, each of them dropped with its reason.
    let events = |count: usize| batch[..2 + tracking_id.len() + 3 * count].to_vec();
    assert_eq!(cluster.post(events(100_000)).await.status(), 413);
    assert_eq!(cluster.post(events(MAX_EVENTS_PER_BATCH + 1)).await.status(), 413);
    let answer = cluster.post(events(MAX_EVENTS_PER_BATCH)).await;
    assert_eq!(answer.status(), 200);
    let value: Value = serde_json::from_str(&answer.text().await.expect("a whole answer")).expect("JSON");
    assert_eq!(value["accepted"], 0);
    let dropped = value["dropped"].as_array().expect("a list");
    assert_eq!(dropped.len(), MAX_EVENTS_PER_BATCH);
    assert!(dropped.iter().all(|event| event["reason"] == "invalid"), "{value}");
}

async fn strangers(cluster: &Cluster) {
    let view = || event::page_view(Uuid::now_v7(), "https://127.0.0.1/x");
    let answer = cluster.post(event::batch("FF-NOBODY", &[view(), view()])).await;
    assert_eq!(answer.status(), 403);
    let value: Value = serde_json::from_str(&answer.text().await.expect("a whole answer")).expect("JSON");
    assert_eq!(value["reason"], "unknown_site");
    for origin in
        ["https://evil.example", "http://127.0.0.1.evil.example", "null", "https://localhost.evil.example"]
    {
        let request = cluster.http().post(format!("{}/e", cluster.run().urls.edge)).header("origin", origin);
        let body = event::batch(&cluster.run().tracking_id, &[view()]);
        let answer = request.header("user-agent", BROWSER).body(body).send().await.expect("the edge answers");
        assert_eq!(answer.status(), 403, "{origin}");
        assert!(
            answer.headers().get("access-control-allow-origin").is_none(),
            "{origin} may read the answer"
        );
    }
    // The operator reads in the edge's log whom it refused.
    for told in [
        ["reason=\"unknown_site\"", "site=FF-NOBODY", "origin=-"],
        ["reason=\"origin\"", "site=FF-DEMO-1", "origin=https://evil.example"],
    ] {
        until("the log names who was refused", CATCH_UP, || async {
            let lines = cluster.log_lines("requests were refused");
            lines.iter().any(|line| told.iter().all(|part| line.contains(part))).then_some(())
        })
        .await;
    }
}

async fn odd_requests(cluster: &Cluster) {
    let edge = &cluster.run().urls.edge;
    let get = async |path: &str| {
        cluster.http().get(format!("{edge}{path}")).send().await.expect("the edge answers").status().as_u16()
    };
    assert_eq!(get("/nowhere").await, 404);
    assert_eq!(get("/e").await, 405);
    assert_eq!(get("/..%2f..%2fetc%2fpasswd").await, 404);
    assert_eq!(get(&format!("/p.gif?{}", "x=1&".repeat(10_000))).await, 431, "a query without end");
}
