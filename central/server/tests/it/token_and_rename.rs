//! The one moment of an insert that a store cannot survive alone: killed between the deduplication token and the rows, it takes a
//! retry for a repeat and swallows it. The kill is exact: a library preloaded into the event store ends it at that rename.

use crate::support::running::Running;
use crate::support::{Engine, append, event_store, eventually, only, open_log};
use prometheus_client::registry::Registry;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that is the event store with the killer inside, armed by the file `trigger`.
fn with_killer(dir: &Path, trigger: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/kill_at_rename.c");
    let library = dir.join("kill_at_rename.so");
    let compiled =
        Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
    assert!(compiled.expect("these tests need a C compiler: cc").success());
    let script = dir.join("event-store-with-killer");
    let text = format!(
        "#!/bin/sh\nKILL_AT_RENAME='{}' LD_PRELOAD='{}' exec '{}' \"$@\"\n",
        trigger.display(),
        library.display(),
        event_store().display()
    );
    std::fs::write(&script, text).expect("written");
    let made = Command::new("chmod").arg("+x").arg(&script).status().expect("chmod runs");
    assert!(made.success());
    script
}

/// Rows that had to be sent again under another token.
fn repaired(registry: &Registry) -> u64 {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry).expect("text");
    let line = text.lines().find(|line| line.starts_with("rows_repaired_total{")).expect("counted");
    line.rsplit(' ').next().expect("a number").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_killed_between_its_token_and_its_rows_is_stored_exactly_once() {
    let dir = tempfile::tempdir().expect("temp dir");
    // Inside the data folder: the kernel lets the engine see no other.
    let trigger = dir.path().join("event-store/kill-now");
    let engine = Engine::start_program(dir.path(), with_killer(dir.path(), &trigger)).await;
    let log = open_log(dir.path()).await;
    let mut registry = Registry::default();
    let metrics = footfall_sink::Metrics::register(&mut registry);
    let sink = Running::clickhouse(&only(&log), &engine.store, &metrics, 1);
    let mut appended = 0;
    for kills in 1..=3 {
        std::fs::write(&trigger, "").expect("armed");
        append(&log, 1, appended, 300).await;
        appended += 300;
        eventually("the kill", async || engine.store.restarts() == kills).await;
        assert!(!trigger.exists(), "it went off");
        eventually("the rows", async || only(&log).lag("clickhouse") == Some(0)).await;
        assert_eq!(engine.count("count()").await, appended * 2, "none is missing, none is there twice");
        assert_eq!(engine.count("uniqExact(log_offset, log_index)").await, appended * 2);
        assert!(repaired(&registry) > 0, "the retry was swallowed, as it is after that moment");
    }
    sink.drain().await;
    log.close();
    engine.stop().await;
}
