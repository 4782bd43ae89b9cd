//! Several requests at once: side by side, apart from each other, and bounded.

use crate::server::{Folder, Server, within};
use std::time::{Duration, Instant};

#[test]
fn run_side_by_side() {
    let server = Server::start();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| assert_eq!(server.anyone("", &["-d", "SELECT sleep(1.5)"]).body, "0\n"));
        }
    });
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
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
                    let said = server.anyone(&query, &["--data-binary", sql]);
                    assert_eq!(said.body, format!("{threads}\tmine{threads}\n"));
                    let none = server.anyone("", &["--data-binary", "SELECT getSetting('log_comment')"]);
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
            within("the victim to run", || (server.run(listed) == "1\n").then_some(()));
            server.run("KILL QUERY WHERE Settings['log_comment'] = 'partition-7' ASYNC");
            within("the victim to be gone", || (server.run(listed) == "0\n").then_some(()));
            let said = victim.join().expect("it ends");
            assert_eq!(said.exception(), 394, "{}", said.body);
        });
    }
    assert_eq!(server.run("SELECT count() FROM t"), "0\n");
}

#[test]
fn wait_for_a_free_thread_but_not_for_ever() {
    let server = Folder::new().start_with(&["--readers", "1"]);
    std::thread::scope(|scope| {
        let long = scope.spawn(|| {
            server.anyone(
                "",
                &["-d", "SELECT sum(cityHash64(number)) FROM numbers(10000000000000)", "-m", "25"],
            )
        });
        let listed = "SELECT count() FROM system.processes WHERE query LIKE '%cityHash64%' AND query NOT LIKE '%LIKE%'";
        within("the long one to run", || (server.run(listed) == "1\n").then_some(()));
        let refused = server.anyone("", &["-d", "SELECT 1"]);
        assert_eq!((refused.status, refused.exception()), (503, 202), "{}", refused.body);
        assert_eq!(refused.header("retry-after"), Some("1"));
        // Whoever has the password is not kept waiting by those who have none.
        assert_eq!(server.run("SELECT 1"), "1\n");
        assert_eq!(long.join().expect("it gives up").code, Some(28));
    });
    within("the thread to be free again", || {
        (server.anyone("", &["-d", "SELECT 1"]).body == "1\n").then_some(())
    });
}
