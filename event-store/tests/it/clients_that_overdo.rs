//! Clients that send too much, or garbage: refused, in bounded memory.

use crate::server::{Server, TIMEOUT};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

const MIB: u64 = 1 << 20;

/// What came of a request that sent far too much.
struct Flood {
    status: u16,
    /// ClickHouse's code, 0 if there is none.
    exception: i32,
    /// The most memory that the server was seen to take meanwhile, bytes.
    memory: u64,
}

/// Sends `megabytes` of one byte after a request head, and reads meanwhile, as a client does that wants to know why it is cut off.
fn flood(server: &Server, head: &str, megabytes: u64, byte: u8) -> Flood {
    let address = server.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_write_timeout(Some(TIMEOUT)).expect("set");
    stream.set_read_timeout(Some(TIMEOUT)).expect("set");
    write!(stream, "POST {head}Host: {address}\r\nContent-Length: {}\r\n\r\n", megabytes * MIB)
        .expect("sent");
    let mut memory = server.memory();
    let head = std::thread::scope(|scope| {
        let reader = stream.try_clone().expect("another handle");
        let answer = scope.spawn(|| head_of(reader));
        let piece = vec![byte; MIB as usize];
        for _ in 0..megabytes {
            memory = memory.max(server.memory());
            // The server stops reading some time after its answer.
            if stream.write_all(&piece).is_err() {
                break;
            }
        }
        answer.join().expect("no panic")
    });
    let field = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
        line.and_then(|line| line.split_once(": ")).map(|(_, value)| value.to_owned())
    };
    Flood {
        status: head
            .get(9..12)
            .and_then(|code| code.parse().ok())
            .unwrap_or_else(|| panic!("no answer: {head:?}")),
        exception: field("x-clickhouse-exception-code").map_or(0, |code| code.parse().expect("a number")),
        memory,
    }
}

/// Status line and headers of an answer.
fn head_of(stream: TcpStream) -> String {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.take_while(|line| !line.is_empty()).map(|line| line + "\n").collect()
}

#[test]
fn with_huge_statements_are_refused() {
    let server = Server::start();
    let writer =
        format!(" HTTP/1.1\r\nX-ClickHouse-User: writer\r\nX-ClickHouse-Key: {}\r\n", server.password());
    let form = "/ HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B\r\n";
    let before = server.memory();
    for (head, status, exception) in [
        ("/ HTTP/1.1\r\n".to_owned(), 413, 229),
        (format!("/{writer}"), 413, 229),
        (form.to_owned(), 413, 229),
        // No byte of these names a method of compression.
        (format!("/?decompress=1{writer}"), 500, 89),
    ] {
        for byte in [b' ', b'x', 0xff] {
            let came = flood(&server, &head, 300, byte);
            assert_eq!((came.status, came.exception), (status, exception), "{head} {byte:#x}");
            assert!(came.memory < before + 150 * MIB, "{head}: {before} grew to {}", came.memory);
        }
    }
    assert_eq!(server.curl_as_reader("", &["-d", "SELECT 1"]).body, "1\n");
}

#[test]
fn with_garbage_as_data_are_refused() {
    let server = Server::start();
    server.run("CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a");
    let before = server.memory();
    for (format, status, exception) in [
        ("CSV", 400, 27),
        ("JSONEachRow", 400, 27),
        ("Native", 500, 128),
        ("Parquet", 400, 117),
        ("RowBinaryWithNamesAndTypes", 500, 131),
    ] {
        let head = format!(
            "/?query=INSERT%20INTO%20t%20FORMAT%20{format} HTTP/1.1\r\nX-ClickHouse-User: writer\r\n\
             X-ClickHouse-Key: {}\r\n",
            server.password()
        );
        let came = flood(&server, &head, 100, 0xfe);
        assert_eq!((came.status, came.exception), (status, exception), "{format}");
        assert!(came.memory < before + 700 * MIB, "{format}: {before} grew to {}", came.memory);
    }
    assert_eq!(server.run("SELECT count() FROM t"), "0\n");
}

#[test]
fn with_endless_headers_or_no_http_are_cut_off() {
    let server = Server::start();
    let address = server.url.trim_start_matches("http://");
    for line in ["GET / HTTP/1.1\r\nHost: localhost\r\n", "\0\u{1}\u{2} nonsense\r\n", "GET /?query="] {
        let mut stream = TcpStream::connect(address).expect("connected");
        stream.set_write_timeout(Some(TIMEOUT)).expect("set");
        let mut sent = stream.write(line.as_bytes()).expect("sent");
        while let Ok(length) = stream.write(&[b"x: y\r\n".as_slice(), &[b'a'; 1000]].concat()) {
            sent += length;
            assert!(sent < 64 << 20, "it reads on for ever after {line:?}");
        }
    }
    assert_eq!(server.curl_as_reader("", &["-d", "SELECT 1"]).body, "1\n");
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
