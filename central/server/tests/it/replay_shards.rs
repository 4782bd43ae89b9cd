//! Days of the event store rebuilt from the raw log where a log of several partitions feeds several shards.

use crate::log::fixture::{LogFixture, append};
use crate::support::running::{Running, file};
use crate::support::{DAY_MS, Engine, NOON_MS};
use clickhouse::Client;
use footfall_blobs::{Blobs, Location};
use footfall_sink::raw_log::RawLogStore;
use footfall_sink::replay::events::{logs, rebuild};

const DAY: u16 = (NOON_MS / DAY_MS) as u16;
const RECORDS: u64 = 400;

/// A number over every column of every row of each shard, in whatever order they lie.
async fn checksums(engine: &Engine) -> Vec<(u64, u64)> {
    let mut sums = Vec::new();
    for client in engine.clients() {
        let question = "SELECT count(), sum(cityHash64(toString(tuple(*)))) FROM events_local";
        sums.push(client.query_raw(question).fetch_one().await.expect("an answer"));
    }
    sums
}

async fn run(client: &Client, statement: &str) {
    client.query_raw(statement).execute().await.expect("done");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shard_gets_its_own_partitions_rows_back() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start_shards(dir.path(), 2).await;
    let fixture = LogFixture::kafka();
    let log = fixture.open().await;
    append(&log, 1, 0, RECORDS).await;
    let blobs = Blobs::open(&Location::Folder(dir.path().join("blobs"))).expect("opened");
    let owned = log.owned().borrow().clone();
    for partition in owned.values() {
        Running::clickhouse(partition, &engine.store, &footfall_sink::Metrics::default(), 1).drain().await;
        file(partition, &blobs).await;
    }
    let before = checksums(&engine).await;
    assert!(before.iter().all(|(rows, _)| *rows > 0), "both shards have some: {before:?}");
    let raw_log = RawLogStore::new(blobs);
    let known = logs(&raw_log).await.expect("listed");
    assert_eq!(
        known.values().map(std::collections::BTreeMap::len).sum::<usize>(),
        owned.len(),
        "every partition is there"
    );
    let rebuilt = async || {
        for day in [DAY - 1, DAY] {
            let report = rebuild(&engine.store, &raw_log, &known, day, false, 7).await.expect("rebuilt");
            assert_eq!((report.unaccounted, report.missing_offsets), (0, 0), "{report:?}");
            assert_eq!(report.rows_after, report.events, "{report:?}");
        }
        checksums(&engine).await
    };
    assert_eq!(rebuilt().await, before);
    // One shard loses all, the other a part.
    run(&engine.clients()[0], "TRUNCATE TABLE events_local SYNC").await;
    run(
        &engine.clients()[1],
        "ALTER TABLE events_local DELETE WHERE log_offset % 2 = 0 SETTINGS mutations_sync = 1",
    )
    .await;
    assert_ne!(checksums(&engine).await, before);
    assert_eq!(rebuilt().await, before);
    for (shard, client) in engine.clients().iter().enumerate() {
        let strangers =
            format!("SELECT count() FROM events_local WHERE cityHash64(website_id) % 2 != {shard}");
        assert_eq!(client.query_raw(&strangers).fetch_one::<u64>().await.expect("an answer"), 0);
    }
    fixture.close(log).await;
    fixture.clear().await;
    engine.stop().await;
}

#[test]
fn a_day_of_a_replicated_table_is_refused_in_one_sentence() {
    let mut place = crate::support::central::Place::new();
    let password = crate::support::central::quoted(&place.file("password", "hush"));
    let text =
        format!("servers = [['http://127.0.0.1:9']]\ncluster = 'analytics'\npassword_file = {password}");
    place.set("event_store", text);
    let refused = place.ask(&["replay", "--from", "2026-11-22", "--to", "2026-11-22", "--into", "events"]);
    let sentence = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!((refused.status.code(), sentence.lines().count()), (Some(1), 1), "{sentence}");
    assert!(
        sentence.contains("cluster analytics") && sentence.contains("without event_store.cluster"),
        "{sentence}"
    );
}
