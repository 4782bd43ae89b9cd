//! Who has no password looks beyond the one database: other databases, the server, the machine, other callers.

use super::caller::{answer, ask, assert_lives, encoded, owners, sent};
use crate::server::{Folder, wait_until};
use footfall_event_store::layout::system_tables::{EVERYBODYS, OWNERS};

#[test]
fn and_sees_nothing_of_it() {
    let server = Folder::new().start_with(&["--macro", "shard=MACROSECRET"]);
    server.run("CREATE TABLE own (a UInt64, b String) ENGINE = MergeTree ORDER BY a");
    server.run("INSERT INTO own VALUES (1, 'x')");
    server.run("CREATE DATABASE store_other");
    server.run("CREATE TABLE store_other.secret_table (a UInt64, secret_column String) ENGINE = MergeTree ORDER BY a");
    server.run("INSERT INTO store_other.secret_table VALUES (1, 'ROWSECRET')");
    // The owner's own statement, which runs meanwhile.
    let running = "SELECT sleepEachRow(1), 'TEXTSECRET' FROM numbers(3600) SETTINGS max_block_size = 1, log_comment = 'COMMENTSECRET'";
    let stream = sent(&server, &owners(&server, "?query_id=IDSECRET"), running.as_bytes());
    let listed = "SELECT count() FROM system.processes WHERE query LIKE '%TEXT' || 'SECRET%'";
    wait_until("it to run", || (server.run(listed) == "1\n").then_some(()));

    let data = server.data().display().to_string();
    let secrets = [
        "ROWSECRET",
        "TEXTSECRET",
        "COMMENTSECRET",
        "IDSECRET",
        "MACROSECRET",
        "secret_table",
        "secret_column",
        data.as_str(),
    ];
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("a name");
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");

    for sql in [
        "SELECT * FROM store_other.secret_table",
        "SELECT count() FROM store_other.secret_table",
        "SELECT * FROM `store_other`.`secret_table`",
        "SELECT * FROM {d:Identifier}.{t:Identifier}",
        // Hints at what may have been meant.
        "SELECT * FROM secret_tabl",
        "SELECT * FROM store_othr.secret_tabl",
        "SELECT secret_colum FROM own",
        "SELECT * FROM merge('store.*', '.*')",
        "SELECT * FROM merge(REGEXP('.*'), '.*')",
        "SELECT * FROM view(SELECT * FROM store_other.secret_table)",
        "SELECT * FROM viewIfPermitted(SELECT * FROM store_other.secret_table ELSE null('a UInt8'))",
        "SELECT * FROM loop(store_other.secret_table) LIMIT 3",
        "SELECT * FROM mergeTreeIndex('store_other', 'secret_table')",
        "SELECT * FROM mergeTreeProjection('store_other', 'secret_table', 'p')",
        "SELECT * FROM remote('127.0.0.1', store_other.secret_table)",
        "SELECT * FROM dictionary('store_other.secret_table')",
        "SELECT joinGet('store_other.secret_table', 'secret_column', 1)",
        "SELECT 1 IN store_other.secret_table",
        "SELECT (SELECT any(secret_column) FROM store_other.secret_table)",
        "EXPLAIN SELECT * FROM store_other.secret_table",
        "EXPLAIN ESTIMATE SELECT * FROM store_other.secret_table",
        "EXPLAIN QUERY TREE SELECT * FROM store_other.secret_table",
        "EXPLAIN SYNTAX SELECT * FROM store_other.secret_table",
        "EXPLAIN SYNTAX run_query_tree_passes = 1 SELECT * FROM store_other.secret_table",
        "EXPLAIN PLAN header = 1, actions = 1 SELECT * FROM store_other.secret_table",
        "EXPLAIN PIPELINE SELECT * FROM store_other.secret_table",
        "EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:9', 'a', 'b', 'c', 'd') COLUMNS (a Int8)",
        "SELECT * FROM (EXPLAIN QUERY TREE SELECT * FROM store_other.secret_table)",
        "SELECT * FROM viewExplain('EXPLAIN QUERY TREE', '', (SELECT * FROM store_other.secret_table))",
        "DESCRIBE TABLE store_other.secret_table",
        "SHOW CREATE TABLE store_other.secret_table",
        "SHOW TABLES FROM store_other",
        "SHOW FULL TABLES FROM store_other",
        "SHOW COLUMNS FROM secret_table FROM store_other",
        "SHOW INDEX FROM secret_table FROM store_other",
        "SHOW CREATE DATABASE store_other",
        "SHOW DATABASES",
        "CHECK TABLE store_other.secret_table",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM information_schema.columns",
        "SELECT * FROM INFORMATION_SCHEMA.SCHEMATA",
        "SELECT * FROM INFORMATION_SCHEMA.STATISTICS",
        "SHOW PROCESSLIST",
        "SHOW FULL PROCESSLIST",
        "SHOW CLUSTERS",
        "SHOW MERGES",
        "SHOW GRANTS",
        "SHOW ACCESS",
        "SHOW USERS",
        "SHOW CREATE USER default",
        "SHOW CREATE PROFILE default",
        "SHOW POLICIES",
        "SHOW CREATE ROLE owner",
        "SHOW FILESYSTEM CACHES",
        "DESCRIBE FILESYSTEM CACHE 'x'",
        "SELECT getMacro('shard')",
        "SELECT `getMacro`('shard')",
        "SELECT * APPLY(getMacro) FROM (SELECT 'shard')",
        "SELECT * FROM format(JSONEachRow, 'a UInt8, b String DEFAULT getMacro(\\'shard\\')', '{\"a\":1}')",
        "SELECT * FROM values('a UInt8, b String DEFAULT getMacro(\\'shard\\')', (1, 'x'))",
        "SELECT * FROM generateRandom('a UInt8, b String ALIAS getMacro(\\'shard\\')') LIMIT 1",
        "SELECT getServerSetting('max_server_memory_usage')",
        "SELECT hostName(), FQDN(), fullHostName()",
        "SELECT getOSKernelVersion()",
        "SELECT filesystemCapacity(), filesystemAvailable(), filesystemUnreserved()",
        "SELECT serverUUID(), uptime(), tcpPort(), getServerPort('http_port')",
        "SELECT file('nope')",
        "SELECT file('../config.xml')",
        "SELECT * FROM filesystem('')",
        "SELECT * FROM filesystem('/')",
        "SELECT arrayMap(file, ['config.xml'])",
        "SELECT arrayMap(file, ['no such file'])",
        "SELECT * APPLY(file) FROM (SELECT 'engine/status')",
        "SELECT * FROM default.`config.xml`",
        "SELECT * FROM default.`engine/status`",
        "SHOW TABLES FROM default",
        "SELECT data_paths, metadata_path FROM system.tables",
        "SELECT * FROM system.tables",
        "SELECT * FROM system.databases",
        "SELECT * FROM system.columns WHERE database != 'system'",
        "SELECT path FROM system.parts",
        "SELECT addressToLine(1), demangle('x')",
        "SELECT trap('access context')",
        "SELECT logTrace('x')",
        "SYSTEM FLUSH LOGS",
        "KILL QUERY WHERE 1 SYNC",
    ] {
        for query in [
            "?param_d=store_other&param_t=secret_table",
            "?default_format=JSON",
            "?database=store_other",
            "?database=system",
        ] {
            let said = ask(&server, query, sql.as_bytes());
            assert_ne!(said.status, 0, "{sql}: no answer");
            for secret in secrets {
                // What the statement said itself may be said back to it.
                assert!(
                    sql.contains(secret) || query.contains(secret) || !said.body.contains(secret),
                    "{query} {sql}: {}",
                    said.body
                );
                assert!(said.status != 200 || !said.body.contains(secret), "{query} {sql}: {}", said.body);
            }
            for of_the_machine in [machine.trim(), kernel.trim()] {
                let told =
                    said.status == 200 && said.body.split_whitespace().any(|word| word == of_the_machine);
                assert!(!told, "{query} {sql}: {}", said.body);
            }
        }
    }
    // Nothing of it has stopped what the owner runs.
    assert_eq!(server.run(listed), "1\n");
    drop(stream);
    assert_lives(&server, "prying");
}

