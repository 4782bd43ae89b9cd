//! What the edge writes into its log, at the most talkative level.

use std::net::SocketAddr;

use footfall_harness::process::Process;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::check::Place;
use crate::support::{CHROME, ORIGIN, body, page_view, policy, policy_file};

/// Where a visitor connects from who uses no proxy.
const DIRECT: &str = "127.77.66.55";
/// A visitor behind the proxy, by IPv4 and by IPv6.
const PROXIED: [&str; 2] = ["203.0.113.77", "2001:db8:77:66::55"];

/// Stands in whole requests alone.
const CLOSE: &str = "connection: close";

async fn from_direct(to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(format!("{DIRECT}:0").parse().expect("an address")).expect("an address of this machine");
    socket.connect(to).await.expect("connected")
}

/// Sends bytes, and reads to the end.
async fn exchange(mut stream: TcpStream, bytes: &[u8]) -> String {
    // The edge may have refused what it read of it.
    let _ = stream.write_all(bytes).await;
    let whole = bytes.windows(CLOSE.len()).any(|window| window == CLOSE.as_bytes());
    if !whole {
        // No more comes.
        let _ = stream.shutdown().await;
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(line: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{line} HTTP/1.1\r\nhost: x\r\n{CLOSE}\r\nuser-agent: {CHROME}\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_visitors_address_stands_in_the_log_at_any_level() {
    let place = Place::new();
    std::fs::create_dir_all(place.data()).expect("made");
    std::fs::write(policy_file(&place.data()), policy(7).encode_to_vec()).expect("written");
    let log = place.file("log");
    let mut command = place.command(
        &["--until-eof"],
        &[("FOOTFALL_LOG", "trace"), ("FOOTFALL_HTTP_TRUSTED_PROXIES", "127.0.0.1")],
    );
    let edge = Process::start(command.stderr(std::fs::File::create(&log).expect("made")));
    let address: SocketAddr =
        edge.said("http").trim_start_matches("http://").parse().expect("an address and a port");
    let origin = format!("origin: {ORIGIN}\r\n");
    let good = body(vec![page_view(1)]);
    let taken = exchange(from_direct(address).await, &request("POST /e", &origin, &good)).await;
    assert!(taken.starts_with("HTTP/1.1 204"), "{taken}");
    for bytes in [
        request("POST /e", "origin: https://elsewhere.test\r\n", &good),
        request("POST /e", &origin, b"{\"tracking_id\":\"FF-NONE\"}"),
        request("POST /e", &origin, b"rubbish"),
        request("POST /e", "content-encoding: gzip\r\n", b"rubbish"),
        request("POST /e", &format!("{origin}content-encoding: x-none\r\n"), &good),
        request("GET /p.gif?s=FF-1&u=https://www.example.org/", "", b""),
        request("GET /metrics", "", b""),
        request("GET /nothing", "", b""),
        request("PUT /e", "", b""),
        // No HTTP at all, a head that breaks off, and a body that does.
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"POST /e HTTP/1.1\r\nhost".to_vec(),
        b"POST /e HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc".to_vec(),
        b"POST /e HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec(),
        [&b"GET / HTTP/1.1\r\n"[..], &b"x: y\r\n".repeat(100), b"\r\n"].concat(),
    ] {
        exchange(from_direct(address).await, &bytes).await;
    }
    for (number, visitor) in PROXIED.into_iter().enumerate() {
        let stream = TcpStream::connect(address).await.expect("connected");
        let headers = format!("{origin}x-forwarded-for: {visitor}\r\n");
        let body = body(vec![page_view(number as u8 + 2)]);
        let taken = exchange(stream, &request("POST /e", &headers, &body)).await;
        assert!(taken.starts_with("HTTP/1.1 204"), "{taken}");
    }
    assert!(edge.finish().success());
    let said = std::fs::read_to_string(&log).expect("text");
    assert!(
        said.contains("connection ended") && said.contains("requests were refused"),
        "it is talkative: {said}"
    );
    for visitor in [DIRECT].into_iter().chain(PROXIED) {
        let told: Vec<_> = said.lines().filter(|line| line.contains(visitor)).collect();
        assert!(told.is_empty(), "{visitor}: {told:?}");
    }
}
