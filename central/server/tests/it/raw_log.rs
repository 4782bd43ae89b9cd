//! Every record of the log is in the raw log exactly once, whoever is killed in between.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::support::running::Running;
use crate::support::s3::{Server, shared};
use crate::support::{NOON_MS, append, eventually, free_port, only, open_log, record, record_at};
use bytes::Bytes;
use footfall_blobs::{Blobs, Location};
use footfall_log::{Log, RawEntry};
use footfall_proto::relay::LogEntry;
use footfall_sink::Sink as _;
use footfall_sink::raw_log::{RawLog, RawLogStore};
use prost::Message as _;

const HOUR_MS: i64 = 3_600_000;

fn start(log: &Log, blobs: &Blobs, close_after: Duration, seed: u64) -> Running {
    Running::raw_log(&only(log), blobs, close_after, seed)
}

/// What the raw log holds, as whoever reads it sees it.
async fn read_all(log: &Log, blobs: &Blobs) -> Vec<RawEntry> {
    let raw_log = RawLogStore::new(blobs.clone());
    let manifest = raw_log.partition(only(log).incarnation().0, 0).await.expect("listed");
    assert!(manifest.gaps().is_empty(), "{:?}", manifest.gaps());
    let mut entries = Vec::new();
    for batch in &manifest.batches {
        entries.extend(raw_log.read(batch).await.expect("read"));
    }
    entries
}

async fn assert_each_once(log: &Log, blobs: &Blobs) {
    let entries = read_all(log, blobs).await;
    let offsets: Vec<_> = entries.iter().map(|entry| entry.offset).collect();
    let odd = offsets.iter().zip(0..).find(|(offset, expected)| **offset != *expected);
    assert_eq!((odd, offsets.len() as u64), (None, only(log).end()), "every record once, in order");
}

