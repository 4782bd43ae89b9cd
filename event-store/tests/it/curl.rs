//! curl: what a person types.

use crate::server::{Server, lines};
use footfall_event_store::body::{Body, Source};
use footfall_event_store::encoding::Encoding;
use footfall_event_store::response::Encoder;

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn asks_by_get_and_by_post() {
    let server = Server::start();
    for said in [
        server.curl_as_reader("?query=SELECT%201%2B1", &[]),
        server.curl_as_reader("query?query=SELECT%201%2B1", &[]),
        server.curl_as_reader("", &["--data-binary", "SELECT 1+1"]),
        server.curl_as_reader("?query=SELECT%201", &["--data-binary", "+1"]),
        server.curl_as_reader("?param_a=1", &["--data-binary", "SELECT {a:UInt8} + 1"]),
        server.curl_as_reader("", &["-F", "query=SELECT {a:UInt8} + 1", "-F", "param_a=1"]),
    ] {
        assert_eq!((said.status, said.body.as_str()), (200, "2\n"), "{}", said.headers);
        assert_eq!(said.header("x-clickhouse-format"), Some("TabSeparated"));
        assert!(said.header("x-clickhouse-summary").expect("a summary").contains("\"result_rows\":\"1\""));
    }
    assert_eq!(server.curl_as_reader("", &[]).body, "Ok.\n");
    assert_eq!(server.curl_as_reader("ping", &[]).body, "Ok.\n");
    assert_eq!(
        server.curl_as_reader("?query_id=mine", &["-d", "SELECT 1"]).header("x-clickhouse-query-id"),
        Some("mine")
    );
    assert_eq!(server.curl_as_reader("no-such-path", &[]).status, 404);
    assert_eq!(server.curl_as_reader("?database=store", &[]).exception(), 62);
    assert_eq!(server.curl_as_reader("", &["-X", "DELETE"]).status, 405);
}

#[test]
fn keeps_its_connection_after_a_refusal() {
    let server = Server::start();
    let (ask, big) = (format!("{}/", server.url), "x".repeat(3 << 20));
    let folder = tempfile::tempdir().expect("temp dir");
    let file = folder.path().join("body");
    std::fs::write(&file, big).expect("written");
    let data = format!("@{}", file.display());
    // A wrong password, then a right question: over one connection, and the reason is read though the body is not.
    let refused = [
        "-u",
        "writer:wrong",
        "-H",
        "Expect:",
        "--data-binary",
        data.as_str(),
        ask.as_str(),
        "--next",
        "-d",
        "SELECT 1",
    ];
    let said = server.curl_as_reader("", &refused);
    assert!(said.body.contains("Code: 516") && said.body.ends_with("1\n"), "{} {}", said.headers, said.body);
}

#[test]
fn inserts_in_any_format_and_any_way() {
    let server = Server::start();
    server.run("CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a");
    let csv = "1,one\n";
    let url = "?query=INSERT%20INTO%20t%20FORMAT%20CSV";
    for (query, body) in [
        (url, csv),
        ("", "INSERT INTO t FORMAT JSONEachRow {\"a\":2,\"b\":\"two\"}"),
        ("", "INSERT INTO t (b, a) SETTINGS max_threads = 1 VALUES ('thr' || 'ee', 3);"),
        ("?query=INSERT%20INTO%20t%20VALUES%20(4,'four')", ",(5, 'five')"),
        ("?param_t=t", "INSERT INTO {t:Identifier} FORMAT TSV\n6\tsix\n"),
        ("", "INSERT INTO t SELECT 7, 'seven'"),
        ("?query=INSERT%20INTO%20t%20FORMAT%20CSV&max_insert_block_size=1", "8,eight\n9,nine\n"),
        ("?query=INSERT%20INTO%20t%20FORMAT%20CSV", ""),
    ] {
        let said = server.curl(query, &["--data-binary", body]);
        assert_eq!((said.status, said.body.as_str()), (200, ""), "{query} {body}");
    }
    let rows = server.run("SELECT a, b FROM t ORDER BY a");
    let names = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let expected: Vec<String> =
        names.iter().enumerate().map(|(at, name)| format!("{}\t{name}", at + 1)).collect();
    assert_eq!(rows.lines().collect::<Vec<_>>(), expected);
    let said = server.curl(url, &["--data-binary", "1,x\nnonsense,y\n"]);
    assert_eq!((said.status, said.exception()), (400, 27), "{}", said.body);
    assert_eq!(server.run("SELECT count() FROM t"), "9\n");
}

