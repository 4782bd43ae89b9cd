//! The embedded event store: a child that is started again.

use crate::support::{Engine, NOON_MS};
use footfall_clickhouse::{Block, Millis, Uuid};
use footfall_tables::events::{EVENTS, EventRow};

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
    crate::support::eventually("the end of the child", async || engine.store.pid() != Some(first)).await;
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
