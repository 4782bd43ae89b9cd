//! Callers who hold what they were given: threads by answers that they do not read, memory by bodies that they do not end.

use super::caller::{AT_ONCE, answer, ask, assert_lives, begun, encoded, owners, sent};
use crate::server::{Server, wait_until};
use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

const ENDLESS: &str = "SELECT number, repeat('x', 1000) FROM numbers(1000000000)";

fn with_table() -> Server {
    let server = Server::start();
    server.run("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
    server
}

/// That the owner's statements, one that reads and one that writes, are each answered within a second.
fn assert_owner_is_served(server: &Server, meanwhile: &str) {
    let insert = format!("?query={}", encoded("INSERT INTO t FORMAT TSV"));
    for (query, body) in
        [("", "SELECT count() FROM t"), (insert.as_str(), "1\n"), ("?query=SELECT+1&readonly=1", "")]
    {
        let asked = Instant::now();
        let said = answer(sent(server, &owners(server, query), body.as_bytes()));
        assert_eq!(said.status, 200, "{meanwhile}: {}", said.body);
        assert!(asked.elapsed() < AT_ONCE, "{meanwhile}: {query} {body} took {:?}", asked.elapsed());
    }
}

fn running(server: &Server, at_least: usize) {
    let sql = "SELECT count() FROM system.processes WHERE query NOT LIKE '%system.processes%'";
    wait_until("the statements to run", || {
        (server.run(sql).trim().parse::<usize>().expect("a number") >= at_least).then_some(())
    });
}

#[test]
fn of_unread_answers_give_their_threads_back() {
    let server = with_table();
    let unread: Vec<TcpStream> = (0..12).map(|_| sent(&server, " HTTP/1.1", ENDLESS.as_bytes())).collect();
    running(&server, 8);
    assert_owner_is_served(&server, "unread answers of strangers");
    // The eight are given up after ten seconds, the four that waited ten seconds later.
    let waited = Instant::now();
    wait_until("a thread for who reads", || (ask(&server, "", b"SELECT 1").status == 200).then_some(()));
    assert!(waited.elapsed() < Duration::from_secs(25), "{:?}", waited.elapsed());
    drop(unread);
}

#[test]
fn of_long_computations_leave_the_owner_its_share() {
    let server = with_table();
    let sql = b"SELECT sum(cityHash64(number)) FROM numbers(1000000000000) SETTINGS max_threads = 4";
    let computing: Vec<TcpStream> = (0..8).map(|_| sent(&server, " HTTP/1.1", sql)).collect();
    running(&server, 8);
    assert_owner_is_served(&server, "computations of strangers");
    drop(computing);
    // One value that takes minutes, amid which the engine looks at no deadline and no KILL.
    let server = with_table();
    let sql = b"SELECT positionCaseInsensitive(materialize(repeat('a', 1000000)), concat(repeat('a', 500000), 'b'))";
    let computing: Vec<TcpStream> = (0..8).map(|_| sent(&server, " HTTP/1.1", sql)).collect();
    running(&server, 8);
    assert_owner_is_served(&server, "endless functions of strangers");
    drop(computing);
}

#[test]
fn of_the_owner_hold_neither_reading_nor_writing_back() {
    let server = with_table();
    let owner = owners(&server, "");
    let mut unread: Vec<TcpStream> = (0..8).map(|_| sent(&server, &owner, ENDLESS.as_bytes())).collect();
    for stream in &mut unread {
        stream.read_exact(&mut [0; 1000]).expect("each has a thread");
    }
    let asked = Instant::now();
    let insert = owners(&server, &format!("?query={}", encoded("INSERT INTO t FORMAT TSV")));
    assert_eq!(answer(sent(&server, &insert, b"1\n")).status, 200);
    assert!(asked.elapsed() < AT_ONCE, "an insert took {:?}", asked.elapsed());
    drop(unread);
    // The other way round: inserts whose data does not end.
    let rows = crate::server::lines(200_000);
    let half: Vec<TcpStream> =
        (0..8).map(|_| begun(&server, &insert, rows.as_bytes(), rows.len() + 1)).collect();
    running(&server, 8);
    let asked = Instant::now();
    assert_eq!(answer(sent(&server, &owner, b"SELECT count() FROM t")).status, 200);
    assert!(asked.elapsed() < AT_ONCE, "a question took {:?}", asked.elapsed());
    drop(half);
}

#[test]
fn of_bodies_that_do_not_end_hold_little_memory_and_nobody_back() {
    let server = with_table();
    let before = server.memory();
    let form = " HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B";
    let part = b"--B\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\n";
    let three = [part.as_slice(), &vec![b' '; 3 << 20]].concat();
    let mut half: Vec<TcpStream> = Vec::new();
    for at in 0..200 {
        let (head, body) =
            if at % 2 == 0 { (form, three.as_slice()) } else { (" HTTP/1.1", &three[..1 << 20]) };
        let address = server.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("connected");
        let request =
            format!("POST /{head}\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n", body.len() + 1);
        stream.set_write_timeout(Some(Duration::from_millis(300))).expect("set");
        // One that is refused reads no further.
        let _ = std::io::Write::write_all(&mut stream, &[request.as_bytes(), body].concat());
        half.push(stream);
        if at % 50 == 49 {
            assert_owner_is_served(&server, "half bodies of strangers");
        }
    }
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 150 << 20, "{} MiB more", grown >> 20);
    assert_lives(&server, "half bodies");
    drop(half);
    wait_until("room for a body again", || {
        let body = [b"SELECT 1".as_slice(), &vec![b' '; 200_000]].concat();
        (ask(&server, "", &body).status == 200).then_some(())
    });
}
