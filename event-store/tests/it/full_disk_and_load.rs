//! What goes wrong around a server: a full disk, clients without end, a stop amid all of it.

use crate::server::{Folder, Server, TIMEOUT, wait_until};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

fn address(server: &Server) -> String {
    server.url.trim_start_matches("http://").to_owned()
}

fn connect(address: &str) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

/// Inserts lines of numbers; `false` when the answer is no success.
fn insert(address: &str, password: &str, rows: &str) -> std::io::Result<bool> {
    let mut stream = connect(address)?;
    let head = format!(
        "POST /?query=INSERT%20INTO%20t%20FORMAT%20TSV HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         X-ClickHouse-User: writer\r\nX-ClickHouse-Key: {password}\r\nContent-Length: {}\r\n\r\n{rows}",
        rows.len()
    );
    stream.write_all(head.as_bytes())?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    Ok(reply.starts_with("HTTP/1.1 200"))
}

fn lines_from(start: u64, count: u64) -> String {
    (start..start + count).fold(String::new(), |text, number| text + &number.to_string() + "\n")
}

#[test]
fn a_disk_that_takes_no_more_fails_the_insert_and_not_the_server() {
    // No file may grow beyond two mebibytes; the signal that would say so is off, so that writing fails instead.
    let folder = Folder::new();
    let program = folder.path().join("limited");
    let script = format!(
        "#!/bin/sh\ntrap '' XFSZ\nulimit -f 4096\nexec {} \"$@\"\n",
        env!("CARGO_BIN_EXE_event-store")
    );
    let text = folder.path().join("limited.txt");
    std::fs::write(&text, script).expect("written");
    // Another process writes the program: a child that another test starts just now may hold a copy of what we have open.
    let installed =
        Command::new("install").args(["-m", "755"]).args([&text, &program]).status().expect("runs");
    assert!(installed.success());
    let server = folder.running(&program).start();
    server.run("CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a");
    let insert = |rows: u64| {
        let sql = format!("INSERT INTO t SELECT number, randomString(1000) FROM numbers({rows})");
        server.curl("", &["--data-binary", &sql])
    };
    assert_eq!(insert(100).status, 200);
    // Compact parts and wide ones, one after the other.
    for rows in [3_000, 20_000, 3_000, 20_000] {
        let said = insert(rows);
        assert_eq!(said.status, 500, "{}", said.body);
        assert!(said.body.starts_with(&format!("Code: {}. DB::", said.exception())), "{}", said.body);
        assert!(said.body.contains("File too large") && said.exception() != 0, "{}", said.body);
    }
    assert_eq!(insert(100).status, 200);
    let whole = "SELECT count(), sum(length(b)) FROM t";
    assert_eq!(server.run(whole), "200\t200000\n");
    // A merge that cannot be written leaves what it would have replaced.
    for _ in 0..14 {
        assert_eq!(insert(100).status, 200);
    }
    for _ in 0..2 {
        let said =
            server.curl("", &["--data-binary", "OPTIMIZE TABLE t FINAL SETTINGS optimize_throw_if_noop = 1"]);
        assert!(said.status == 200 || said.body.contains("File too large"), "{}", said.body);
    }
    for _ in 0..8 {
        assert_eq!(insert(100).status, 200);
    }
    let said =
        server.curl("", &["--data-binary", "OPTIMIZE TABLE t FINAL SETTINGS optimize_throw_if_noop = 1"]);
    assert!(said.body.contains("File too large"), "{}", said.body);
    assert_eq!(server.run(whole), "2400\t2400000\n");
    server.signal("TERM");
    let (code, folder) = server.ended();
    assert_eq!(code, Some(0));
    assert_eq!(folder.start().run(whole), "2400\t2400000\n");
}

#[test]
fn many_clients_that_send_slowly_take_bounded_memory_and_nobodys_place() {
    let server = Server::start();
    server.run("CREATE TABLE t (a String) ENGINE = Null");
    let before = server.memory();
    let head = format!(
        "POST /?query=INSERT%20INTO%20t%20FORMAT%20LineAsString HTTP/1.1\r\nHost: localhost\r\n\
         X-ClickHouse-User: writer\r\nX-ClickHouse-Key: {}\r\nContent-Length: {}\r\n\r\n",
        server.password(),
        100 * MIB
    );
    let piece = vec![b'x'; 200 << 10];
    let slow: Vec<TcpStream> = (0..240)
        .map(|_| {
            let mut stream = connect(&address(&server)).expect("connected");
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&piece)).expect("sent");
            stream
        })
        .collect();
    assert_eq!(server.run("SELECT 1"), "1\n", "a thread is taken when there is more than a little to do");
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 200 * MIB, "{} clients took {} MiB", slow.len(), grown / MIB);
    drop(slow);
    assert_eq!(server.run("SELECT 1"), "1\n");
}

#[test]
fn connections_beyond_the_bound_wait_until_idle_ones_are_closed() {
    let server = Server::start();
    let idle: Vec<TcpStream> = (0..300).map(|_| connect(&address(&server)).expect("connected")).collect();
    let since = Instant::now();
    assert_eq!(server.curl_as_reader("", &["-d", "SELECT 1"]).body, "1\n");
    assert!(since.elapsed() < TIMEOUT, "{:?}", since.elapsed());
    drop(idle);
}

#[test]
fn a_stop_amid_inserts_keeps_all_that_were_acknowledged() {
    let server = Server::start();
    server.run("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
    let (address, password) = (address(&server), server.password());
    let (acknowledged, stopped) = (AtomicU64::new(0), AtomicBool::new(false));
    let insert = |from: u64| insert(&address, &password, &lines_from(from, 50));
    let (code, folder) = std::thread::scope(|scope| {
        for worker in 0..6 {
            let (insert, acknowledged, stopped) = (&insert, &acknowledged, &stopped);
            scope.spawn(move || {
                for round in 0_u64.. {
                    // What fails does so because the server is going: it is not counted.
                    if insert((worker << 32) + round * 50).unwrap_or(false) {
                        acknowledged.fetch_add(50, Ordering::Relaxed);
                    } else if stopped.load(Ordering::Relaxed) {
                        return;
                    }
                }
            });
        }
        wait_until("some inserts", || (acknowledged.load(Ordering::Relaxed) > 2_000).then_some(()));
        let told = Instant::now();
        server.signal("TERM");
        stopped.store(true, Ordering::Relaxed);
        let ended = server.ended();
        assert!(told.elapsed() < Duration::from_secs(15), "{:?}", told.elapsed());
        ended
    });
    assert_eq!(code, Some(0));
    let server = folder.start();
    let found: Vec<u64> = server
        .run("SELECT count(), uniqExact(a) FROM t")
        .split_whitespace()
        .map(|number| number.parse().expect("a number"))
        .collect();
    assert_eq!(found[0], found[1], "no row twice");
    let acknowledged = acknowledged.load(Ordering::Relaxed);
    assert!(found[0] >= acknowledged, "{acknowledged} were acknowledged, {} are there", found[0]);
}

#[test]
fn hundreds_of_inserts_leave_it_small() {
    let server = Server::start();
    server.run("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
    let idle = server.memory();
    let (address, password) = (address(&server), server.password());
    for round in 0..300 {
        assert!(insert(&address, &password, &lines_from(round * 1000, 1000)).expect("answered"));
    }
    assert_eq!(server.run("SELECT count() FROM t"), "300000\n");
    let after = server.memory();
    println!("{} MiB idle, {} MiB after 300 inserts", idle / MIB, after / MIB);
    assert!(idle < 400 * MIB && after < idle + 400 * MIB, "{idle} grew to {after}");
}
