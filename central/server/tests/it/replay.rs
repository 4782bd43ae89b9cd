//! A tier rebuilt from the raw log is what the straight run made of it.

use crate::support::running::{Running, file};
use crate::support::s3::shared;
use crate::support::{DAY_MS, Engine, NOON_MS, append, only, open_log, record_at};
use bytes::Bytes;
use footfall_blobs::{Blobs, Location};
use footfall_log::Log;
use footfall_sink::Sink as _;
use footfall_sink::dead_letters::DeadLetters;
use footfall_sink::raw_log::{RawLog, RawLogStore};
use footfall_sink::replay::ReplayError;
use footfall_sink::replay::events::{DayReport, logs, rebuild};
use footfall_sink::replay::parked::{Outcome, by_log, redeliver};

const NOON_DAY: u16 = (NOON_MS / DAY_MS) as u16;

/// A number over every column of every row of a day, in whatever order they lie.
async fn checksum(engine: &Engine, day: u16) -> (u64, u64) {
    let question = format!(
        "SELECT count(), sum(cityHash64(toString(tuple(*)))) FROM events_local WHERE toYYYYMMDD(server_timestamp) = toYYYYMMDD(toDate({day}))"
    );
    engine.client().query_raw(&question).fetch_one().await.expect("an answer")
}

async fn drop_day(engine: &Engine, day: u16) {
    let question = format!("SELECT toYYYYMMDD(toDate({day}))");
    let partition: u32 = engine.client().query_raw(&question).fetch_one().await.expect("an answer");
    let drop = format!("ALTER TABLE events_local DROP PARTITION {partition}");
    engine.client().query_raw(&drop).execute().await.expect("dropped");
    assert_eq!(checksum(engine, day).await.0, 0);
}

/// A log with all that makes reading it again difficult: resends, repeats over another edge and across midnight, rubbish, a late edge.
async fn eventful_log(log: &Log) {
    append(log, 1, 0, 300).await;
    append(log, 1, 250, 50).await;
    append(log, 2, 0, 100).await;
    let rubbish = Bytes::from_static(b"\xff\xff rubbish");
    crate::support::send(log, "edge-1", Bytes::from_static(&[1; 16]), 300, vec![rubbish])
        .await
        .expect("appended");
    append(log, 1, 301, 200).await;
    // The same event on both sides of midnight, and one that its edge sends again a day later.
    let midnight = NOON_MS + DAY_MS / 2;
    for (epoch, offset, at) in [(3, 0, midnight - 5), (4, 0, midnight + 5), (3, 1, NOON_MS - 2 * DAY_MS)] {
        let record = record_at(9_000, 2, at);
        crate::support::send(log, "edge-3", Bytes::copy_from_slice(&[epoch; 16]), offset, vec![record])
            .await
            .expect("appended");
    }
}

