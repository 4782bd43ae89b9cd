//! The `central` program: how it starts, what it refuses, how it ends.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use footfall_harness::process::{Process, has_many_descriptors, with_few_descriptors};

use crate::support::central::Place;
use crate::support::{event_store, library};

fn runs(pid: u64) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie has ended; its parent has yet to hear of it.
    status.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_once_ready_and_ends_cleanly_when_told() {
    let place = Place::new();
    let mut central = place.start(&[]);
    assert_eq!(central.ready["clickhouse"]["user"], "footfall");
    assert!(central.ready["relay"].as_str().expect("an address").starts_with("127.0.0.1:"));
    let password = central.ready["clickhouse"]["password_file"].as_str().expect("a path");
    assert!(Path::new(password).is_file());
    assert_eq!(central.get("/healthz").await.0, 200);
    assert_eq!(central.get("/readyz").await.0, 200);
    let (status, metrics) = central.get("/metrics").await;
    assert!(status == 200 && metrics.contains("footfall_central_log_records_total"), "{metrics}");
    crate::support::eventually("the lag of every sink", async || {
        let (_, metrics) = central.get("/metrics").await;
        ["clickhouse", "raw_log", "live"].iter().all(|sink| {
            let of = format!("{{sink=\"{sink}\",partition=\"0\"}} 0\n");
            ["lag_records", "late"]
                .iter()
                .all(|what| metrics.contains(&format!("footfall_central_sink_{what}{of}")))
        })
    })
    .await;
    let event_store = central.event_store();
    assert!(runs(event_store));
    central.signal("-TERM");
    assert!(central.wait().success());
    assert!(!runs(event_store), "it leaves nothing running");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_soft_limit_is_raised_at_start() {
    let place = Place::new();
    let central = place.begin(&mut with_few_descriptors(&place.command(&[])));
    let pid = central.child.id();
    crate::support::eventually("central's limit", async || has_many_descriptors(pid)).await;
    drop(central);
    let mut command = Command::new(event_store());
    command.args(["--until-eof", "--listen", "127.0.0.1:0", "--library"]).arg(library());
    command.arg("--data").arg(place.dir.path().join("store"));
    command.arg("--password-file").arg(place.dir.path().join("store.password"));
    let store = Process::start(&mut with_few_descriptors(&command));
    assert!(has_many_descriptors(store.pid()));
    assert!(store.finish().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_the_next_start_waits_for_what_the_last_one_left() {
    let place = Place::new();
    let mut central = place.start(&["--until-eof"]);
    let event_store = central.event_store();
    central.signal("-KILL");
    central.wait();
    let mut next = place.start(&["--until-eof"]);
    assert_eq!(next.get("/readyz").await.0, 200);
    assert!(!runs(event_store), "the event store ended with its central");
    drop(next.child.stdin.take());
    assert!(next.wait().success(), "it ends with its input");
    assert!(!runs(next.event_store()));
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_exactly_one_central() {
    let place = Place::new();
    let mut first = place.start(&[]);
    let second = place.run(&[], &[("FOOTFALL_HTTP_LISTEN", "127.0.0.1:0")]);
    assert_eq!(second.status.code(), Some(1));
    let sentence = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(sentence.contains("another central holds"), "{sentence}");
    first.signal("-INT");
    assert!(first.wait().success());
}

#[test]
fn shards_that_do_not_divide_the_logs_partitions_are_refused() {
    let place = Place::new();
    let password = place.file("store.password", "secret").display().to_string();
    let environment = [
        ("FOOTFALL_EVENT_STORE_SERVERS", "http://127.0.0.1:9; http://127.0.0.1:19"),
        ("FOOTFALL_EVENT_STORE_PASSWORD_FILE", password.as_str()),
    ];
    let refused = place.run(&[], &environment);
    let sentence = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{sentence}");
    assert!(sentence.contains("2 shards, which do not divide the log's 1 partitions"), "{sentence}");
}

#[test]
fn a_mistaken_configuration_is_one_sentence_and_exit_64() {
    let place = Place::new();
    let checked = place.run(&["--check"], &[]);
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stderr));
    assert!(!place.dir.path().join("central").exists(), "checking makes nothing");
    for environment in [
        ("FOOTFALL_HTTP_LISTEN", "0.0.0.0:8081"),
        ("FOOTFALL_RELAY_KEY", "/no/such/key"),
        ("FOOTFALL_EVENT_STORE_LIBRARY", "/no/such/libchdb.so"),
        ("FOOTFALL_LOG_MAX_BYTES", "much"),
        ("FOOTFALL_LOG_MAX_BITES", "268435456"),
    ] {
        let refused = place.run(&[], &[environment]);
        let mut sentence = String::new();
        refused.stderr.as_slice().read_to_string(&mut sentence).expect("text");
        assert_eq!(refused.status.code(), Some(64), "{sentence}");
        assert!(sentence.ends_with('\n') && sentence.trim_end().lines().count() == 1, "{sentence}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_work_on_what_central_writes_want_it_stopped() {
    let place = Place::new();
    let command = |arguments: &[&str]| place.ask(arguments);
    let rebuild = ["replay", "--from", "2026-11-22", "--to", "2026-11-23", "--into", "events"];
    let mut central = place.start(&[]);
    for arguments in [&rebuild[..], &["dead-letter", "replay"]] {
        let refused = command(arguments);
        let sentence = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{sentence}");
        assert!(
            sentence.contains("central has to be stopped first") && sentence.lines().count() == 1,
            "{sentence}"
        );
    }
    central.signal("-TERM");
    assert!(central.wait().success());

    let done = command(&rebuild);
    let printed = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(printed.lines().count(), 2, "a line for each day: {printed}");
    assert!(printed.starts_with("2026-11-22: 0 raw records, 0 events; rows before 0, after 0"), "{printed}");
    let live = command(&["replay", "--from", "2026-11-22", "--to", "2026-11-22", "--into", "live"]);
    assert!(live.status.success() && String::from_utf8_lossy(&live.stdout).contains("nothing to do"));
    let listed = command(&["dead-letter", "list", "--json"]);
    assert!(listed.status.success() && listed.stdout.is_empty());
    let shown = command(&["dead-letter", "show", "0-5"]);
    assert!(String::from_utf8_lossy(&shown.stderr).contains("nothing is parked at 0-5"));
    let mistaken = command(&["replay", "--from", "23.11.2026", "--to", "2026-11-23", "--into", "events"]);
    assert_eq!(mistaken.status.code(), Some(64), "a day that is none");
}
