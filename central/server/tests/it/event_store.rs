//! The embedded event store: a child that is started again, and reports that strangers on its port do not hold back.

use std::time::{Duration, Instant};

use crate::support::{Engine, NOON_MS, eventually, http};
use footfall_clickhouse::{Block, Limits, Millis, Statement, Uuid};
use footfall_tables::events::{EVENTS, EventRow};
use tokio::net::TcpListener;

fn rows(offsets: impl IntoIterator<Item = u64>) -> Block {
    let row =
        EventRow { server_timestamp: Millis(NOON_MS), log_incarnation: Uuid([7; 16]), ..EventRow::default() };
    let rows = offsets.into_iter().map(|offset| EventRow { log_offset: offset, ..row.clone() });
    Block::from_rows(&rows.collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_event_store_comes_back_with_all_it_acknowledged() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    engine
        .store
        .partition_writer(&EVENTS, [7; 16], 0)
        .insert(&rows(0..100), "token")
        .await
        .expect("inserted");
    let first = engine.store.pid().expect("it runs");
    assert!(engine.kill());
    eventually("the end of the child", async || engine.store.pid() != Some(first)).await;
    engine.ready().await;
    let announced = std::fs::read_to_string(dir.path().join("event-store.json")).expect("announced");
    assert!(announced.contains(&engine.store.pid().expect("it runs").to_string()), "{announced}");
    assert_eq!(engine.count("count()").await, 100);
    engine.stop().await;

    let engine = Engine::start(dir.path()).await;
    assert_eq!(
        engine.count("count()").await,
        100,
        "a second start keeps everything, and migrates nothing twice"
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_the_port_of_a_store_that_has_ended_is_shown_nothing() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let address = engine.store.url().strip_prefix("http://").expect("a URL").to_owned();
    assert!(engine.kill());
    // The next child waits for the port.
    let mut taken = None;
    eventually("the port", async || {
        taken = TcpListener::bind(&address).await.ok();
        taken.is_some()
    })
    .await;
    let taken = taken.expect("it is bound");
    eventually("the end of the child", async || engine.store.pid().is_none()).await;

    let (reports, mut writer) =
        (engine.store.query_client(), engine.store.partition_writer(&EVENTS, [7; 16], 0));
    let limits = Limits { seconds: 1, memory_bytes: 100 << 20 };
    let asked = async {
        for _ in 0..20 {
            let question = Statement::new("SELECT count() FROM events", limits);
            assert!(reports.fetch_one::<u64>("site", &question).await.is_err());
            assert!(writer.insert(&rows(0..1), "token").await.is_err());
        }
    };
    tokio::select! {
        accepted = taken.accept() => panic!("{accepted:?} would have been shown the password"),
        () = asked => {}
    }
    drop(taken);
    engine.ready().await;
    assert_eq!(engine.count("count()").await, 0);
    engine.stop().await;
}

/// More than there are threads for whoever shows no password, and places in their queue.
const STRANGERS: usize = 160;
/// Those threads.
const READERS: u64 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_ask_holds_no_report_back() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let http = http();
    let mut strangers = tokio::task::JoinSet::new();
    for _ in 0..STRANGERS {
        let (http, url) = (http.clone(), engine.store.url().to_owned());
        strangers.spawn(async move {
            loop {
                // Whatever the answer is, the next question follows.
                let _ = http.post(&url).body("SELECT sleepEachRow(0.5) FROM numbers(6)").send().await;
            }
        });
    }
    let client = engine.client();
    eventually("the strangers", async || {
        let running = "SELECT count() FROM system.processes WHERE query LIKE '%sleep' || 'EachRow%'";
        client.query(running).fetch_one::<u64>().await.is_ok_and(|running| running >= READERS)
    })
    .await;

    let reports = engine.store.query_client();
    let limits = Limits { seconds: 5, memory_bytes: 100 << 20 };
    let question = Statement::new("SELECT count() FROM events", limits);
    for _ in 0..5 {
        let asked = Instant::now();
        let answer = reports.fetch_one::<u64>("site", &question).await;
        let (answer, took) = (answer.expect("an answer"), asked.elapsed());
        assert!(answer == 0 && took < Duration::from_secs(3), "{answer} after {took:?}");
    }
    strangers.shutdown().await;
    engine.stop().await;
}
