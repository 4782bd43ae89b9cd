//! Clients that go away: what they asked for ends, and nothing half-sent is kept.

use crate::server::{Server, lines, wait_until};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How soon a query has gone after its client: some hundredths of a second, unless the machine is busy.
const PROMPTLY: Duration = Duration::from_secs(5);

fn send(server: &Server, head: &str, body: &[u8]) -> TcpStream {
    let address = server.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("connected");
    let key = format!("X-ClickHouse-User: writer\r\nX-ClickHouse-Key: {}", server.password());
    let head = format!("POST {head} HTTP/1.1\r\nHost: {address}\r\n{key}\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    stream.write_all(body).expect("sent");
    stream
}

/// Statements that run, this one not counted.
fn running(server: &Server) -> usize {
    let sql = "SELECT count() FROM system.processes WHERE query NOT LIKE '%system.processes%'";
    server.run(sql).trim().parse().expect("a number")
}

fn settled(server: &Server, expected: usize) {
    wait_until("the statements to settle", || (running(server) == expected).then_some(()));
}

#[test]
fn before_the_answer_have_their_query_cancelled() {
    let server = Server::start();
    for format in ["TSV", "JSON"] {
        let sql = format!("SELECT sum(cityHash64(number)) FROM numbers(1000000000000) FORMAT {format}");
        let stream = send(&server, "/", format!("Content-Length: {}\r\n\r\n{sql}", sql.len()).as_bytes());
        settled(&server, 1);
        drop(stream);
        let left = Instant::now();
        settled(&server, 0);
        assert!(left.elapsed() < PROMPTLY, "{format}: {:?}", left.elapsed());
    }
}

#[test]
fn may_let_their_query_go_on() {
    let server = Server::start();
    let sql = "SELECT sleepEachRow(0.5) FROM numbers(10) SETTINGS max_block_size = 1, log_comment = 'goes on' FORMAT JSON";
    let head = "/?cancel_http_readonly_queries_on_client_close=0";
    let stream = send(&server, head, format!("Content-Length: {}\r\n\r\n{sql}", sql.len()).as_bytes());
    settled(&server, 1);
    drop(stream);
    let listed = "SELECT toUInt64(sum(elapsed) * 1000) FROM system.processes WHERE Settings['log_comment'] = 'goes on'";
    let mut longest = 0;
    wait_until("the query to end by itself", || {
        let elapsed: u64 = server.run(listed).trim().parse().expect("a number");
        longest = longest.max(elapsed);
        (elapsed == 0).then_some(())
    });
    assert!(longest > 2_000, "it was seen for {longest} ms only");
}

#[test]
fn amid_the_answer_have_their_query_cancelled() {
    let server = Server::start();
    let sql = "SELECT number, repeat('x', 1000) FROM numbers(1000000000)";
    let mut stream = send(&server, "/", format!("Content-Length: {}\r\n\r\n{sql}", sql.len()).as_bytes());
    let mut buffer = vec![0; 1 << 20];
    stream.read_exact(&mut buffer).expect("it streams");
    settled(&server, 1);
    drop(stream);
    settled(&server, 0);
}

#[test]
fn amid_an_insert_leave_nothing_behind() {
    let server = Server::start();
    server.run("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
    let query = "/?query=INSERT%20INTO%20t%20FORMAT%20TSV";
    let rows = lines(200_000);
    let chunk = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{rows}\r\n", rows.len());
    let announced = format!("Content-Length: {}\r\n\r\n{rows}", rows.len() + 1);
    for body in [chunk, announced] {
        let stream = send(&server, query, body.as_bytes());
        settled(&server, 1);
        drop(stream);
        settled(&server, 0);
        assert_eq!(server.run("SELECT count() FROM t"), "0\n");
    }
    let whole = server.curl("?query=INSERT%20INTO%20t%20FORMAT%20TSV", &["--data-binary", &rows[..1000]]);
    assert_eq!(whole.status, 200);
}
