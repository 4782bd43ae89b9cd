//! Several requests at once: side by side, apart from each other, and bounded.

use crate::server::{Folder, Server, wait_until};
use std::io::Write;
use std::net::TcpStream;

/// Statements that run with this comment.
fn running(server: &Server, comment: &str) -> String {
    server.run(&format!("SELECT count() FROM system.processes WHERE Settings['log_comment'] = '{comment}'"))
}

/// A statement that does nothing for an hour.
const LONG: &str = "SELECT sleepEachRow(1) FROM numbers(3600) SETTINGS max_block_size = 1 FORMAT Null";

#[test]
fn run_side_by_side() {
    let server = Server::start();
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| server.curl_as_reader("?log_comment=six", &["--data-binary", LONG])))
            .collect();
        wait_until("all six to run at the same time", || (running(&server, "six") == "6\n").then_some(()));
        server.run("KILL QUERY WHERE Settings['log_comment'] = 'six' ASYNC");
        for asked in asked {
            assert_eq!(asked.join().expect("it ends").exception(), 394);
        }
    });
}

#[test]
fn keep_their_settings_to_themselves() {
    let server = Server::start();
    std::thread::scope(|scope| {
        for threads in 1..=4 {
            let server = &server;
            scope.spawn(move || {
                for _ in 0..20 {
                    let query = format!("?max_threads={threads}&log_comment=mine{threads}");
                    let sql = "SELECT getSetting('max_threads'), getSetting('log_comment')";
                    let said = server.curl_as_reader(&query, &["--data-binary", sql]);
                    assert_eq!(said.body, format!("{threads}\tmine{threads}\n"));
                    let none =
                        server.curl_as_reader("", &["--data-binary", "SELECT getSetting('log_comment')"]);
                    assert_eq!(none.body, "\n");
                }
            });
        }
    });
    server.run("SET max_threads = 1, log_comment = 'stays'");
    server.run("USE system");
    server.run("CREATE TEMPORARY TABLE mine (a UInt8)");
    for _ in 0..20 {
        assert_eq!(server.run("SELECT getSetting('log_comment'), currentDatabase()"), "\tstore\n");
        assert_eq!(server.run("EXISTS TEMPORARY TABLE mine"), "0\n");
    }
}

#[test]
fn can_be_killed_by_their_comment() {
    let server = Server::start();
    server.run("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
    for sql in [
        "SELECT sum(cityHash64(number)) FROM numbers(1000000000000)",
        "INSERT INTO t SELECT max(cityHash64(number)) FROM numbers(1000000000000)",
    ] {
        std::thread::scope(|scope| {
            let victim = scope.spawn(|| server.curl("?log_comment=partition-7", &["--data-binary", sql]));
            let listed = "SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'partition-7'";
            wait_until("the victim to run", || (server.run(listed) == "1\n").then_some(()));
            server.run("KILL QUERY WHERE Settings['log_comment'] = 'partition-7' ASYNC");
            wait_until("the victim to be gone", || (server.run(listed) == "0\n").then_some(()));
            let said = victim.join().expect("it ends");
            assert_eq!(said.exception(), 394, "{}", said.body);
        });
    }
    assert_eq!(server.run("SELECT count() FROM t"), "0\n");
}

#[test]
fn wait_for_a_free_thread_but_not_for_ever() {
    let server = Folder::new().start_with(&["--readers", "1", "--queue-seconds", "1"]);
    let address = server.url.trim_start_matches("http://");
    let mut long = TcpStream::connect(address).expect("connected");
    let head = "POST /?log_comment=long HTTP/1.1\r\nHost: localhost";
    write!(long, "{head}\r\nContent-Length: {}\r\n\r\n{LONG}", LONG.len()).expect("sent");
    wait_until("the long one to run", || (running(&server, "long") == "1\n").then_some(()));
    let refused = server.curl_as_reader("", &["-d", "SELECT 1"]);
    assert_eq!((refused.status, refused.exception()), (503, 202), "{}", refused.body);
    assert_eq!(refused.header("retry-after"), Some("1"));
    // Whoever has the password is not kept waiting by those who have none.
    assert_eq!(server.run("SELECT 1"), "1\n");
    // The client of the long one leaves: its thread is free again.
    drop(long);
    wait_until("the thread to be free again", || {
        (server.curl_as_reader("", &["-d", "SELECT 1"]).body == "1\n").then_some(())
    });
}