async fn rebuilt(
    engine: &Engine,
    raw_log: &RawLogStore,
    day: u16,
    accept_loss: bool,
) -> Result<DayReport, ReplayError> {
    let logs = logs(raw_log).await.expect("listed");
    rebuild(&engine.store, raw_log, &logs, day, accept_loss, 7).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_day_comes_back_as_it_was() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let log = open_log(dir.path()).await;
    eventful_log(&log).await;
    Running::clickhouse(&only(&log), &engine.store, &footfall_sink::Metrics::default(), 1).drain().await;
    for place in [Location::Folder(dir.path().join("blobs")), Location::S3(shared())] {
        let blobs = Blobs::open(&place).expect("opened");
        file(&only(&log), &blobs).await;
        let raw_log = RawLogStore::new(blobs);
        for day in NOON_DAY - 2..=NOON_DAY + 1 {
            let before = checksum(&engine, day).await;
            assert!(before.0 > 0, "every day has something");
            drop_day(&engine, day).await;
            let report = rebuilt(&engine, &raw_log, day, false).await.expect("rebuilt");
            assert_eq!(checksum(&engine, day).await, before, "every column of every row");
            assert_eq!((report.rows_before, report.rows_after), (0, before.0));
            assert_eq!((report.events, report.refused, report.replaced), (before.0, 0, true));
            // Again, over what is there: the same.
            let report = rebuilt(&engine, &raw_log, day, false).await.expect("rebuilt");
            assert_eq!(checksum(&engine, day).await, before);
            assert_eq!((report.rows_before, report.rows_after), (before.0, before.0));
        }
        let noon = rebuilt(&engine, &raw_log, NOON_DAY, false).await.expect("rebuilt");
        let events = engine.count("count()").await;
        assert!(noon.raw_records > noon.events / 2, "resends are among the records: {noon:?}");
        assert!(engine.count("countIf(is_duplicate = 1)").await > 100, "repeats are marked again");
        assert!(events > 0);
        only(&log).commit(RawLog::NAME, 0).expect("committed");
    }
    // A sink that begins anew finds all its rows, and none that it did not write.
    std::fs::remove_file(dir.path().join("log/offsets/clickhouse.offset")).expect("it is there");
    let events = engine.count("count()").await;
    Running::clickhouse(&only(&log), &engine.store, &footfall_sink::Metrics::default(), 2).drain().await;
    assert_eq!(engine.count("count()").await, events);
    log.close();
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_the_raw_log_does_not_hold_whole_stays_as_it_is() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let log = open_log(dir.path()).await;
    let blobs = Blobs::open(&Location::Folder(dir.path().join("blobs"))).expect("opened");
    append(&log, 1, 0, 100).await;
    file(&only(&log), &blobs).await;
    // What came later is in the event store only.
    append(&log, 1, 100, 10).await;
    Running::clickhouse(&only(&log), &engine.store, &footfall_sink::Metrics::default(), 1).drain().await;
    let raw_log = RawLogStore::new(blobs);
    let before = checksum(&engine, NOON_DAY).await;
    let refused = rebuilt(&engine, &raw_log, NOON_DAY, false).await.expect_err("refused");
    assert!(matches!(refused, ReplayError::Loss { rows: 16, .. }), "{refused}");
    assert_eq!(checksum(&engine, NOON_DAY).await, before);
    let report = rebuilt(&engine, &raw_log, NOON_DAY, true).await.expect("as they wish");
    assert_eq!((report.rows_before, report.rows_after, report.unaccounted), (176, 160, 16));
    // Another day that nobody ever saw: nothing to do.
    let nothing = rebuilt(&engine, &raw_log, NOON_DAY + 9, false).await.expect("nothing to do");
    assert_eq!((nothing.rows_after, nothing.replaced), (0, false));
    log.close();
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_parked_is_stored_once_when_its_cause_is_mended() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let run = async |statement: &str| engine.client().query_raw(statement).execute().await.expect("done");
    let log = open_log(dir.path()).await;
    let blobs = Blobs::open(&Location::Folder(dir.path().join("blobs"))).expect("opened");
    append(&log, 1, 0, 20).await;
    let rubbish = Bytes::from_static(b"\xff\xff rubbish");
    let epoch = || Bytes::from_static(&[1; 16]);
    crate::support::send(&log, "edge-1", epoch(), 20, vec![rubbish]).await.expect("appended");
    append(&log, 1, 21, 20).await;
    // A table that takes most rows and calls some bad data.
    run("ALTER TABLE events_local ADD CONSTRAINT narrow CHECK page_path != '/page/7'").await;
    let metrics = footfall_sink::Metrics::default();
    let dead_letters = Running::start(&only(&log), DeadLetters, &metrics, 1);
    Running::clickhouse(&only(&log), &engine.store, &metrics, 1).drain().await;
    dead_letters.drain().await;
    assert_eq!(engine.count("count()").await, 78, "the others wait for nobody");
    file(&only(&log), &blobs).await;
    log.close();
    let folder = dir.path().join("dead-letter");
    let parked = footfall_log::embedded::read_dead_letters(&folder).expect("read");
    let reasons: Vec<_> =
        parked.iter().map(|parked| (parked.offset, parked.index, parked.reason.as_str())).collect();
    for expected in [(7, Some(0), "refused"), (7, Some(1), "refused"), (20, None, "record")] {
        assert!(reasons.contains(&expected), "{reasons:?}");
    }
    assert_eq!(parked.len(), 3, "each once, whatever sinks run beside each other: {reasons:?}");

    let incarnation = only(&log).incarnation().0;
    let places = by_log(&parked).remove(&incarnation).expect("of this log");
    let raw_log = RawLogStore::new(blobs);
    let known = logs(&raw_log).await.expect("listed");
    let again = async |places: &[_]| {
        let outcomes = redeliver(&engine.store, &raw_log, &known, incarnation, places, &|_| None, 7).await;
        outcomes.expect("given again").into_values().collect::<Vec<_>>()
    };
    let unreadable = Outcome::Unreadable { reason: "record" };
    assert_eq!(again(&places).await, [Outcome::Refused, Outcome::Refused, unreadable.clone()]);
    assert_eq!(engine.count("count()").await, 78);
    run("ALTER TABLE events_local DROP CONSTRAINT narrow").await;
    let stored = Outcome::Stored { events: 1 };
    for _ in 0..2 {
        assert_eq!(again(&places).await, [stored.clone(), stored.clone(), unreadable.clone()]);
        assert_eq!(engine.count("count()").await, 80);
        assert_eq!(engine.count("uniqExact(log_offset, log_index)").await, 80);
        assert_eq!(engine.count("uniqExact(event_id)").await, 80);
    }
    assert_eq!(
        again(&[(0, 99, None), (0, 7, None)]).await,
        [Outcome::Stored { events: 2 }, Outcome::Missing]
    );
    engine.stop().await;
}
