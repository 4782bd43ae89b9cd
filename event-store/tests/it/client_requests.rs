//! What clients send beside a statement: sessions, tables of their own, the wish to have an answer whole.

use crate::server::Server;

#[test]
fn may_name_a_session_but_not_use_one() {
    let server = Server::start();
    let session = "?session_id=s&session_timeout=60&session_check=0";
    for sql in [
        "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a",
        "INSERT INTO t VALUES (1)",
        "SELECT a FROM t SETTINGS max_threads = 1",
        "EXISTS TEMPORARY TABLE t",
    ] {
        let said = server.curl(session, &["--data-binary", sql]);
        assert_eq!(said.status, 200, "{sql}: {}", said.body);
    }
    for sql in ["SET max_threads = 1", "USE system", "CREATE TEMPORARY TABLE u (a UInt8)"] {
        let said = server.curl(session, &["--data-binary", sql]);
        assert_eq!((said.status, said.exception()), (501, 48), "{sql}: {}", said.body);
        assert!(said.body.contains("Sessions are not kept here"), "{sql}: {}", said.body);
        assert_eq!(server.curl_as_reader(session, &["--data-binary", sql]).exception(), 497, "{sql}");
    }
    assert_eq!(server.curl_as_reader(session, &["--data-binary", "SELECT a FROM t"]).body, "1\n");
}

#[test]
fn brings_tables_along() {
    let server = Server::start();
    let ask = |query: &str, arguments: &[&str]| server.curl_as_reader(query, arguments);
    let sum = "query=SELECT sum(a), max(b) FROM u";
    let csv = "u=1,x\n2,y;filename=u.csv";
    let said = ask("?u_structure=a+UInt8,b+String&u_format=CSV", &["-F", sum, "-F", csv]);
    assert_eq!(said.body, "3\ty\n");
    let typed = ask(
        "?query=SELECT+sum(_1)+FROM+u+CROSS+JOIN+v&v_structure=c+Nullable(UInt8)",
        &["-F", "u_types=UInt8", "-F", "u=1\n2\n;filename=x", "-F", "v=\\N\n;filename="],
    );
    assert_eq!(typed.body, "3\n");
    // It is one request's, and of names and types only.
    assert_eq!(ask("", &["-d", "SELECT * FROM u"]).exception(), 60);
    for (query, code) in [
        ("?u_structure=a+UInt8+DEFAULT+file('/etc/passwd')", 36),
        ("?u_structure=a+UInt8)+ENGINE%3DLog--", 36),
        ("?u_types=NoSuchType", 50),
        ("?", 36),
    ] {
        let said = ask(query, &["-F", "query=SELECT 1", "-F", "u=1;filename=u"]);
        assert_eq!(said.exception(), code, "{query}: {}", said.body);
    }
    let long = tempfile::NamedTempFile::new().expect("made");
    std::fs::write(long.path(), "1\n".repeat(3 << 20)).expect("written");
    let bring = format!("u=@{};filename=u", long.path().display());
    let said = ask("?u_types=UInt8", &["-F", "query=SELECT 1", "-F", &bring]);
    assert_eq!((said.status, said.exception()), (413, 229));
    // Who has the password may bring more.
    let counted = server.curl("?u_types=UInt8", &["-F", "query=SELECT count() FROM u", "-F", &bring]);
    assert_eq!(counted.body, "3145728\n");
    // Who may only read changes nothing by it.
    let insert = "query=INSERT INTO t SELECT * FROM u";
    server.run("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a");
    assert_eq!(ask("?u_types=UInt8", &["-F", insert, "-F", "u=1;filename=u"]).exception(), 497);
    assert_eq!(server.curl("?u_types=UInt8", &["-F", insert, "-F", "u=1;filename=u"]).status, 200);
    assert_eq!(server.run("SELECT a FROM t"), "1\n");
}

#[test]
fn holds_an_answer_back_as_long_as_it_may() {
    let server = Server::start();
    let ask = |rows: u64, at: u64| {
        let sql =
            format!("SELECT number, repeat('x', 100), throwIf(number = {at}, 'boom') FROM numbers({rows})");
        server.curl("?wait_end_of_query=1", &["--data-binary", &sql])
    };
    let held = ask(500_000, 500_000);
    assert!(held.header("content-length").is_some() && held.body.lines().count() == 500_000);
    let summary = held.header("x-clickhouse-summary").expect("a summary");
    assert!(summary.contains("\"result_rows\":\"500000\""), "{summary}");
    let failed = ask(500_000, 499_999);
    assert_eq!((failed.status, failed.exception()), (500, 395), "an error with a status");
    let longer = ask(1_000_000, 1_000_000);
    assert!(longer.header("content-length").is_none() && longer.body.lines().count() == 1_000_000);
    assert_eq!(ask(1_000_000, 999_999).code, Some(18), "the body breaks off");
}
