//! Statements, types and data that are nested as deep as anybody may write them, and deeper: an error at most, never the end of
//! the process.

use super::caller::{AT_ONCE, answer, assert_lives, encoded, owners, sent};
use crate::server::Server;
use std::time::Instant;

/// One kind of nesting: its name, and a statement with so many levels.
type Kind = (&'static str, fn(usize) -> String);

fn around(open: &str, inside: &str, close: &str, levels: usize) -> String {
    [&open.repeat(levels), inside, &close.repeat(levels)].concat()
}

fn select(open: &str, inside: &str, close: &str, levels: usize) -> String {
    format!("SELECT {}", around(open, inside, close, levels))
}

const KINDS: [Kind; 30] = [
    ("brackets", |n| select("(", "1", ")", n)),
    ("tuples", |n| select("(1,", "1", ")", n)),
    ("arrays", |n| select("[", "1", "]", n)),
    ("arrays of no literal", |n| format!("SELECT {} FROM numbers(1)", around("[", "number", "]", n))),
    ("CASE", |n| select("CASE WHEN 1 THEN ", "1", " END", n)),
    ("CASE of columns", |n| {
        format!("SELECT {} FROM numbers(1)", around("CASE WHEN number=1 THEN ", "1", " ELSE 2 END", n))
    }),
    ("NOT", |n| select("NOT ", "1", "", n)),
    ("minus", |n| select("- ", "1", "", n)),
    ("plus", |n| select("1 + ", "1", "", n)),
    ("plus of columns", |n| format!("SELECT {} FROM numbers(1)", around("number + ", "1", "", n))),
    ("AND in brackets", |n| format!("SELECT {} FROM numbers(1)", around("(number AND ", "1", ")", n))),
    ("ternary", |n| select("1 ? 1 : ", "1", "", n)),
    ("functions", |n| select("abs(", "1", ")", n)),
    ("functions of columns", |n| format!("SELECT {} FROM numbers(1)", around("abs(", "number", ")", n))),
    ("lambdas", |n| select("arrayMap(x -> ", "1", ", [1])", n)),
    ("lambdas without a function", |n| select("x -> ", "1", "", n)),
    ("subqueries", |n| around("SELECT * FROM (", "SELECT 1", ")", n)),
    ("scalar subqueries", |n| around("SELECT (", "SELECT 1", ")", n)),
    // Deeper ones take for ever, as everywhere: see below.
    ("IN", |n| around("SELECT 1 WHERE 1 IN (", "SELECT 1", ")", if n < 1000 { n.min(12) } else { n })),
    ("EXISTS", |n| around("SELECT EXISTS(", "SELECT 1", ")", n)),
    ("WITH", |n| around("WITH x AS (", "SELECT 1", ") SELECT * FROM x", n)),
    ("UNION", |n| around("(SELECT 1 UNION ALL ", "SELECT 1", ")", n)),
    ("JOIN", |n| format!("SELECT 1 FROM numbers(1) AS a {}", "JOIN numbers(1) AS b ON 1 ".repeat(n.min(60)))),
    ("view", |n| around("SELECT * FROM view(", "SELECT 1", ")", n)),
    ("EXPLAIN", |n| format!("{} SELECT 1", "EXPLAIN ".repeat(n))),
    ("types", |n| format!("SELECT CAST([], '{}')", around("Array(", "UInt8", ")", n))),
    ("types of tuples", |n| format!("SELECT CAST(NULL, '{}')", around("Tuple(a ", "UInt8", ")", n))),
    ("types after ::", |n| format!("SELECT []::{}", around("Array(", "UInt8", ")", n))),
    ("a query in a string", |n| format!("SELECT formatQuery('SELECT {}')", around("(", "1", ")", n))),
    ("JSON", |n| format!("SELECT JSONExtractRaw('{}', 1), '{0}'::JSON", around("{\"a\":", "1", "}", n))),
];

/// Levels: about those at which the parser's limit ends a kind, and many more.
const LEVELS: [usize; 14] = [40, 80, 120, 150, 190, 240, 320, 450, 600, 800, 990, 2_000, 10_000, 30_000];

#[test]
fn of_statements_ends_in_an_error_at_most() {
    let server = Server::start();
    for (kind, nested) in KINDS {
        let mut deepest = 0;
        for levels in LEVELS {
            let sql = nested(levels);
            for head in [
                " HTTP/1.1".to_owned(),
                "?max_parser_depth=10000000 HTTP/1.1".to_owned(),
                owners(&server, ""),
                owners(&server, "?max_parser_depth=10000000"),
                owners(
                    &server,
                    "?max_parser_depth=0&max_ast_depth=0&max_subquery_depth=0&max_analyze_depth=0",
                ),
            ] {
                let asked = Instant::now();
                let said = answer(sent(&server, &head, sql.as_bytes()));
                assert_ne!(said.status, 0, "{kind}, {levels} levels: no answer");
                if said.status == 200 {
                    deepest = levels;
                }
                assert!(asked.elapsed() < AT_ONCE * 20, "{kind}, {levels} levels: {:?}", asked.elapsed());
            }
        }
        println!("{kind}: {deepest} levels answered");
        assert_lives(&server, kind);
    }
}

#[test]
fn lifted_within_a_statement_ends_in_an_error_at_most() {
    let server = Server::start();
    for levels in [990, 5_000, 30_000, 100_000] {
        for (open, close) in [
            ("(", ")"),
            ("[", "]"),
            ("NOT ", ""),
            ("CASE WHEN 1 THEN ", " END"),
            ("abs(", ")"),
            ("x -> ", ""),
        ] {
            let deep = around(open, "1", close, levels.min(250_000 / (open.len() + close.len())));
            for (sql, exception) in [
                (
                    format!("SELECT formatQuery('SELECT {deep}') SETTINGS max_parser_depth = 10000000"),
                    Some(452),
                ),
                (
                    format!(
                        "SELECT * FROM (SELECT formatQuery('SELECT {deep}') SETTINGS max_parser_depth = 10000000)"
                    ),
                    None,
                ),
                (
                    format!(
                        "SELECT * FROM (SELECT formatQuery('SELECT {deep}') SETTINGS max_parser_depth = 0)"
                    ),
                    None,
                ),
                ("SET max_parser_depth = 10000000".to_owned(), Some(452)),
            ] {
                let said = answer(sent(&server, &owners(&server, ""), sql.as_bytes()));
                assert_ne!(said.status, 0, "{sql:.90}: no answer");
                assert!(
                    exception.is_none_or(|exception| said.exception() == exception),
                    "{sql:.90}: {:.300}",
                    said.body
                );
            }
        }
        assert_lives(&server, "a lifted limit");
    }
}

/// Statements whose analysis takes more than twice as long with each level, and cannot be cancelled.
#[test]
fn of_subqueries_holds_no_readers_thread() {
    let server = Server::start();
    let chain = |levels: usize, tables: usize| {
        let step = |at: usize| {
            let tables: Vec<_> = (0..tables).map(|table| format!("a{at} AS t{table}")).collect();
            format!(", a{} AS (SELECT t0.x AS x FROM {})", at + 1, tables.join(", "))
        };
        format!(
            "WITH a0 AS (SELECT 1 AS x){} SELECT count() FROM a{levels}",
            (0..levels).map(step).collect::<String>()
        )
    };
    let joins = |tables: usize| {
        format!(
            "SELECT 1 FROM numbers(1) AS a {}",
            "JOIN numbers(1) AS b ON a.number = b.number ".repeat(tables)
        )
    };
    let doubled = |levels: usize| {
        let steps: Vec<_> = (0..levels).map(|at| format!(", (a{at}, a{at}) AS a{}", at + 1)).collect();
        let steps = steps.concat();
        format!("WITH number AS a0{steps} SELECT ignore(a{levels}) FROM numbers(1)")
    };
    for sql in [
        around("SELECT 1 WHERE 1 IN (", "SELECT 1", ")", 40),
        around("SELECT 1 WHERE 1 IN (", "SELECT 1", ")", 9),
        around("SELECT EXISTS(", "SELECT 1", ")", 40),
        chain(9, 2),
        chain(40, 2),
        chain(5, 20),
        chain(2, 500),
        joins(60),
        joins(500),
        doubled(40),
    ] {
        let asked = Instant::now();
        let said = answer(sent(&server, " HTTP/1.1", sql.as_bytes()));
        assert_ne!(said.status, 0, "{sql:.90}: no answer");
        assert!(asked.elapsed() < AT_ONCE * 5, "{sql:.90}: {:?}", asked.elapsed());
    }
}

#[test]
fn of_data_ends_in_an_error_at_most() {
    let server = Server::start();
    server.run("CREATE TABLE j (a JSON) ENGINE = Memory");
    server.run("CREATE TABLE d (a Dynamic) ENGINE = Memory");
    server.run("CREATE TABLE s (a String) ENGINE = Memory");
    for levels in [100, 900, 5_000, 100_000] {
        for (sql, data) in [
            (
                "INSERT INTO j FORMAT JSONEachRow",
                format!("{{\"a\":{}}}", around("{\"b\":", "1", "}", levels)),
            ),
            ("INSERT INTO s FORMAT JSONEachRow", format!("{{\"a\":{}}}", around("[", "1", "]", levels))),
            ("INSERT INTO s FORMAT Values", format!("({})", around("(", "1", ")", levels))),
            ("INSERT INTO s FORMAT Values", format!("({})", around("[", "1", "]", levels))),
            ("INSERT INTO d FORMAT CSV", around("[", "1", "]", levels)),
            ("INSERT INTO s FORMAT JSON", around("{\"data\":[", "", "]}", levels)),
            ("INSERT INTO s FORMAT JSONColumns", around("{\"a\":[", "", "]}", levels)),
        ] {
            for more in ["", "&max_parser_depth=1000000&input_format_json_max_depth=1000000"] {
                let head = owners(&server, &format!("?query={}{more}", encoded(sql)));
                let said = answer(sent(&server, &head, data.as_bytes()));
                assert_ne!(said.status, 0, "{sql}, {levels} levels: no answer");
            }
        }
        assert_lives(&server, "nested data");
    }
}
