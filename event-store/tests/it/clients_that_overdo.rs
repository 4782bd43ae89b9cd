//! Clients that send too much, or garbage: refused, in bounded memory.

use crate::server::{PATIENCE, Server};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

const MIB: u64 = 1 << 20;

/// Sends `megabytes` of one byte after a request head; gives what came back and the most memory seen meanwhile.
fn flood(server: &Server, head: &str, megabytes: u64, byte: u8) -> (String, u64) {
    let address = server.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_write_timeout(Some(PATIENCE)).expect("set");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    write!(stream, "POST {head}Host: {address}\r\nContent-Length: {}\r\n\r\n", megabytes * MIB)
        .expect("sent");
    let piece = vec![byte; MIB as usize];
    let mut most = server.memory();
    for _ in 0..megabytes {
        most = most.max(server.memory());
        if stream.write_all(&piece).is_err() {
            break;
        }
    }
    let mut said = String::new();
    let mut reply = stream.take(64 << 10);
    match reply.read_to_string(&mut said) {
        Ok(_) => {}
        Err(error) if [ErrorKind::ConnectionReset, ErrorKind::WouldBlock].contains(&error.kind()) => {}
        Err(error) => panic!("{error}"),
    }
    (said, most)
}

#[test]
fn with_huge_statements_are_refused() {
    let server = Server::start();
    let writer =
        format!(" HTTP/1.1\r\nX-ClickHouse-User: writer\r\nX-ClickHouse-Key: {}\r\n", server.password());
    let form = "/ HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B\r\n";
    let before = server.memory();
    for head in [
        "/ HTTP/1.1\r\n".to_owned(),
        format!("/{writer}"),
        form.to_owned(),
        format!("/?decompress=1{writer}"),
    ] {
        for byte in [b' ', b'x', 0xff] {
            let (said, most) = flood(&server, &head, 300, byte);
            assert!(
                said.is_empty() || said.starts_with("HTTP/1.1 4") || said.starts_with("HTTP/1.1 5"),
                "{said}"
            );
            assert!(most < before + 150 * MIB, "{head}: {before} grew to {most}");
        }
    }
    assert_eq!(server.anyone("", &["-d", "SELECT 1"]).body, "1\n");
}

#[test]
fn with_garbage_as_data_are_refused() {
    let server = Server::start();
    server.run("CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a");
    let before = server.memory();
    for format in ["CSV", "JSONEachRow", "Native", "Parquet", "RowBinaryWithNamesAndTypes"] {
        let head = format!(
            "/?query=INSERT%20INTO%20t%20FORMAT%20{format} HTTP/1.1\r\nX-ClickHouse-User: writer\r\n\
             X-ClickHouse-Key: {}\r\n",
            server.password()
        );
        let (said, most) = flood(&server, &head, 100, 0xfe);
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 4") || said.starts_with("HTTP/1.1 5"),
            "{format}: {said}"
        );
        assert!(most < before + 700 * MIB, "{format}: {before} grew to {most}");
    }
    assert_eq!(server.run("SELECT count() FROM t"), "0\n");
}

#[test]
fn with_endless_headers_or_no_http_are_cut_off() {
    let server = Server::start();
    let address = server.url.trim_start_matches("http://");
    for line in ["GET / HTTP/1.1\r\nHost: localhost\r\n", "\0\u{1}\u{2} nonsense\r\n", "GET /?query="] {
        let mut stream = TcpStream::connect(address).expect("connected");
        stream.set_write_timeout(Some(PATIENCE)).expect("set");
        let mut sent = stream.write(line.as_bytes()).expect("sent");
        while let Ok(length) = stream.write(&[b"x: y\r\n".as_slice(), &[b'a'; 1000]].concat()) {
            sent += length;
            assert!(sent < 64 << 20, "it reads on for ever after {line:?}");
        }
    }
    assert_eq!(server.anyone("", &["-d", "SELECT 1"]).body, "1\n");
}

#[test]
fn with_a_long_insert_keep_the_server_small() {
    let server = Server::start();
    server.run("CREATE TABLE t (a UInt64, b String) ENGINE = Null");
    let head = format!(
        "/?query=INSERT%20INTO%20t%20(b)%20FORMAT%20LineAsString HTTP/1.1\r\nX-ClickHouse-User: writer\r\n\
         X-ClickHouse-Key: {}\r\nConnection: close\r\n",
        server.password()
    );
    let before = server.memory();
    // One line of 1000 bytes, a million times: 1 GB.
    let address = server.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("connected");
    let line = [vec![b'x'; 999], vec![b'\n']].concat().repeat(1000);
    write!(stream, "POST {head}Host: {address}\r\nContent-Length: {}\r\n\r\n", line.len() * 1000)
        .expect("sent");
    let mut most = before;
    for _ in 0..1000 {
        stream.write_all(&line).expect("taken");
        most = most.max(server.memory());
    }
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("answered");
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    assert!(most < before + 900 * MIB, "{before} grew to {most}");
}