#[test]
fn inserts_compressed_bodies() {
    let server = Server::start();
    server.run("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
    let folder = tempfile::tempdir().expect("temp dir");
    let plain = lines(100_000);
    let bodies =
        ["gzip", "deflate", "br", "zstd", "lz4"].map(|encoding| (encoding, encoded(encoding, &plain)));
    for (at, (encoding, body)) in bodies.iter().enumerate() {
        let file = folder.path().join(encoding);
        std::fs::write(&file, body).expect("written");
        let data = format!("@{}", file.display());
        let header = format!("Content-Encoding: {encoding}");
        let insert =
            ["-H", header.as_str(), "-H", "Transfer-Encoding: chunked", "--data-binary", data.as_str()];
        let said = server.curl("?query=INSERT%20INTO%20t%20FORMAT%20TSV", &insert);
        assert_eq!(said.status, 200, "{encoding}: {}", said.body);
        assert_eq!(server.run("SELECT count() FROM t"), format!("{}\n", (at + 1) * 100_000));
    }
    let wrong = server.curl("", &["-H", "Content-Encoding: xz", "--data-binary", "SELECT 1"]);
    assert_eq!((wrong.status, wrong.exception()), (500, 89));
    let garbage = server.curl("", &["-H", "Content-Encoding: gzip", "--data-binary", "no gzip"]);
    assert_eq!(garbage.exception(), 271, "{}", garbage.body);
    for (encoding, body) in &bodies {
        let file = folder.path().join("cut");
        std::fs::write(&file, &body[..body.len() - 1]).expect("written");
        let (data, header) = (format!("@{}", file.display()), format!("Content-Encoding: {encoding}"));
        let said =
            server.curl("?query=INSERT%20INTO%20t%20FORMAT%20TSV", &["-H", &header, "--data-binary", &data]);
        assert_eq!(said.exception(), 271, "{encoding}: {}", said.body);
    }
    assert_eq!(server.run("SELECT count() FROM t"), format!("{}\n", bodies.len() * 100_000));
}

/// Text, encoded by the encoder that answers are encoded with.
fn encoded(encoding: &str, plain: &str) -> Vec<u8> {
    let mut encoder = Encoder::new(Encoding::parse(encoding).expect("known")).expect("opens");
    let chunk = encoder.chunk(plain.to_owned().into()).expect("in memory");
    [chunk, encoder.finish().expect("in memory")].concat()
}

/// As far as it can be decoded, and whether it ended well.
fn decoded(encoding: &str, bytes: Vec<u8>) -> (String, bool) {
    let encoding = Encoding::parse(encoding).expect("known");
    let mut body = Body::new(Source::new(bytes.into(), None), encoding, false).expect("opens");
    let mut text = Vec::new();
    let whole = loop {
        match body.chunk() {
            Ok(Some(chunk)) => text.extend_from_slice(&chunk),
            ended => break ended.is_ok(),
        }
    };
    (String::from_utf8(text).expect("text"), whole)
}

#[test]
fn reads_answers_in_the_encoding_that_it_accepts() {
    let server = Server::start();
    for encoding in ["gzip", "deflate", "br", "zstd", "lz4"] {
        let accept = format!("Accept-Encoding: {encoding}");
        for query in ["?", "?wait_end_of_query=1", "?enable_http_compression=1"] {
            let sql = "SELECT number FROM numbers(200000)";
            let said = server.curl_as_reader(query, &["-H", &accept, "--data-binary", sql]);
            assert_eq!(
                (said.status, said.header("content-encoding")),
                (200, Some(encoding)),
                "{}",
                said.headers
            );
            assert!(said.bytes.len() < lines(200_000).len(), "{encoding}");
            assert!(decoded(encoding, said.bytes) == (lines(200_000), true), "{encoding} {query}");
        }
        let sql = "SELECT throwIf(number = 900000, 'boom'), number FROM numbers(1000000)";
        let amid = server.curl_as_reader("", &["-H", &accept, "-d", sql]);
        let tag = amid.header("x-clickhouse-exception-tag").expect("a tag").to_owned();
        assert_eq!((amid.status, amid.code), (200, Some(18)), "the body breaks off");
        let (text, whole) = decoded(encoding, amid.bytes);
        assert!(whole && text.ends_with(&format!(" {tag}\r\n__exception__\r\n")), "{encoding}");
    }
    for (query, accept) in [
        ("?enable_http_compression=0", "gzip"),
        ("", "xz"),
        ("", "gzip;q=0"),
        ("?query=SYSTEM+FLUSH+LOGS", "gzip"),
    ] {
        let accept = format!("Accept-Encoding: {accept}");
        let said = server.curl(
            query,
            &["-H", &accept, "--data-binary", if query.contains("SYSTEM") { "" } else { "SELECT 1" }],
        );
        assert_eq!(
            (said.status, said.header("content-encoding")),
            (200, None),
            "{query} {accept} {}",
            said.body
        );
    }
    let refused = server.curl_as_reader("", &["-H", "Accept-Encoding: gzip", "-d", "SELECT nope"]);
    assert!(refused.body.starts_with("Code: 47"), "{}", refused.body);
}

#[test]
fn reads_compressed_answers() {
    let server = Server::start();
    for query in ["?compress=1", "?compress=1&wait_end_of_query=1"] {
        let said = server.curl_as_reader(query, &["--data-binary", "SELECT number FROM numbers(200000)"]);
        let (mut at, mut plain) = (0, String::new());
        while at < said.bytes.len() {
            let sizes = &said.bytes[at + 17..];
            let length = 16 + u32::from_le_bytes([sizes[0], sizes[1], sizes[2], sizes[3]]) as usize;
            let block =
                footfall_event_store::block::decode(&said.bytes[at..at + length]).expect("a whole block");
            plain.push_str(&String::from_utf8(block).expect("text"));
            at += length;
        }
        assert!(plain == lines(200_000), "{query}");
    }
}

#[test]
fn reads_every_format_the_same_streamed_and_whole() {
    let server = Server::start();
    let sql = "SELECT number AS `a\"\n b`, toString(number) AS s, [number] AS list FROM numbers(150000)";
    for format in [
        "TabSeparated",
        "TSVWithNames",
        "TabSeparatedWithNamesAndTypes",
        "TSVRaw",
        "CSV",
        "CSVWithNames",
        "CSVWithNamesAndTypes",
        "TSKV",
        "JSONEachRow",
        "ndjson",
        "JSONStringsEachRow",
        "JSONCompactEachRow",
        "JSONCompactEachRowWithNames",
        "JSONCompactStringsEachRowWithNamesAndTypes",
        "PrettyJSONEachRow",
        "RowBinary",
        "RowBinaryWithNames",
        "RowBinaryWithNamesAndTypes",
        "Native",
        "MsgPack",
        "BSONEachRow",
        "RawBLOB",
        "LineAsString",
        "Null",
    ] {
        let streamed = server.curl_as_reader(&format!("?default_format={format}"), &["--data-binary", sql]);
        let held = server.curl_as_reader(
            &format!("?wait_end_of_query=1&default_format={format}"),
            &["--data-binary", sql],
        );
        // With a setting that may frame a result, the engine makes it whole.
        let whole =
            server.curl_as_reader(&format!("?extremes=0&default_format={format}"), &["--data-binary", sql]);
        assert_eq!((streamed.status, whole.status), (200, 200), "{format}: {}", whole.body);
        assert!(streamed.bytes == whole.bytes && held.bytes == whole.bytes, "{format}");
        assert_eq!(held.header("content-length"), whole.header("content-length"), "{format}");
        let framing = streamed.header("transfer-encoding").is_some();
        assert_eq!((framing, whole.header("content-length").is_some()), (format != "Null", true), "{format}");
    }
    for text in
        ["FORMAT JSON", "FORMAT JSONEachRow SETTINGS output_format_json_array_of_rows = 1", "FORMAT Parquet"]
    {
        let said = server
            .curl_as_reader("", &["--data-binary", &format!("SELECT number FROM numbers(150000) {text}")]);
        assert!(said.status == 200 && said.header("content-length").is_some(), "{text}");
        if text.contains("JSON") {
            let json: serde_json::Value = serde_json::from_str(&said.body).expect("one JSON value");
            assert_eq!(json.as_array().or(json["data"].as_array()).map(Vec::len), Some(150_000), "{text}");
        }
    }
    let totals = "SELECT number % 100000 AS k, count() FROM numbers(150000) GROUP BY k WITH TOTALS FORMAT TSVWithNames";
    assert!(server.curl_as_reader("", &["--data-binary", totals]).body.ends_with("\n\n0\t150000\n"));
}

#[test]
fn gets_codes_and_statuses_as_clickhouse_gives_them() {
    let server = Server::start();
    for (sql, status, code) in [
        ("SELECT nope", 404, 47),
        ("SELECT * FROM nowhere", 404, 60),
        ("SELECT nofunction()", 404, 46),
        ("SELEC 1", 400, 62),
        ("", 400, 62),
        ("SELECT 1 FORMAT NoSuch", 404, 73),
        ("SELECT throwIf(1, 'boom')", 500, 395),
        ("SELECT 1 SETTINGS nosuch = 1", 404, 115),
        ("SELECT {a:String}", 500, 456),
        ("SELECT CAST('x' AS UInt8)", 400, 6),
        ("SELECT 1; SELECT 2", 400, 62),
        ("INSERT INTO nowhere FORMAT CSV\n1\n", 404, 60),
        ("SELECT number FROM numbers(100000000) FORMAT JSON", 500, 396),
        ("SELECT 1 INTO OUTFILE 'x'", 500, 358),
        ("INSERT INTO nowhere FROM INFILE 'x' FORMAT CSV", 501, 48),
        ("CREATE TABLE default.x (a Int8) ENGINE = Memory", 403, 497),
    ] {
        let said = server.curl("", &["--data-binary", sql]);
        assert_eq!((said.status, said.exception()), (status, code), "{sql}: {}", said.body);
        assert!(said.body.starts_with(&format!("Code: {code}. DB::")), "{sql}: {}", said.body);
    }
    for (query, status, code) in [
        ("?nosuch=1", 404, 115),
        ("?database=nowhere", 404, 81),
        ("?default_format=NoSuch", 404, 73),
        ("?session_id=x&session_check=1", 500, 372),
        ("?session_id=x&session_timeout=soon", 500, 374),
        ("?client_protocol_version=x", 400, 72),
        ("?max_threads=x", 400, 27),
    ] {
        let said = server.curl(query, &["--data-binary", "SELECT 1"]);
        assert_eq!((said.status, said.exception()), (status, code), "{query}: {}", said.body);
    }
    let amid = server
        .curl_as_reader("", &["-d", "SELECT throwIf(number = 900000, 'boom'), number FROM numbers(1000000)"]);
    let tag = amid.header("x-clickhouse-exception-tag").expect("a tag").to_owned();
    assert_eq!((amid.status, amid.code), (200, Some(18)), "the body breaks off");
    assert!(amid.body.ends_with(&format!(" {tag}\r\n__exception__\r\n")));
    assert!(amid.body.contains(&format!("\r\n__exception__\r\n{tag}\r\nCode: 395. DB::Exception: boom")));
}

#[test]
fn sees_the_tables_of_its_database_only_when_it_names_none() {
    let server = Server::start();
    server.run("CREATE DATABASE store_other");
    server.run("CREATE TABLE store_other.t (a UInt8) ENGINE = Memory");
    server.run("CREATE TABLE u (a UInt8) ENGINE = Memory");
    assert_eq!(server.curl_as_reader("", &["-d", "SHOW TABLES"]).body, "u\n");
    assert_eq!(server.curl("?database=store_other", &["-d", "SHOW TABLES"]).body, "t\n");
    let beyond = server.curl_as_reader("?database=store_other", &["-d", "SHOW TABLES"]);
    assert_eq!((beyond.status, beyond.exception()), (404, 81), "{}", beyond.body);
    let header = ["-H", "X-ClickHouse-Database: store_other", "-d", "SELECT currentDatabase()"];
    assert_eq!(server.curl("", &header).body, "store_other\n");
    assert_eq!(
        server.curl_as_reader("", &["-d", "SELECT currentDatabase(), timezone()"]).body,
        "store\tUTC\n"
    );
    let settings = "SELECT name FROM system.merge_tree_settings WHERE name LIKE 'fsync%' AND value = '1'";
    assert_eq!(sorted(&server.run(settings)), ["fsync_after_insert", "fsync_part_directory"]);
}
