//! Requests of any shape: each gets an answer or is cut off, and the server lives.

use crate::server::Server;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

const STATEMENTS: [&str; 12] = [
    "SELECT 1",
    "SELECT {a:String}",
    "SELECT number FROM numbers(100000)",
    "SELECT * FROM t",
    "INSERT INTO t FORMAT TSV\n1\n2\n",
    "INSERT INTO t FORMAT RowBinary",
    "INSERT INTO t VALUES (1)",
    "KILL QUERY WHERE query_id = 'x' ASYNC",
    "SELECT throwIf(number = 70000) FROM numbers(100000)",
    "CREATE TEMPORARY TABLE u (a Int8)",
    "SELECT '",
    "FORMAT FORMAT FORMAT",
];

const PARAMETERS: [&str; 18] = [
    "compress=1",
    "decompress=1",
    "default_format=Native",
    "default_format=Parquet",
    "database=nowhere",
    "param_a=%5C",
    "query_id=%00x",
    "wait_end_of_query=1",
    "readonly=1",
    "max_threads=-1",
    "max_block_size=1",
    "enable_http_compression=0",
    "session_id=s",
    "client_protocol_version=54460",
    "query_structure=a%20String",
    "a%27b=1",
    "=&&=",
    "buffer_size=%ff%fe",
];

const HEADERS: [&str; 14] = [
    "Content-Encoding: gzip",
    "Content-Encoding: lz4",
    "Content-Encoding: br",
    "Content-Encoding: zstd",
    "Content-Encoding: nonsense",
    "Accept-Encoding: zstd, br",
    "Accept-Encoding: lz4;q=0,gzip",
    "Content-Type: multipart/form-data; boundary=B",
    "Content-Type: multipart/form-data; boundary=",
    "X-ClickHouse-Format: \u{e9}\u{1}",
    "X-ClickHouse-Database: store",
    "Authorization: Basic !!",
    "Expect: 100-continue",
    "Origin: null",
];

/// A request's bytes: sometimes well formed, mostly almost.
fn request(key: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let key = format!("X-ClickHouse-User: writer\r\nX-ClickHouse-Key: {key}\r\n");
    let statement = prop::sample::select(&STATEMENTS[..]).prop_map(str::to_owned);
    let body = prop_oneof![
        4 => statement.clone().prop_map(String::into_bytes),
        2 => prop::collection::vec(any::<u8>(), 0..2000),
        1 => (statement.clone(), any::<bool>()).prop_map(|(sql, whole)| {
            let end = if whole { "\r\n--B--\r\n" } else { "\r\n--" };
            format!("--B\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\n{sql}{end}").into_bytes()
        }),
        1 => statement.clone().prop_map(|sql| footfall_event_store::block::encode(sql.as_bytes())),
    ];
    let method = prop_oneof![8 => Just("POST"), 3 => Just("GET"), 1 => Just("HEAD"), 1 => Just("PUT"), 1 => Just("G T")];
    let path = prop_oneof![6 => Just("/"), 1 => Just("/query"), 1 => Just("/ping"), 1 => Just("//%2e"), 1 => Just("*")];
    let query =
        (prop::option::of(statement), prop::collection::vec(prop::sample::select(&PARAMETERS[..]), 0..4))
            .prop_map(|(sql, parameters)| {
                let sql =
                    sql.map(|sql| url::form_urlencoded::byte_serialize(sql.as_bytes()).collect::<String>());
                let sql = sql.map(|sql| format!("query={sql}"));
                sql.into_iter().chain(parameters.into_iter().map(str::to_owned)).collect::<Vec<_>>().join("&")
            });
    let headers = prop::collection::vec(prop::sample::select(&HEADERS[..]), 0..4);
    // How many bytes the body is said to have beside those that it has.
    let lie = prop_oneof![8 => Just(0_i64), 1 => Just(1), 1 => Just(-1), 1 => Just(1 << 40)];
    (method, path, query, headers, body, lie, any::<bool>()).prop_map(
        move |(method, path, query, headers, body, lie, known)| {
            let mut head =
                format!("{method} {path}?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
            head.push_str(if known { &key } else { "" });
            for header in headers {
                head.push_str(header);
                head.push_str("\r\n");
            }
            let length = i64::try_from(body.len()).expect("short") + lie;
            [format!("{head}Content-Length: {length}\r\n\r\n").into_bytes(), body].concat()
        },
    )
}

/// Whether it is a success, or a refusal that says why: with ClickHouse's code, or by a status that needs none.
fn is_answer(reply: &[u8]) -> bool {
    let Some(status) = reply.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3)) else {
        return false;
    };
    let head = String::from_utf8_lossy(reply).to_ascii_lowercase();
    match status {
        b"100" | b"200" | b"400" | b"403" | b"404" | b"405" => true,
        b"413" | b"415" | b"500" | b"501" | b"503" => head.contains("\r\nx-clickhouse-exception-code: "),
        _ => false,
    }
}

#[test]
fn are_answered_or_cut_off() {
    let server = Server::start();
    server.run("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
    let before = server.memory();
    let address = server.url.trim_start_matches("http://").to_owned();
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&request(&server.password()), |bytes| {
        let mut stream = TcpStream::connect(&address).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        // It may have closed its end already: what it said before is still to be read.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut reply = Vec::new();
        if stream.read_to_end(&mut reply).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock) {
            return Err(TestCaseError::fail("no answer and no end"));
        }
        prop_assert!(reply.is_empty() || is_answer(&reply), "{}", String::from_utf8_lossy(&reply));
        Ok(())
    });
    outcome.expect("every request is answered or cut off");
    assert_eq!(server.curl_as_reader("", &["-d", "SELECT 1"]).body, "1\n");
    assert!(server.memory() < before + (300 << 20), "{before} grew to {}", server.memory());
}
