//! Every setting of the engine, named without the password in every place where one can be named.

use super::caller::{ask, ask_by_form, assert_lives, encoded};
use crate::server::{Response, Server};
use footfall_event_store::reader::PERMITTED;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Parameters of a URL or form that have the name of a setting and never reach the engine.
const OWN_PARAMETERS: [&str; 3] =
    ["cancel_http_readonly_queries_on_client_close", "enable_http_compression", "readonly"];

/// What an answer says of a setting that the engine was not asked about.
fn is_refused_unasked(said: &Response, name: &str) -> bool {
    said.exception() == 164 && said.body.contains(&format!("'{name}' setting without the password"))
}

fn nested(name: &str, value: &str) -> String {
    format!("SELECT * FROM (SELECT 1 AS a WHERE a IN (SELECT 1 SETTINGS {name} = {value}))")
}

#[test]
fn are_refused_unless_they_are_listed() {
    let server = Server::start();
    let names = server.run("SELECT name FROM system.settings ORDER BY name");
    assert!(names.lines().count() > 1500, "{}", names.lines().count());
    for (listed, _) in PERMITTED {
        assert!(names.lines().any(|name| name == listed), "{listed} is no setting");
    }
    for name in names.lines() {
        let listed = PERMITTED.iter().any(|(listed, _)| *listed == name);
        let own = OWN_PARAMETERS.contains(&name);
        let by_url = ask(&server, &format!("?{name}=1"), b"SELECT 1");
        let by_form = ask_by_form(&server, &[("query", "SELECT 1"), (name, "1")]);
        // The dialect of this server may be named, any other is refused: by its own sentence.
        let unspoken = |said: &Response| name == "dialect" && said.exception() == 48;
        for said in [by_url, by_form] {
            assert_eq!(
                is_refused_unasked(&said, name) || unspoken(&said),
                !listed && !own,
                "{name}: {}",
                said.body
            );
        }
        for sql in [
            nested(name, "1"),
            format!(
                "EXPLAIN SELECT * FROM view(SELECT 1 SETTINGS max_threads = 1, {name} = '1') SETTINGS {name} = 1"
            ),
        ] {
            let said = ask(&server, "", sql.as_bytes());
            assert_eq!(is_refused_unasked(&said, name), !listed, "{sql}: {}", said.body);
        }
    }
    // Names that are no settings' are no way in either.
    for name in ["profile", "Max_Memory_Usage", "SQL_x", "nosuch", "constraint", "max_memory_usage_"] {
        assert!(is_refused_unasked(&ask(&server, &format!("?{name}=1"), b"SELECT 1"), name), "{name}");
        assert!(is_refused_unasked(&ask(&server, "", nested(name, "1").as_bytes()), name), "{name}");
    }
    assert_lives(&server, "every setting");
}

#[test]
fn that_are_listed_end_fill_and_hold_nothing_whatever_their_value() {
    let server = Server::start();
    server.run("CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a");
    server.run("INSERT INTO t SELECT number, toString(number) FROM numbers(20000)");
    let before = server.memory();
    let values = [
        "",
        "0",
        "1",
        "2",
        "-1",
        "1e9",
        "0x7fffffff",
        "4294967296",
        "18446744073709551615",
        "99999999999999999999999",
        "auto(64)",
        "DEFAULT",
        "text",
        "'",
        "\\",
        "\\'",
        "1, max_memory_usage = 0",
        "1' , max_memory_usage = '0",
        "\0",
        "\u{a0}",
        "{p:UInt64}",
        "../../etc/passwd",
        "Europe/Berlin",
        "true",
        "nan",
    ];
    let long = "9".repeat(100_000);
    // What lifts the parser's depth ends the process here.
    let deep = format!("SELECT {}1{}", "(".repeat(20_000), ")".repeat(20_000));
    let sql = "SELECT a, b, count() FROM t GROUP BY a, b ORDER BY a";
    for (name, _) in PERMITTED {
        for value in values.iter().copied().chain([long.as_str()]) {
            let by_url =
                ask(&server, &format!("?default_format=JSON&{name}={}", encoded(value)), sql.as_bytes());
            let by_form = ask_by_form(&server, &[("query", &deep), (name, value)]);
            let bare =
                ask(&server, "", format!("SELECT * FROM ({sql} SETTINGS {name} = {value})").as_bytes());
            let quoted = ask(&server, "", format!("{sql} SETTINGS {name} = '{value}'").as_bytes());
            for said in [by_url, by_form, bare, quoted] {
                assert_ne!(said.status, 0, "{name}={value:.40}: no answer");
            }
        }
        assert_lives(&server, name);
    }
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 500 << 20, "{} MiB more", grown >> 20);
}

/// Parts of statements that an engine and another reader of its language may take apart in two ways.
const PARTS: [&str; 44] = [
    " ",
    "\n",
    "\r",
    "\t",
    "\u{b}",
    "\u{c}",
    "\u{a0}",
    "\u{2003}",
    "\u{3000}",
    "\u{feff}",
    "\u{85}",
    "'",
    "''",
    "\\'",
    "\\",
    "`",
    "``",
    "\"",
    "\u{2018}",
    "\u{2019}",
    "\u{201c}",
    "\u{2212}\u{2212}",
    "--",
    "-- ",
    "#",
    "# ",
    "#!",
    "/*",
    "*/",
    "//",
    "/**/",
    "$$",
    "$a$",
    "$a b$",
    "x'",
    "b'",
    "1.",
    "1e",
    ".",
    ",",
    "AS a",
    "1",
    "(",
    ")",
];

