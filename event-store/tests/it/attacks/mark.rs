//! Statements that try to lose what their cancellation knows them by.

use super::caller::{answer, ask, ask_by_form, owners, sent};
use crate::server::{Server, lines, wait_until};
use std::time::Instant;

/// Statements that run, the one that asks not counted.
fn running(server: &Server) -> usize {
    let sql = "SELECT count() FROM system.processes WHERE query NOT LIKE '%system.processes%'";
    server.run(sql).trim().parse().expect("a number")
}

const LONG: &str = "SELECT sum(cityHash64(number)) FROM numbers(1000000000000)";

#[test]
fn are_cancelled_all_the_same_when_their_client_leaves() {
    let server = Server::start();
    let set = "send_logs_source_regexp";
    for (query, sql) in [
        (format!("?{set}=x"), LONG.to_owned()),
        (format!("?{set}="), LONG.to_owned()),
        (String::new(), format!("{LONG} SETTINGS {set} = 'x'")),
        (String::new(), format!("{LONG} SETTINGS {set} = DEFAULT")),
        (
            String::new(),
            format!("SELECT * FROM ({LONG} SETTINGS `{set}` = '') SETTINGS {set} = 'connection-0'"),
        ),
        (
            String::new(),
            format!("/* a 0 */ {LONG} SETTINGS log_comment = 'x', log_queries_cut_to_length = 1"),
        ),
    ] {
        let stream = sent(&server, &owners(&server, &query), sql.as_bytes());
        wait_until("the statement to run", || (running(&server) == 1).then_some(()));
        drop(stream);
        let left = Instant::now();
        wait_until("it to be gone", || (running(&server) == 0).then_some(()));
        assert!(left.elapsed().as_secs() < 5, "{sql}: {:?}", left.elapsed());
        // Without the password it does not even begin.
        let refused = ask(&server, &query, sql.as_bytes());
        assert!([164, 62].contains(&refused.exception()), "{query} {sql}: {}", refused.body);
    }
    let refused = ask_by_form(&server, &[("query", LONG), (set, "x")]);
    assert_eq!(refused.exception(), 164, "{}", refused.body);
}

#[test]
fn are_killed_by_the_id_that_their_client_gave() {
    let server = Server::start();
    server.run("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
    let insert = "?query_id=mine&send_logs_source_regexp=x&query=INSERT%20INTO%20t%20FORMAT%20TSV";
    let half = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{}", lines(200_000).len(), lines(200_000));
    for (head, body) in [
        (
            owners(&server, "?query_id=mine&send_logs_source_regexp=x"),
            format!("Content-Length: {}\r\n\r\n{LONG}", LONG.len()),
        ),
        (owners(&server, insert), half),
    ] {
        let address = server.url.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(crate::server::TIMEOUT)).expect("set");
        let request = format!("POST /{head}\r\nHost: {address}\r\nConnection: close\r\n{body}");
        std::io::Write::write_all(&mut stream, request.as_bytes()).expect("sent");
        wait_until("the statement to run", || (running(&server) == 1).then_some(()));
        server.run("KILL QUERY WHERE query_id = 'mine' ASYNC");
        // An insert notices it with its next bytes.
        let _ = std::io::Write::write_all(
            &mut stream,
            format!("\r\n{:x}\r\n{}\r\n0\r\n\r\n", lines(9).len(), lines(9)).as_bytes(),
        );
        let said = answer(stream);
        assert_eq!(said.exception(), 394, "{}", said.body);
    }
    assert_eq!(server.run("SELECT count() FROM t"), "0\n");
}
