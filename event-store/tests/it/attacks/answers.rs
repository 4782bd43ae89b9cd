//! Answers that are far longer than what they are made from.

use super::caller::{AT_ONCE, answer, assert_lives, sent};
use crate::server::{Folder, Server};
use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

/// A column that is one value in memory, a gigabyte written.
const CONSTANT: &str = "SELECT repeat('x', 1000000) FROM numbers(1000)";

fn small() -> Server {
    Folder::new().start_with(&["--max-memory", "2147483648"])
}

/// Reads to the end; gives the bytes that came and the most memory that the server was seen to take meanwhile.
fn drained(server: &Server, mut stream: TcpStream) -> (u64, u64, String) {
    let (mut bytes, mut memory, mut end) = (0, 0, Vec::new());
    let mut piece = vec![0; 4 << 20];
    while let Ok(length @ 1..) = stream.read(&mut piece) {
        bytes += length as u64;
        memory = memory.max(server.memory());
        end.extend_from_slice(&piece[..length]);
        end.drain(..end.len().saturating_sub(4000));
    }
    (bytes, memory, String::from_utf8_lossy(&end).into_owned())
}

#[test]
fn made_whole_are_refused_beyond_their_bound() {
    let server = small();
    for format in ["JSON", "JSONCompact", "XML", "Pretty", "Vertical", "Values", "Markdown", "JSONColumns"] {
        for query in ["", "?compress=1", "?wait_end_of_query=1"] {
            for encoding in ["identity", "gzip", "br"] {
                let before = server.memory();
                let head = format!("{query} HTTP/1.1\r\nAccept-Encoding: {encoding}");
                let sql = format!("{CONSTANT} FORMAT {format}");
                let (bytes, memory, end) = drained(&server, sent(&server, &head, sql.as_bytes()));
                assert!(bytes < 64 * MIB, "{format} {query} {encoding}: {bytes} bytes");
                assert!(
                    end.contains("396") || end.contains("241"),
                    "{format} {query} {encoding}: {end:.300}"
                );
                assert!(memory < before + 600 * MIB, "{format}: {before} grew to {memory}");
            }
        }
    }
    // What the engine counts as small and what is written large: the bound is the text's.
    let sql = "SELECT '' AS a, repeat('\\0', 100000) AS b FROM numbers(300) FORMAT JSON";
    let said = answer(sent(&server, " HTTP/1.1", sql.as_bytes()));
    assert!([396, 241].contains(&said.exception()), "{:.300}", said.body);
    assert_lives(&server, "long answers");
}

#[test]
fn that_stream_end_at_their_bound_with_the_reason() {
    let server = Folder::new().start_with(&["--max-memory", "8589934592"]);
    for (query, sql) in [
        ("", "SELECT repeat('x', 100000) FROM numbers(100000000) SETTINGS max_block_size = 100"),
        ("", "SELECT number, repeat('x', 1000) FROM numbers(1000000000)"),
        ("?wait_end_of_query=1", "SELECT number, repeat('x', 1000) FROM numbers(1000000000)"),
        ("?default_format=JSONEachRow", "SELECT number, repeat('x', 1000) FROM numbers(1000000000)"),
    ] {
        let before = server.memory();
        let (bytes, memory, end) =
            drained(&server, sent(&server, &format!("{query} HTTP/1.1"), sql.as_bytes()));
        assert!(bytes < 257 * MIB + 4 * MIB, "{query} {sql}: {bytes} bytes");
        assert!(end.contains("396") && end.contains("__exception__"), "{query} {sql}: {end:.300}");
        assert!(memory < before + 900 * MIB, "{sql}: {before} grew to {memory}");
    }
    assert_lives(&server, "endless answers");
}

#[test]
fn that_nobody_reads_do_not_pile_up() {
    let server = Folder::new().start_with(&["--readers", "2"]);
    let before = server.memory();
    // Sixty whole answers of 60 MB, asked for one after the other.
    let sql = "SELECT repeat('x', 60000) FROM numbers(1000) FORMAT JSON";
    let (mut unread, mut most, mut begun) = (Vec::new(), 0, Instant::now());
    while unread.len() < 60 || begun.elapsed() < Duration::from_secs(5) {
        if unread.len() < 60 && begun.elapsed() > Duration::from_millis(200) {
            unread.push(sent(&server, " HTTP/1.1", sql.as_bytes()));
            begun = Instant::now();
        }
        most = most.max(server.memory());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(most < before + 900 * MIB, "{before} grew to {most}");
    // Other strangers wait for a share; the owner does not.
    let asked = Instant::now();
    assert_eq!(server.run("SELECT 1"), "1\n");
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    println!("{} MiB at most", (most - before) >> 20);
    drop(unread);
}

#[test]
fn that_were_given_up_are_never_taken_for_whole() {
    let server = small();
    let sql = "SELECT number, repeat('x', 1000) FROM numbers(200000)";
    let mut stream = sent(&server, " HTTP/1.1", sql.as_bytes());
    // It reads on after its time is over.
    let mut bytes = vec![0; 1000];
    stream.read_exact(&mut bytes).expect("it begins");
    let begun = Instant::now();
    while begun.elapsed().as_secs() < 13 {
        std::thread::sleep(Duration::from_millis(100));
    }
    let _ = stream.read_to_end(&mut bytes);
    assert!(!bytes.ends_with(b"0\r\n\r\n"), "a cut answer has an end");
}