#[test]
fn and_finds_each_table_of_the_server_empty_unless_it_describes_the_language() {
    let server = Folder::new().start_with(&["--macro", "shard=MACROSECRET"]);
    server.run("CREATE TABLE own (a UInt64) ENGINE = MergeTree ORDER BY a");
    server.run("INSERT INTO own VALUES (1)");
    let names = server.run("SELECT name FROM system.tables WHERE database = 'system'");
    for name in names.lines() {
        let is_listed = |list: &str| list.split(' ').any(|listed| listed == name);
        assert!(is_listed(OWNERS) != is_listed(EVERYBODYS), "{name} is on no list, or on both");
        // Some tables want a condition; none says anything of use either way.
        let said = ask(
            &server,
            "",
            format!("SELECT count() FROM (SELECT * FROM system.{name} LIMIT 10)").as_bytes(),
        );
        if is_listed(OWNERS) {
            assert!(
                said.status != 200
                    || said.body.contains("\r\n0\n")
                    || said.body.ends_with("\n0\n")
                    || said.body.contains("0\n"),
                "{name}: {}",
                said.body
            );
            let rows = said
                .body
                .split("\r\n")
                .find(|line| line.trim().parse::<u64>().is_ok() && !line.trim().is_empty());
            assert!(
                said.status != 200 || rows.is_none_or(|rows| rows.trim() == "0" || rows.trim() == "2"),
                "{name}: {}",
                said.body
            );
        } else {
            assert_eq!(said.status, 200, "{name}: {}", said.body);
        }
    }
    // What clients read by their defaults is there.
    for (sql, rows) in [
        ("SELECT version() != '', timezone(), currentDatabase(), currentUser() != ''", "1\tUTC\tstore\t1\n"),
        ("SELECT count() > 1000 FROM system.settings", "1\n"),
        ("SELECT name FROM system.tables WHERE database = currentDatabase()", "own\n"),
        ("SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'own'", "a\n"),
        ("SELECT name FROM system.databases WHERE name LIKE 'store%'", "store\n"),
        ("SELECT count() > 100 FROM system.functions", "1\n"),
        ("SELECT count() > 10 FROM system.data_type_families", "1\n"),
        ("SELECT number FROM system.numbers LIMIT 1", "0\n"),
        ("SHOW TABLES", "own\n"),
        ("EXISTS TABLE own", "1\n"),
        ("SELECT sum(a) FROM own", "1\n"),
    ] {
        let said = server.curl_as_reader("", &["--data-binary", sql]);
        assert_eq!((said.status, said.body.as_str()), (200, rows), "{sql}");
    }
    let described = server.curl_as_reader("", &["--data-binary", "DESCRIBE TABLE own"]);
    assert!(described.body.starts_with("a\tUInt64"), "{}", described.body);
    // And the owner has all of it.
    for sql in [
        "SELECT count() > 0 FROM system.parts",
        "SELECT count() > 0 FROM system.disks",
        "SELECT count() > 0 FROM system.server_settings",
        "SELECT count() > 0 FROM system.processes",
        "SELECT count() > 0 FROM system.macros",
        "SELECT getMacro('shard') = 'MACROSECRET'",
    ] {
        assert_eq!(server.run(sql), "1\n", "{sql}");
    }
    let other = answer(sent(
        &server,
        &owners(&server, &format!("?query={}", encoded("SELECT 1 FROM system.disks"))),
        b"",
    ));
    assert_eq!(other.status, 200);
}
