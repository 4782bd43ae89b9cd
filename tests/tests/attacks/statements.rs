//! What a caller without the password may ask of the event store to keep others from it.

use std::time::{Duration, Instant};

use footfall_tests::http::client;
use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};

use crate::Target;
use crate::sockets::connect;

/// Results as large as there are any, which nobody reads.
pub(crate) async fn unread(target: &Target) -> String {
    let statement = "SELECT+repeat('x',1000)+FROM+numbers(100000000)";
    let request = format!("GET /?query={statement} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    hold(target, 64, &request).await
}

/// Statements whose last byte never comes.
pub(crate) async fn half_sent(target: &Target) -> String {
    let request = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nSELECT 1".to_owned();
    hold(target, 300, &request).await
}

async fn hold(target: &Target, count: usize, request: &str) -> String {
    let mut held = Vec::new();
    for number in 0..count {
        let Some(mut stream) = connect(number, &target.store).await else { continue };
        if stream.write_all(request.as_bytes()).await.is_ok() {
            held.push(stream);
        }
    }
    sleep(target.lasts).await;
    format!("{} connections", held.len())
}

/// Settings that end a process, fill it or keep it, each again and again.
pub(crate) async fn hostile(target: &Target) -> String {
    let http = client().build().expect("a plain client");
    let deep = format!("SELECT {}1{}", "(".repeat(990), ")".repeat(990));
    let wide = "SELECT repeat('x', 1000000) FROM numbers(1000) FORMAT JSON".to_owned();
    let asked = [
        ("max_parser_depth=10000000&max_parser_backtracks=10000000", deep.clone()),
        ("max_parser_depth=10000000", format!("SELECT {}1{}", "[".repeat(100_000), "]".repeat(100_000))),
        ("", deep),
        ("max_result_bytes=0", wide.clone()),
        ("", wide),
        ("max_memory_usage=0&max_threads=100000", "SELECT count() FROM numbers_mt(100000000000)".to_owned()),
        ("send_logs_source_regexp=x", "SELECT sleepEachRow(1) FROM numbers(10)".to_owned()),
    ];
    let until = Instant::now() + target.lasts;
    let (mut times, mut refused) = (0, 0);
    while times == 0 || Instant::now() < until {
        for (settings, statement) in &asked {
            let request = http.post(format!("http://{}/?{settings}", target.store)).body(statement.clone());
            // One that runs on is left: its end is the store's to bring about.
            let answer = timeout(Duration::from_secs(1), request.send()).await;
            refused += u32::from(matches!(answer, Ok(Ok(answer)) if !answer.status().is_success()));
            times += 1;
        }
    }
    format!("{times} statements, {refused} refused")
}