/// A folder, and the real S3 under a prefix of its own.
fn places(dir: &tempfile::TempDir) -> [Location; 2] {
    [Location::Folder(dir.path().join("blobs")), Location::S3(shared())]
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_kept_as_they_stand_in_the_log_by_the_hour_of_their_receipt() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    append(&log, 1, 0, 50).await;
    // A resend, and what nobody can read.
    append(&log, 1, 40, 10).await;
    let rubbish = Bytes::from_static(b"\xff\xff rubbish");
    crate::support::send(&log, "edge-1", Bytes::from_static(&[1; 16]), 50, vec![rubbish.clone()])
        .await
        .expect("appended");
    let late = record_at(51, 1, NOON_MS - 3 * HOUR_MS);
    crate::support::send(&log, "edge-1", Bytes::from_static(&[1; 16]), 51, vec![late])
        .await
        .expect("appended");
    for place in places(&dir) {
        let blobs = Blobs::open(&place).expect("opened");
        start(&log, &blobs, Duration::from_mins(1), 1).drain().await;
        assert_each_once(&log, &blobs).await;
        assert_eq!(only(&log).lag(RawLog::NAME), Some(0));
        let entries = read_all(&log, &blobs).await;
        let opened = LogEntry::decode(entries[7].payload.clone()).expect("an entry of the log");
        assert_eq!((opened.edge_id.as_str(), opened.edge_offset, opened.record), ("edge-1", 7, record(7, 2)));
        assert_eq!(LogEntry::decode(entries[60].payload.clone()).expect("an entry").record, rubbish);

        let folder = format!("raw/{}", only(&log).incarnation());
        let mut hours = BTreeMap::new();
        for blob in blobs.list(&folder).await.expect("listed") {
            let parts: Vec<_> = blob.name.split(['/', '-', '.']).map(str::to_owned).collect();
            let hour = blob.name.split('/').skip(2).take(2).collect::<Vec<_>>().join(" ");
            assert_eq!(parts[9], "4", "all know that there are four: {}", blob.name);
            hours.insert(hour, parts[10].parse::<u64>().expect("a count"));
        }
        let expected =
            [("1970-01-01 00", 1), ("2026-11-22 12", 12), ("2026-11-23 09", 1), ("2026-11-23 12", 48)];
        assert_eq!(hours, expected.map(|(hour, count)| (hour.to_owned(), count)).into());
        // It begins anew for the next place.
        only(&log).commit(RawLog::NAME, 0).expect("committed");
    }
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_killed_at_any_moment_goes_on_where_the_listing_says() {
    let dir = tempfile::tempdir().expect("temp dir");
    for (turn, place) in (0..).zip(places(&dir)) {
        let dir = tempfile::tempdir().expect("temp dir");
        let log = open_log(dir.path()).await;
        let blobs = Blobs::open(&place).expect("opened");
        let mut appended = 0;
        for round in 0_u64..12 {
            let sink = start(&log, &blobs, Duration::from_millis(20), round);
            let until = Instant::now() + Duration::from_millis((round * 7_919 + turn * 31) % 170);
            while Instant::now() < until {
                append(&log, 1, appended, 40).await;
                appended += 40;
            }
            sink.abandon().await;
            if round % 4 == 3 {
                // The offset is a hint only: also when it is lost.
                std::fs::remove_file(dir.path().join("log/offsets/raw_log.offset")).unwrap_or_default();
            }
        }
        start(&log, &blobs, Duration::from_millis(20), 99).drain().await;
        assert_each_once(&log, &blobs).await;
        log.close();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_a_batch_that_never_became_whole_count_for_nothing() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    let blobs = Blobs::open(&Location::Folder(dir.path().join("blobs"))).expect("opened");
    append(&log, 1, 0, 30).await;
    start(&log, &blobs, Duration::from_mins(1), 1).drain().await;
    let folder = format!("{}/blobs/raw/{}", dir.path().display(), only(&log).incarnation());
    // As a sink that was killed between the objects of two days leaves them.
    std::fs::remove_dir_all(format!("{folder}/2026-11-22")).expect("it is there");
    append(&log, 1, 30, 30).await;
    start(&log, &blobs, Duration::from_mins(1), 2).drain().await;
    assert_each_once(&log, &blobs).await;
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn large_records_travel_in_parts_and_one_batch_follows_the_other() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    // More than two batches of what nothing can pack.
    for offset in 0..90 {
        let mut noise = vec![0; 900 << 10];
        getrandom::fill(&mut noise).expect("randomness");
        crate::support::send(&log, "edge-1", Bytes::from_static(&[1; 16]), offset, vec![noise.into()])
            .await
            .expect("appended");
    }
    for place in places(&dir) {
        let blobs = Blobs::open(&place).expect("opened");
        start(&log, &blobs, Duration::from_mins(1), 1).drain().await;
        assert_each_once(&log, &blobs).await;
        let sizes: Vec<_> =
            blobs.list("raw").await.expect("listed").into_iter().map(|blob| blob.bytes).collect();
        assert!(sizes.iter().any(|size| *size > 24 << 20), "{sizes:?}");
        only(&log).commit(RawLog::NAME, 0).expect("committed");
    }
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_object_is_told_and_never_taken_for_records() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    let blobs = Blobs::open(&Location::Folder(dir.path().join("blobs"))).expect("opened");
    append(&log, 1, 0, 3).await;
    start(&log, &blobs, Duration::from_mins(1), 1).drain().await;
    let name = blobs.list("raw").await.expect("listed").remove(0).name;
    let path = dir.path().join("blobs").join(&name);
    let mut bytes = std::fs::read(&path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&path, bytes).expect("write");
    let raw_log = RawLogStore::new(blobs);
    let manifest = raw_log.partition(only(&log).incarnation().0, 0).await.expect("listed");
    let damaged = raw_log.read(&manifest.batches[0]).await.expect_err("damaged").to_string();
    assert!(damaged.contains("damaged") && damaged.contains(&name), "{damaged}");
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_that_is_killed_delays_the_raw_log_alone_and_nothing_is_lost_or_doubled() {
    let (dir, away) = (tempfile::tempdir().expect("temp dir"), tempfile::tempdir().expect("temp dir"));
    let mut server = Server::start(away.path(), None).await;
    let blobs = Blobs::open(&server.place()).expect("opened");
    let log = open_log(dir.path()).await;
    let mut sink = start(&log, &blobs, Duration::from_millis(50), 1);
    let mut offset = 0;
    for round in 0_u64..3 {
        // It dies amid a large object, amid small ones, and while nobody writes.
        let until = Instant::now() + Duration::from_millis(150 + round * 190);
        while Instant::now() < until {
            let mut noise = vec![0; if round == 0 { 700 << 10 } else { 2_000 }];
            getrandom::fill(&mut noise).expect("randomness");
            crate::support::send(&log, "edge-1", Bytes::from_static(&[1; 16]), offset, vec![noise.into()])
                .await
                .expect("appended");
            offset += 1;
        }
        server.kill();
        append(&log, 2, round * 10, 10).await;
        let sentence = || sink.status.fault().unwrap_or_default();
        eventually("the sentence", async || !sentence().is_empty()).await;
        assert!(
            sentence().contains("S3 at http://127.0.0.1:") && sentence().contains("cannot be reached"),
            "{}",
            sentence()
        );
        assert!(!sentence().contains('\n'), "{}", sentence());
        if round == 1 {
            // The sink's process dies as well, and begins while the server is away.
            sink.abandon().await;
            sink = start(&log, &blobs, Duration::from_millis(50), round);
        }
        server.run().await;
        eventually("the catching up", async || {
            only(&log).lag(RawLog::NAME) == Some(0) && sink.status.fault().is_none()
        })
        .await;
    }
    sink.drain().await;
    assert_each_once(&log, &blobs).await;
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_held_back_while_the_raw_log_cannot_be_written() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    let nobody = footfall_blobs::S3 { endpoint: format!("http://{}", free_port()), ..shared() };
    let blobs = Blobs::open(&Location::S3(nobody)).expect("opened");
    let sink = start(&log, &blobs, Duration::from_millis(20), 1);
    append(&log, 1, 0, 20).await;
    eventually("the sentence", async || sink.status.fault().is_some()).await;
    // Another consumer has everything; the log still keeps it for the raw log.
    let other = only(&log).consumer("clickhouse").await.expect("a consumer");
    assert_eq!(other.position(), 0);
    only(&log).commit("clickhouse", only(&log).end()).expect("committed");
    assert_eq!(only(&log).lag(RawLog::NAME), Some(20));
    assert!(log.waiting_bytes() > 0);
    sink.drain().await;
    log.close();
}
