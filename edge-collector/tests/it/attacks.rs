//! What strangers did to make an edge refuse others, kept so that it stays mended.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use footfall_proto::beacon::Event;
use footfall_proto::limits::MAX_BODY_BYTES;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::{RunningEdge, answer, body, config, eventually, folder, page_view};

/// More than the budget of all bodies, had it to be set aside for what they announce.
const ANNOUNCERS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_announced_and_never_sent_refuse_nobody() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let address = edge.url.trim_start_matches("http://").to_owned();
    let head = format!("POST /e HTTP/1.1\r\nhost: x\r\ncontent-length: {MAX_BODY_BYTES}\r\n\r\n");
    let mut announcers = Vec::new();
    for _ in 0..ANNOUNCERS {
        let mut stream = TcpStream::connect(&address).await.expect("connected");
        stream.write_all(head.as_bytes()).await.expect("sent");
        announcers.push(stream);
    }
    eventually("all are being read", async || {
        usize::try_from(edge.edge.telemetry.connections.get()).is_ok_and(|count| count >= ANNOUNCERS)
    })
    .await;
    for id in 1..=139 {
        assert_eq!(edge.send(body(vec![page_view(id)])).await.0, 204, "event {id}");
    }
    assert_eq!(edge.edge.body_memory.held(), 0);
    drop(announcers);
    edge.stop().await;
}

/// What 2 MB of `[],[],…` are in gzip, and in Brotli: two kilobytes and a few dozen bytes.
fn bombs() -> [(&'static str, Vec<u8>); 2] {
    let plain = [br#"{"tracking_id":"FF-1","events":["#, &b"[],".repeat(690_000)[..], b"[]]}"].concat();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&plain).expect("memory");
    let mut brotli = Vec::new();
    brotli::CompressorWriter::new(&mut brotli, 4096, 11, 22).write_all(&plain).expect("memory");
    [("gzip", gzip.finish().expect("memory")), ("br", brotli)]
}

/// The shortest time in which a request is answered, of many: what the machine does beside it does not shorten it.
async fn shortest(answered: impl AsyncFn()) -> Duration {
    let mut shortest = Duration::MAX;
    for _ in 0..20 {
        let begun = Instant::now();
        answered().await;
        shortest = shortest.min(begun.elapsed());
    }
    shortest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_body_costs_about_as_much_as_any_other_whatever_it_expands_to() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let ordinary = body((1..=50).map(page_view).collect());
    let ordinary = shortest(async || drop(edge.send(ordinary.clone()).await)).await;
    for (encoding, bomb) in bombs() {
        assert!(bomb.len() < 4_096, "{encoding}: {}", bomb.len());
        let refused = shortest(async || {
            let (status, told) = answer(edge.post(bomb.clone()).header("content-encoding", encoding)).await;
            assert_eq!((status, told["reason"].as_str()), (413, Some("too_large")), "{encoding}");
        })
        .await;
        assert!(refused < 25 * ordinary, "{encoding}: {refused:?}, fifty events: {ordinary:?}");
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heavy_bodies_wait_for_threads_of_their_own_and_light_ones_for_none() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let packed = |id| zstd::encode_all(&body(vec![page_view(id)])[..], 3).expect("memory");
    let large = |id| {
        let event = Event { event_label: "x".repeat(500), ..page_view(id) };
        body(
            (0..40)
                .map(|number| Event { event_id: [id, number + 1].repeat(8).into(), ..event.clone() })
                .collect(),
        )
    };
    let post_packed =
        async |id| edge.post(packed(id)).header("content-encoding", "zstd").send().await.expect("answered");
    assert_eq!(post_packed(1).await.status(), 204);
    assert_eq!(edge.send(large(2)).await.0, 204);
    // Every thread is busy, and as many bodies wait as may.
    let mut gates = Vec::new();
    let mut busy = JoinSet::new();
    loop {
        let (gate, opened) = std::sync::mpsc::channel::<()>();
        let (edge, begun) = (Arc::clone(&edge.edge), Arc::new(Notify::new()));
        let ended = Arc::clone(&begun);
        busy.spawn(async move {
            let full = edge.decoding.run(move || opened.recv().is_err()).await.is_err();
            if full {
                ended.notify_one();
            }
            full
        });
        gates.push(gate);
        if tokio::time::timeout(Duration::from_millis(100), begun.notified()).await.is_ok() {
            break;
        }
        assert!(gates.len() < 1_000, "there is no bound");
    }
    for (refused, id) in [(post_packed(3).await, 3), (edge.post(large(4)).send().await.expect("answered"), 4)]
    {
        assert_eq!(refused.status(), 503, "{id}");
        assert!(refused.headers().contains_key("retry-after"));
    }
    for id in 5..=60 {
        assert_eq!(edge.send(body(vec![page_view(id)])).await.0, 204, "a light body");
    }
    drop(gates);
    while busy.join_next().await.is_some() {}
    assert_eq!(post_packed(3).await.status(), 204);
    assert_eq!(edge.send(large(4)).await.0, 204);
    assert_eq!(edge.edge.body_memory.held(), 0);
    edge.stop().await;
}
