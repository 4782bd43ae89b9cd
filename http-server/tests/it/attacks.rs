//! Clients that send or take too slowly, or nothing at all.

use std::time::Duration;

use footfall_http_server::metrics::Closed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, interval, timeout};

use crate::client::{LONG, limits, listen};

const MAX_DELAY: Duration = Duration::from_secs(4);

/// Sends `text` to its end and again from its beginning, a byte each 50 ms, until the connection ends. How long that took.
async fn trickle(client: &mut crate::client::Client, text: &[u8]) -> Duration {
    let since = Instant::now();
    let mut pace = interval(Duration::from_millis(50));
    let (mut reading, mut writing) = client.0.split();
    let ended = async { while matches!(reading.read(&mut [0; 512]).await, Ok(read) if read > 0) {} };
    let sending = async {
        for byte in text.iter().cycle() {
            pace.tick().await;
            if writing.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
    };
    timeout(LONG, async {
        tokio::select! { () = ended => (), () = sending => () }
    })
    .await
    .expect("it ends");
    since.elapsed()
}

#[tokio::test]
async fn a_connection_that_sends_nothing_is_closed() {
    let listener = listen(limits(10)).await;
    let mut client = listener.client().await;
    let open = client.closed_after().await;
    assert!((Duration::from_millis(1500)..MAX_DELAY).contains(&open), "{open:?}");
    assert_eq!(listener.metrics.count_closed(Closed::Idle), 1);
    assert!(listener.answers(1).await);
}

#[tokio::test]
async fn so_is_one_whose_head_trickles_and_one_that_is_quiet_after_an_answer() {
    let listener = listen(limits(10)).await;
    let mut slow = listener.client().await;
    slow.send("GET / HTTP/1.1\r\n").await;
    let open = trickle(&mut slow, b"x: y\r\n").await;
    assert!(open < MAX_DELAY, "each byte would have begun the deadline anew: {open:?}");
    assert_eq!(listener.metrics.count_closed(Closed::Head), 1);

    let mut quiet = listener.client().await;
    quiet.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(quiet.status().await, Some(200));
    assert!(quiet.closed_after().await < MAX_DELAY);
    assert_eq!(listener.metrics.count_closed(Closed::Idle), 1);
}

#[tokio::test]
async fn a_body_that_stalls_or_trickles_is_told_so_and_its_connection_closed() {
    let listener = listen(limits(10)).await;
    let head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n";
    let mut stalls = listener.client().await;
    stalls.send(head).await;
    assert_eq!(stalls.status().await, Some(408));
    assert!(stalls.closed_after().await < MAX_DELAY);

    let mut trickles = listener.client().await;
    trickles.send(head).await;
    let open = trickle(&mut trickles, b"x").await;
    assert!(open < MAX_DELAY, "{open:?}");
    assert_eq!(listener.metrics.count_closed(Closed::Body), 2);
}

#[tokio::test]
async fn a_slow_body_above_the_rate_is_taken_for_as_long_as_it_takes() {
    let listener = listen(limits(10)).await;
    let mut client = listener.client().await;
    client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 12288\r\n\r\n").await;
    let mut pace = interval(Duration::from_millis(500));
    for _ in 0..12 {
        pace.tick().await;
        client.send(&"x".repeat(1024)).await;
    }
    assert_eq!(client.status().await, Some(200));
}

#[tokio::test]
async fn whoever_does_not_take_an_answer_is_closed() {
    let listener = listen(limits(10)).await;
    let mut client = listener.client().await;
    client.send("GET /much HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(client.status().await, Some(200));
    closed_for_reading(&listener.metrics, 1).await;

    let mut pipelines = listener.client().await;
    let many = "GET /much HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    pipelines.send(&many).await;
    closed_for_reading(&listener.metrics, 2).await;
    assert!(listener.answers(1).await);
}

async fn closed_for_reading(metrics: &footfall_http_server::Metrics, times: u64) {
    let closed = async {
        let mut pace = interval(Duration::from_millis(20));
        while metrics.count_closed(Closed::Reading) < times {
            pace.tick().await;
        }
    };
    timeout(MAX_DELAY, closed).await.expect("the client is given up");
}

#[tokio::test]
async fn a_stream_lives_as_long_as_its_heartbeats_are_taken() {
    let listener = listen(limits(10)).await;
    let mut client = listener.client().await;
    client.send("GET /beats HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let since = Instant::now();
    while since.elapsed() < MAX_DELAY {
        assert!(client.0.read(&mut [0; 512]).await.expect("alive") > 0, "{:?}", since.elapsed());
    }
}

#[tokio::test]
async fn a_stop_ends_what_does_not_end_by_itself() {
    let listener = listen(limits(10)).await;
    let mut client = listener.client().await;
    client.send("GET /beats HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(client.status().await, Some(200));
    listener.stop.cancel();
    client.closed_after().await;
    timeout(LONG, listener.task).await.expect("the listener has ended").expect("without a panic");
}
