//! Who gives no password: may read tables, and nothing else of the machine.

use crate::server::Server;

#[test]
fn may_read_and_nothing_more() {
    let server = Server::start();
    server.run("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
    server.run("INSERT INTO t VALUES (1)");
    for sql in [
        "SELECT a FROM t",
        "WITH 1 AS x SELECT x",
        "SHOW TABLES",
        "DESCRIBE TABLE t",
        "SHOW CREATE TABLE t",
        "EXISTS TABLE t",
        "EXPLAIN SELECT a FROM t",
        "SELECT count() FROM system.processes",
        "SELECT count() FROM system.parts",
        "SELECT count() FROM INFORMATION_SCHEMA.tables",
    ] {
        let said = server.curl_as_reader("", &["--data-binary", sql]);
        assert_eq!(said.status, 200, "{sql}: {}", said.body);
    }
    for sql in [
        "INSERT INTO t VALUES (2)",
        "INSERT INTO t FORMAT CSV\n2\n",
        "INSERT INTO t SELECT 2",
        "CREATE TABLE u (a UInt8) ENGINE = Memory",
        "CREATE TEMPORARY TABLE u (a UInt8)",
        "DROP TABLE t",
        "TRUNCATE TABLE t",
        "ALTER TABLE t DELETE WHERE 1",
        "DELETE FROM t WHERE 1",
        "OPTIMIZE TABLE t",
        "RENAME TABLE t TO u",
        "SET max_threads = 1",
        "SET readonly = 0",
        "USE system",
        "KILL QUERY WHERE 1",
        "SYSTEM FLUSH LOGS",
        "GRANT ALL ON *.* TO default",
        "CREATE FUNCTION f AS (x) -> x",
        "BACKUP TABLE t TO Disk('a', 'b')",
        "EXPLAIN ANALYZE INSERT INTO t SELECT 2",
        "INSERT INTO FUNCTION file('x.csv') SELECT 1",
    ] {
        let said = server.curl_as_reader("", &["--data-binary", sql]);
        assert_eq!((said.status, said.exception()), (403, 497), "{sql}: {}", said.body);
    }
    for (sql, status, exception) in [
        ("SELECT 1; INSERT INTO t VALUES (2)", 400, 62),
        ("SELECT 1;SELECT 2", 400, 62),
        ("SELECT 1 INTO OUTFILE 'x.csv'", 500, 358),
        ("INSERT INTO", 400, 62),
    ] {
        let said = server.curl_as_reader("", &["--data-binary", sql]);
        assert_eq!((said.status, said.exception()), (status, exception), "{sql}: {}", said.body);
    }
    assert_eq!(server.run("SELECT count(), sum(a) FROM t"), "1\t1\n");
    let by_get = server.curl("?query=INSERT%20INTO%20t%20VALUES%20(2)", &["--get"]);
    assert_eq!((by_get.status, by_get.exception()), (500, 164), "{}", by_get.body);
    let readonly = server.curl("?readonly=1", &["--data-binary", "INSERT INTO t VALUES (2)"]);
    assert_eq!(readonly.exception(), 164, "{}", readonly.body);
}

#[test]
fn see_no_file_and_no_other_server() {
    let server = Server::start();
    let secret = server.password();
    let folder = tempfile::tempdir().expect("temp dir");
    let file = folder.path().join("secret");
    std::fs::write(&file, "${secret}TOPSECRET${x}\n").expect("written");
    let file = file.display();
    // The kernel lets the engine open nothing outside its folder (76); where a grant is wanted there is none (497).
    let (denied, no_grant) = ((503, 76), (403, 497));
    let attempts = [
        (format!("SELECT file('{file}')"), denied),
        (format!("SELECT `file`('{file}')"), denied),
        (format!("SELECT arrayMap(file, ['{file}'])"), denied),
        (format!("SELECT * APPLY(file) FROM (SELECT '{file}')"), denied),
        (format!("SELECT * FROM file('{file}', 'LineAsString')"), no_grant),
        (format!("SELECT * FROM default.`{file}`"), no_grant),
        (format!("SELECT * FROM format(Values, 'a String', '(file(\\'{file}\\'))')"), denied),
        (
            format!(
                "SELECT * FROM format(JSONEachRow, 'a Int8, b String DEFAULT file(\\'{file}\\')', '{{\"a\":1}}')"
            ),
            denied,
        ),
        (format!("SELECT 1 AS a FORMAT Template SETTINGS format_template_row = '{file}'"), denied),
        (format!("SELECT formatRow('Template', 1) SETTINGS format_template_row = '{file}'"), denied),
        (format!("SELECT 1 AS a FORMAT Protobuf SETTINGS format_schema = '{file}:M'"), (500, 434)),
        (
            format!(
                "SELECT * FROM eval('SELECT file(''{file}'')') SETTINGS allow_experimental_eval_table_function = 1"
            ),
            denied,
        ),
        ("SELECT file('/proc/self/environ')".to_owned(), denied),
        ("SELECT file('../../password')".to_owned(), denied),
        (format!("SELECT file('{}')", server.password_file().display()), denied),
        ("SELECT * FROM url('http://127.0.0.1:9/', 'LineAsString')".to_owned(), no_grant),
        ("SELECT * FROM remote('127.0.0.1', system.one)".to_owned(), no_grant),
        ("SELECT * FROM s3('http://127.0.0.1:9/bucket/key', 'LineAsString')".to_owned(), no_grant),
        ("SELECT * FROM mysql('127.0.0.1:9', 'a', 'b', 'c', 'd')".to_owned(), no_grant),
        ("SELECT * FROM sqlite('x', 'y')".to_owned(), no_grant),
        ("SELECT * FROM executable('x', 'TSV', 'a String')".to_owned(), (500, 1)),
    ];
    for (sql, refusal) in &attempts {
        let said = server.curl("", &["--data-binary", sql]);
        assert_eq!((said.status, said.exception()), *refusal, "{sql}: {}", said.body);
        // Without the password most of it does not reach the engine.
        let unasked = server.curl_as_reader("", &["--data-binary", sql]);
        let refused = [(403, 497), (500, 164), *refusal].contains(&(unasked.status, unasked.exception()));
        assert!(refused, "{sql}: {}", unasked.body);
        for said in [said, unasked] {
            assert!(!said.body.contains("TOPSECRET") && !said.body.contains(&secret), "{sql}: {}", said.body);
        }
    }
    // The engine may read its own threads' figures; what stands beside them is blank, or leads out and is refused.
    let threads = format!("/proc/self/task/{}", server.pid());
    let schedule = server.curl("", &["--data-binary", &format!("SELECT file('{threads}/schedstat')")]);
    assert_eq!(schedule.status, 200, "{}", schedule.body);
    for (beside, status, exception) in [
        ("environ", 200, 0),
        ("mem", 200, 0),
        ("root/etc/passwd", 503, 76),
        ("cwd/../../password", 500, 107),
        ("root/proc/1/environ", 503, 76),
    ] {
        let said = server.curl("", &["--data-binary", &format!("SELECT file('{threads}/{beside}')")]);
        assert_eq!((said.status, said.exception()), (status, exception), "{beside}: {}", said.body);
        assert!(!said.body.contains("SECRET") && !said.body.contains("root:"), "{beside}: {}", said.body);
        let blank = said.body.trim_matches(['\\', '0', '\n']).is_empty();
        assert!(status != 200 || blank, "{beside}: {}", said.body);
    }
    for sql in [
        "CREATE TABLE f (a String) ENGINE = File(LineAsString)",
        "CREATE TABLE f (a String) ENGINE = URL('http://127.0.0.1:9/', 'CSV')",
        "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(EXECUTABLE(command 'id' format 'TSV')) LAYOUT(FLAT()) \
         LIFETIME(0)",
        "INSERT INTO FUNCTION file('x.csv') SELECT 1",
        "BACKUP DATABASE store TO File('/tmp/x')",
        "CREATE USER u",
    ] {
        let said = server.curl("", &["--data-binary", sql]);
        assert_eq!((said.status, said.exception()), (403, 497), "{sql}: {}", said.body);
    }
}

#[test]
fn with_a_wrong_password_may_not_even_read() {
    let server = Server::start();
    for arguments in [
        ["-u", "writer:wrong"],
        ["-u", "writer:"],
        ["-u", "stranger:x"],
        ["-H", "X-ClickHouse-Key: wrong"],
        ["-H", "Authorization: Bearer x"],
    ] {
        let said = server.curl_as_reader("", &[&arguments[..], &["--data-binary", "SELECT 1"]].concat());
        assert_eq!((said.status, said.exception()), (403, 516), "{arguments:?}: {}", said.body);
        assert!(said.body.contains("Authentication failed"), "{}", said.body);
    }
    let password = server.password();
    let in_url = format!("?user=writer&password={password}");
    assert_eq!(
        server.curl_as_reader(&in_url, &["--data-binary", "CREATE TABLE a (b UInt8) ENGINE = Memory"]).status,
        200
    );
    let key = format!("X-ClickHouse-Key: {password}");
    let headers = ["-H", "X-ClickHouse-User: writer", "-H", &key, "--data-binary", "DROP TABLE a"];
    assert_eq!(server.curl_as_reader("", &headers).status, 200);
    assert_eq!(server.curl_as_reader("", &["-u", "default:", "-d", "SELECT 1"]).body, "1\n");
}
