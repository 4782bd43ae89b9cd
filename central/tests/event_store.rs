//! The event store as central uses it: its schema, its rows, its repeats, its end.

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use footfall_central::sink::batch::MAX_ROWS;
use footfall_central::store::events::Coordinate;
use footfall_central::store::events::row::{EventRow, Ipv6, Millis, Uuid};
use support::{Engine, NOON_MS};

fn sample() -> EventRow<'static> {
    let mut row = EventRow {
        event_id: Uuid([1; 16]),
        website_id: "site",
        event_type: "pageview",
        event_value: 1.5,
        client_timestamp: Millis(NOON_MS - 7),
        server_timestamp: Millis(NOON_MS + 123),
        page_title: "Grüße, <b>world</b>",
        page_view_id: Uuid([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
        engagement_ms: 4_000_000_000,
        scroll_depth: 100,
        ip_address: Ipv6(std::net::Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped().octets()),
        latitude: 51.75,
        transaction_id: Some("T-1"),
        transaction_revenue: Some(9.99),
        product_quantity: Some(-3),
        is_duplicate: 1,
        sample_rate: 0.25,
        log_incarnation: Uuid([7; 16]),
        log_partition: 0,
        log_offset: u64::MAX - 1,
        log_index: 3,
        edge_id: "edge-1",
        epoch: Uuid([9; 16]),
        edge_offset: 42,
        policy_id: 5,
        ..EventRow::default()
    };
    row.custom_dimension[19] = "twentieth";
    row.custom_metric[0] = -2.25;
    row
}

fn rows(offsets: impl IntoIterator<Item = u64>) -> Bytes {
    let mut out = Vec::new();
    for offset in offsets {
        EventRow { log_offset: offset, log_index: 0, ..sample() }.write(&mut out);
    }
    out.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_has_the_columns_of_the_rows_and_gives_back_what_was_written() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let client = engine.client();

    let described = "SELECT name, type FROM system.columns WHERE database = 'footfall' AND table = 'events_local' ORDER BY position";
    let described: Vec<(String, String)> = client.query(described).fetch_all().await.expect("described");
    let plain = |kind: &str| {
        let inner = kind.strip_prefix("LowCardinality(").and_then(|kind| kind.strip_suffix(')'));
        inner.unwrap_or(kind).to_owned()
    };
    let table: Vec<_> = described.iter().map(|(name, kind)| (name.clone(), plain(kind))).collect();
    let ours: Vec<_> = EventRow::columns().into_iter().map(|(name, kind)| (name, kind.to_owned())).collect();
    assert_eq!(table, ours);

    let mut bytes = Vec::new();
    sample().write(&mut bytes);
    engine.store.partition([7; 16], 0).insert(bytes.into(), "one").await.expect("inserted");
    let question = "SELECT assumeNotNull(concat_ws('|', toString(event_id), website_id, toString(event_value), toString(client_timestamp), \
         toString(server_timestamp), page_title, toString(page_view_id), toString(engagement_ms), toString(scroll_depth), \
         toString(ip_address), toString(latitude), transaction_id, toString(transaction_revenue), \
         toString(isNull(transaction_tax)), toString(product_quantity), custom_dimension_20, custom_dimension_1, \
         toString(custom_metric_1), toString(is_duplicate), toString(sample_rate), toString(log_incarnation), \
         toString(log_offset), toString(log_index), edge_id, toString(epoch), toString(edge_offset), toString(policy_id))) \
         FROM events";
    let read: String = client.query(question).fetch_one().await.expect("read");
    assert_eq!(
        read,
        "01010101-0101-0101-0101-010101010101|site|1.5|2026-11-23 11:59:59.993|2026-11-23 12:00:00.123|\
         Grüße, <b>world</b>|00010203-0405-0607-0809-0a0b0c0d0e0f|4000000000|100|::ffff:192.0.2.7|51.75|T-1|9.99|1|-3|\
         twentieth||-2.25|1|0.25|07070707-0707-0707-0707-070707070707|18446744073709551614|3|edge-1|\
         09090909-0909-0909-0909-090909090909|42|5"
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_repeated_is_stored_once_and_its_coordinates_are_told() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let mut partition = engine.store.partition([7; 16], 0);
    let day = u16::try_from(NOON_MS / 86_400_000).expect("a day");
    for _ in 0..3 {
        partition.insert(rows(10..20), "token").await.expect("inserted");
    }
    assert_eq!(engine.count("count()").await, 10);
    let expected: Vec<_> = (12..=15).map(|offset| Coordinate { offset, index: 0 }).collect();
    assert_eq!(partition.stored(12, 15, day).await.expect("asked"), expected);
    assert_eq!(partition.stored(12, 15, day + 1).await.expect("asked"), []);
    assert_eq!(partition.highest(0).await.expect("asked"), Some(19));
    assert_eq!(partition.highest(20).await.expect("asked"), None);
    partition = engine.store.partition([8; 16], 0);
    assert_eq!(partition.highest(0).await.expect("asked"), None, "another log's coordinates are its own");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_insert_is_one_part_and_a_compact_one_however_many_rows() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let rows = rows(0..MAX_ROWS as u64);
    let bytes = rows.len();
    engine.store.partition([7; 16], 0).insert(rows, "token").await.expect("inserted");
    let parts =
        "SELECT rows, part_type FROM system.parts WHERE database = 'footfall' AND table = 'events_local'";
    let parts: Vec<(u64, String)> = engine.client().query(parts).fetch_all().await.expect("an answer");
    assert_eq!(parts, [(MAX_ROWS as u64, "Compact".to_owned())], "of {bytes} bytes");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_still_runs_for_a_partition_is_ended() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let partition = engine.store.partition([7; 16], 0);
    let begun = Instant::now();
    partition.settle().await.expect("nothing runs");
    assert!(begun.elapsed() < Duration::from_secs(5));

    let slow = "INSERT INTO events_local (website_id, page_url) SELECT 'slow', toString(sleepEachRow(1)) FROM numbers(60) \
         SETTINGS log_comment = 'footfall events 0', max_block_size = 1, function_sleep_max_microseconds_per_block = 100000000";
    let client = engine.client();
    let running = tokio::spawn(async move { client.query(slow).execute().await });
    support::eventually("the slow insert", async || {
        let count =
            "SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'footfall events 0'";
        engine.client().query(count).fetch_one::<u64>().await.expect("an answer") > 0
    })
    .await;
    let begun = Instant::now();
    partition.settle().await.expect("ended");
    assert!(begun.elapsed() < Duration::from_secs(20), "it took {:?}", begun.elapsed());
    assert!(running.await.expect("ran").is_err(), "it was ended");
    assert_eq!(engine.count("countIf(website_id = 'slow')").await, 0);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_event_store_comes_back_with_all_it_acknowledged() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    engine.store.partition([7; 16], 0).insert(rows(0..100), "token").await.expect("inserted");
    let first = engine.store.condition().pid.expect("it runs");
    assert!(engine.kill());
    support::eventually("the end of the child", async || engine.store.condition().pid != Some(first)).await;
    engine.ready().await;
    let announced = std::fs::read_to_string(dir.path().join("event-store.json")).expect("announced");
    assert!(announced.contains(&engine.store.condition().pid.expect("it runs").to_string()), "{announced}");
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
async fn reports_may_read_and_nothing_else() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let reports = engine.store.reports();
    assert_eq!(reports.query("SELECT count() FROM events").fetch_one::<u64>().await.expect("read"), 0);
    assert!(reports.query("DROP TABLE events_local").execute().await.is_err());
    assert!(reports.query("INSERT INTO events_local (website_id) SELECT 'x'").execute().await.is_err());
    assert_eq!(engine.count("count()").await, 0);
    engine.stop().await;
}
