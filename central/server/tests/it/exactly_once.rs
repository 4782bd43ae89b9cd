//! Every event of the log is in ClickHouse exactly once, whoever is killed in between.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::support::running::Running;
use crate::support::{
    DAY_MS, Engine, NOON_MS, append, eventually, free_port, nodes, only, open_log, record_at,
};
use bytes::Bytes;
use footfall_clickhouse::{Block, EventStore, Millis, Options, Uuid};
use footfall_live::Live;
use footfall_log::Log;
use footfall_log::dead_letter::Parked;
use footfall_sink::batch::Planner;
use footfall_sink::dead_letters::DeadLetters;
use footfall_sink::live::LiveView;
use footfall_tables::SCHEMA;
use footfall_tables::events::{EVENTS, EventRow};
use prost::Message as _;
use tokio_util::sync::CancellationToken;

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
    let log = open_log(dir.path()).await;
    let sink = Running::clickhouse(&only(&log), &engine.store, &footfall_sink::Metrics::default(), 1);
    append(&log, 1, 0, 100).await;
    // The edge sends some again, because an acknowledgement was lost ...
    append(&log, 1, 90, 20).await;
    // ... and another edge sends the same events under other offsets.
    append(&log, 2, 0, 10).await;
    sink.drain().await;
    assert_eq!(engine.count("count()").await, 240);
    assert_eq!(engine.count("countIf(is_duplicate = 0)").await, 220);
    assert_eq!(engine.count("uniqExactIf(event_id, is_duplicate = 0)").await, 220);
    assert_eq!(only(&log).lag("clickhouse"), Some(0));
    log.close();
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_dies_between_insert_and_commit_stores_nothing_twice() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let log = open_log(dir.path()).await;
    let metrics = footfall_sink::Metrics::default();
    append(&log, 1, 0, 200).await;
    let sink = Running::clickhouse(&only(&log), &engine.store, &metrics, 1);
    eventually("the commit", async || only(&log).lag("clickhouse") == Some(0)).await;
    sink.abandon().await;
    for round in 0..5 {
        // What a crash before the commit would have left.
        only(&log).commit("clickhouse", round * 30).expect("committed");
        append(&log, 1, 200 + round * 10, 10).await;
        Running::clickhouse(&only(&log), &engine.store, &metrics, round).drain().await;
        assert_each_once(&engine, 210 + round * 10).await;
    }
    log.close();
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_offset_file_makes_the_sink_ask_for_everything_and_store_nothing_twice() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let log = open_log(dir.path()).await;
    append(&log, 1, 0, 500).await;
    Running::clickhouse(&only(&log), &engine.store, &footfall_sink::Metrics::default(), 1).drain().await;
    std::fs::remove_file(dir.path().join("log/offsets/clickhouse.offset")).expect("it is there");
    Running::clickhouse(&only(&log), &engine.store, &footfall_sink::Metrics::default(), 2).drain().await;
    assert_each_once(&engine, 500).await;
    log.close();
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_store_killed_during_inserts_ends_with_each_event_exactly_once() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let log = open_log(dir.path()).await;
    let metrics = footfall_sink::Metrics::default();
    let mut sink = Running::clickhouse(&only(&log), &engine.store, &metrics, 1);
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
            sink = Running::clickhouse(&only(&log), &engine.store, &metrics, round);
        }
    }
    append(&log, 1, appended, 400).await;
    sink.drain().await;
    assert_each_once(&engine, appended + 400).await;
    log.close();
    engine.stop().await;
}

