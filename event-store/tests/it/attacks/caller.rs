//! One request over a connection of its own, byte by byte as a test wants it.

use crate::server::{Response, Server, TIMEOUT};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How soon the owner is answered, whatever others do.
pub(super) const AT_ONCE: Duration = Duration::from_secs(1);

/// A connection on which a request with this head and body was sent; `length` is what the head says of the body.
pub(super) fn begun(server: &Server, head: &str, body: &[u8], length: usize) -> TcpStream {
    let address = server.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(TIMEOUT)).expect("set");
    stream.set_write_timeout(Some(TIMEOUT)).expect("set");
    let head =
        format!("POST /{head}\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).expect("sent");
    stream
}

/// The same, whole.
pub(super) fn sent(server: &Server, head: &str, body: &[u8]) -> TcpStream {
    begun(server, head, body, body.len())
}

/// The answer to a request without password.
pub(super) fn ask(server: &Server, query: &str, body: &[u8]) -> Response {
    answer(sent(server, &format!("{query} HTTP/1.1"), body))
}

/// The same as a form with these fields.
pub(super) fn ask_by_form(server: &Server, fields: &[(&str, &str)]) -> Response {
    let parts = fields.iter().map(|(name, value)| {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    });
    let form = parts.chain(["--B--\r\n".to_owned()]).collect::<Vec<_>>().concat();
    let head = " HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B";
    answer(sent(server, head, form.as_bytes()))
}

/// The head of a request with the password.
pub(super) fn owners(server: &Server, query: &str) -> String {
    format!("{query} HTTP/1.1\r\nX-ClickHouse-User: writer\r\nX-ClickHouse-Key: {}", server.password())
}

/// Reads an answer to its end; no answer has status 0.
pub(super) fn answer(mut stream: TcpStream) -> Response {
    let mut bytes = Vec::new();
    // What came before a connection broke off is the answer.
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
    let headers = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = headers.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0);
    let bytes = bytes.split_off(end);
    Response { status, headers, body: String::from_utf8_lossy(&bytes).into_owned(), bytes, code: None }
}

/// The URL's form of a text.
pub(super) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// That the store lives, and answers everybody within a second.
pub(super) fn assert_lives(server: &Server, after: &str) {
    let asked = Instant::now();
    let said = ask(server, "", b"SELECT 1");
    assert_eq!((said.status, said.body.as_str().contains('1')), (200, true), "after {after}: {}", said.body);
    assert!(asked.elapsed() < AT_ONCE, "after {after}: answered in {:?}", asked.elapsed());
}
