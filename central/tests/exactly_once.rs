//! Every event of the log is in ClickHouse exactly once, whoever is killed in between.

mod support;

use std::time::Duration;

use footfall_central::sink;
use support::{Engine, Running, append, eventually, open_log};

/// Rounds of `kill -9`; `FOOTFALL_KILLS` asks for more.
fn rounds() -> u64 {
    std::env::var("FOOTFALL_KILLS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(10)
}

async fn assert_each_once(engine: &Engine, records: u64) {
    assert_eq!(engine.count("uniqExact(event_id)").await, records * 2, "none is missing");
    assert_eq!(engine.count("count()").await, records * 2, "none is there twice");
    assert_eq!(engine.count("uniqExact(log_offset, log_index)").await, records * 2);
    assert_eq!(engine.count("countIf(is_duplicate = 1)").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_flow_from_the_log_into_the_table_and_repeats_are_marked() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let log = open_log(dir.path());
    let sink = Running::start(&log, &engine.store, &sink::Metrics::default(), 1);
    append(&log, 1, 0, 100).await;
    // The edge sends some again, because an acknowledgement was lost ...
    append(&log, 1, 90, 20).await;
    // ... and another edge sends the same events under other offsets.
    append(&log, 2, 0, 10).await;
    sink.drain().await;
    assert_eq!(engine.count("count()").await, 240);
    assert_eq!(engine.count("countIf(is_duplicate = 0)").await, 220);
    assert_eq!(engine.count("uniqExactIf(event_id, is_duplicate = 0)").await, 220);
    assert_eq!(log.lag("clickhouse"), 0);
    log.close();
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_dies_between_insert_and_commit_stores_nothing_twice() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let log = open_log(dir.path());
    let metrics = sink::Metrics::default();
    append(&log, 1, 0, 200).await;
    let sink = Running::start(&log, &engine.store, &metrics, 1);
    eventually("the commit", async || log.lag("clickhouse") == 0).await;
    sink.abandon().await;
    for round in 0..5 {
        // What a crash before the commit would have left.
        log.commit("clickhouse", round * 30).expect("committed");
        append(&log, 1, 200 + round * 10, 10).await;
        Running::start(&log, &engine.store, &metrics, round).drain().await;
        assert_each_once(&engine, 210 + round * 10).await;
    }
    log.close();
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_offset_file_makes_the_sink_ask_for_everything_and_store_nothing_twice() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let log = open_log(dir.path());
    append(&log, 1, 0, 500).await;
    Running::start(&log, &engine.store, &sink::Metrics::default(), 1).drain().await;
    std::fs::remove_file(dir.path().join("log/offsets/clickhouse.offset")).expect("it is there");
    Running::start(&log, &engine.store, &sink::Metrics::default(), 2).drain().await;
    assert_each_once(&engine, 500).await;
    log.close();
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_store_killed_during_inserts_ends_with_each_event_exactly_once() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let log = open_log(dir.path());
    let metrics = sink::Metrics::default();
    let mut sink = Running::start(&log, &engine.store, &metrics, 1);
    let mut appended = 0;
    for round in 0..rounds() {
        // Different moments: while it is idle, while it inserts, while it starts.
        let mut wait = (round * 7_919) % 1_700;
        while wait > 0 {
            append(&log, 1, appended, 400).await;
            appended += 400;
            let step = wait.min(40);
            tokio::time::sleep(Duration::from_millis(step)).await;
            wait -= step;
        }
        eventually("a child to kill", async || engine.kill()).await;
        if round % 3 == 2 {
            // The sink's process dies as well.
            sink.abandon().await;
            sink = Running::start(&log, &engine.store, &metrics, round);
        }
    }
    append(&log, 1, appended, 400).await;
    sink.drain().await;
    assert_each_once(&engine, appended + 400).await;
    log.close();
    engine.stop().await;
}