/// The token of the insert that begins with the log's first row.
fn first_token(log: &Log) -> String {
    let mut planner = Planner::default();
    let first = EventRow { server_timestamp: Millis(NOON_MS - DAY_MS), ..EventRow::default() };
    planner.add(&first, Instant::now());
    planner.take()[0].token(only(log).incarnation().0, 0, 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_that_the_store_swallows_for_its_token_is_found_out_and_repaired() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let log = open_log(dir.path()).await;
    append(&log, 1, 0, 100).await;
    // As a store does that was killed between the token and the rows: it knows the token of an insert whose rows it does not have.
    let foreign = EventRow {
        server_timestamp: Millis(NOON_MS - DAY_MS),
        log_incarnation: Uuid([9; 16]),
        event_type: "foreign",
        ..EventRow::default()
    };
    engine
        .store
        .partition_writer(&EVENTS, [9; 16], 0)
        .insert(&Block::from_rows(&[foreign]), &first_token(&log))
        .await
        .expect("inserted");
    Running::clickhouse(&only(&log), &engine.store, &footfall_sink::Metrics::default(), 1).drain().await;
    assert_eq!(engine.count("countIf(event_type != 'foreign')").await, 200);
    assert_eq!(engine.count("uniqExactIf((log_offset, log_index), event_type != 'foreign')").await, 200);
    log.close();
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_log_does_not_have_stop_the_sink_with_an_alarm() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let log = open_log(dir.path()).await;
    append(&log, 1, 0, 10).await;
    let stray = EventRow {
        server_timestamp: Millis(NOON_MS),
        log_incarnation: Uuid(only(&log).incarnation().0),
        log_offset: 3,
        log_index: 77,
        ..EventRow::default()
    };
    engine
        .store
        .partition_writer(&EVENTS, only(&log).incarnation().0, 0)
        .insert(&Block::from_rows(&[stray]), "stray")
        .await
        .expect("inserted");
    let sink = Running::clickhouse(&only(&log), &engine.store, &footfall_sink::Metrics::default(), 1);
    eventually("the alarm", async || sink.status.fault().is_some_and(|fault| fault.contains("more rows")))
        .await;
    assert_eq!(only(&log).lag("clickhouse"), Some(10), "nothing is committed");
    sink.abandon().await;
    log.close();
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_parked_with_its_reason_and_nothing_waits_for_it() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let log = open_log(dir.path()).await;
    append(&log, 1, 0, 5).await;
    let rubbish = Bytes::from_static(b"\xff\xff rubbish");
    log.appender("edge-1")
        .append(Bytes::from_static(&[1; 16]), 5, vec![rubbish.clone()])
        .await
        .expect("appended");
    append(&log, 1, 6, 4).await;
    let metrics = footfall_sink::Metrics::default();
    let dead_letters = Running::start(&only(&log), DeadLetters, &metrics, 1);
    Running::clickhouse(&only(&log), &engine.store, &metrics, 1).drain().await;
    dead_letters.drain().await;
    assert_eq!(engine.count("count()").await, 18);
    log.close();
    drop(log);
    let options = footfall_journal::Options::new(dir.path().join("dead-letter"));
    let (dead_letter, _) = footfall_journal::Journal::open(options).expect("opened");
    let parked = dead_letter.reader(0).next(1 << 20).await.expect("read");
    let parked = Parked::decode(parked.entries[0].payload.clone()).expect("valid");
    assert_eq!(
        (parked.offset, parked.index, parked.reason.as_str(), parked.payload),
        (5, None, "record", rubbish)
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_store_that_is_down_delays_no_live_view() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    let password_file = dir.path().join("password");
    crate::support::private(&password_file, "secret");
    let backend = nodes(vec![vec![format!("http://{}", free_port())]]);
    let options = Options { backend, database: "footfall".into(), user: "footfall".into(), password_file };
    let end = CancellationToken::new();
    let (store, watch) = EventStore::start(options, &SCHEMA, end.clone()).expect("started");
    let dead = Running::clickhouse(&only(&log), &store, &footfall_sink::Metrics::default(), 1);

    let live = Live::open(footfall_live::Options::Memory);
    let metrics = footfall_sink::Metrics::default();
    let view = Running::start(&only(&log), LiveView::new(live.clone()), &metrics, 1);
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64;
    let mut slowest = Duration::ZERO;
    for offset in 0..20 {
        let sent = Instant::now();
        let record = record_at(offset, 1, now_ms);
        log.appender("edge-1")
            .append(Bytes::from_static(&[1; 16]), offset, vec![record])
            .await
            .expect("appended");
        let site = "0191d0a4-0000-7000-8000-000000000001";
        eventually("the live view", async || {
            live.snapshot(site, now_ms).await.expect("a snapshot").pageviews == offset + 1
        })
        .await;
        slowest = slowest.max(sent.elapsed());
    }
    assert!(slowest < Duration::from_secs(1), "it took {slowest:?}");
    assert!(!store.faults().is_empty());
    assert_eq!(only(&log).lag("clickhouse"), Some(20));
    view.abandon().await;
    dead.abandon().await;
    end.cancel();
    watch.await.expect("watched");
    log.close();
}