/// Whatever stands around them: settings that are not listed never reach the engine.
#[test]
fn come_through_no_difference_between_two_readers_of_a_text() {
    let server = Server::start();
    let cases = std::env::var("FOOTFALL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2000);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let noise =
        || prop::collection::vec(prop::sample::select(&PARTS[..]), 0..4).prop_map(|parts| parts.concat());
    let clause = prop::sample::select(&["SETTINGS", "settings", "SETTINGS max_threads = 1,"][..]);
    let statement =
        (noise(), noise(), clause, noise(), noise(), noise()).prop_map(|(a, b, clause, c, d, e)| {
            format!("SELECT getSetting('max_result_bytes'){a} {b}{clause}{c} max_result_bytes{d}=7{e}")
        });
    let outcome = runner.run(&statement, |sql| {
        let said = ask(&server, "", sql.as_bytes());
        let lifted = said.body.lines().any(|line| line.split('\t').next() == Some("7"));
        prop_assert!(said.status != 200 || !lifted, "{}: {}", sql, said.body);
        Ok(())
    });
    outcome.expect("none comes through");
}

/// As a proxy saw them: Python's, Go's, Java's and JavaScript's clients and the Rust crate, none told more than the address.
#[test]
fn that_official_clients_send_by_their_defaults_are_taken() {
    let server = Server::start();
    let python = "database=store&session_id=8d0f&query_id=q&client_protocol_version=54405&wait_end_of_query=1\
                  &date_time_input_format=best_effort&cast_string_to_dynamic_use_inference=1\
                  &cancel_http_readonly_queries_on_client_close=1&send_progress_in_http_headers=1\
                  &http_headers_progress_interval_ms=120000";
    let go = "database=store&default_format=Native&client_protocol_version=54460&max_execution_time=305&compress=1\
              &network_compression_method=ZSTD&network_zstd_compression_level=3";
    let java = "compress=1&enable_http_compression=1&wait_end_of_query=1";
    let javascript = "database=default&query_id=q&default_format=JSON&enable_http_compression=1&session_id=s";
    let rust = "default_format=RowBinaryWithNamesAndTypes&database=store&compress=1&readonly=1";
    for parameters in [python, go, java, javascript, rust] {
        let said = ask(&server, &format!("?{parameters}"), b"SELECT version(), timezone()");
        assert_eq!(said.status, 200, "{parameters}: {}", said.body);
    }
}

#[test]
fn hide_in_no_text_that_the_engine_reads_otherwise() {
    let server = Server::start();
    for sql in [
        // Blanks, quotes and dashes that only the engine knows.
        "SELECT getSetting('max_result_bytes') SETTINGS\u{a0}max_result_bytes\u{a0}=\u{a0}7",
        "SELECT getSetting('max_result_bytes')\u{2003}SETTINGS\u{2003}max_result_bytes=7",
        "SELECT getSetting('max_result_bytes'), \u{2018}' SETTINGS max_result_bytes = 7 -- \u{2019}",
        "SELECT getSetting('max_result_bytes') \u{2212}\u{2212} '\n SETTINGS max_result_bytes = 7 -- '",
        "SELECT getSetting('max_result_bytes'), $a b$ ' $a b$ SETTINGS max_result_bytes = 7 -- '",
        "SELECT getSetting('max_result_bytes'), $$'$$ SETTINGS max_result_bytes = 7 -- '",
        r"SELECT getSetting('max_result_bytes'), x'\' SETTINGS max_result_bytes = 7 -- '",
        "SELECT getSetting('max_result_bytes') SETTINGS `max_result_bytes` = 7",
        "SELECT getSetting('max_result_bytes') SETTINGS max_threads = 1, \"max_result_bytes\" = 7",
        "SELECT getSetting('max_result_bytes') SETTINGS max_threads = {max_result_bytes:UInt8}",
        "SELECT getSetting('max_result_bytes') SETTINGS max_threads = 1 -- x\r, max_result_bytes = 7",
        "SELECT * FROM format(Values, 'a UInt64', '((SELECT getSetting(\\'max_result_bytes\\') SETTINGS max_result_bytes = 7))')",
        "SELECT * FROM values('a UInt64', (SELECT getSetting('max_result_bytes') SETTINGS max_result_bytes = 7))",
        "SELECT * FROM eval('SELECT getSetting(''max_result_bytes'') SETTINGS max_result_bytes = 7')",
        "SET max_result_bytes = 7",
        "SET ROLE owner",
        "EXECUTE AS default SELECT 1",
    ] {
        let said = ask(&server, "?param_max_result_bytes=7", sql.as_bytes());
        // A comment ends where the engine's does: what stands in it is none of the statement.
        let in_a_comment = said.status == 200 && sql.contains('\r') && said.body == "0\n";
        assert!(said.status != 200 || in_a_comment, "{sql}: {}", said.body);
    }
    // A table that a request brings along holds data, never expressions.
    let form = "--B\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT * FROM t\r\n--B\r\n\
                Content-Disposition: form-data; name=\"t_structure\"\r\n\r\na UInt64\r\n--B\r\n\
                Content-Disposition: form-data; name=\"t_format\"\r\n\r\nValues\r\n--B\r\n\
                Content-Disposition: form-data; name=\"t\"; filename=\"t\"\r\n\r\n\
                ((SELECT getSetting('max_result_bytes') SETTINGS max_result_bytes = 7))\r\n--B--\r\n";
    let head = " HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B";
    let said = super::caller::answer(super::caller::sent(&server, head, form.as_bytes()));
    assert_ne!(said.status, 200, "{}", said.body);
    assert_lives(&server, "hidden settings");
}
