//! What central asks of an event store, of the embedded one and of two shards alike.

use std::time::{Duration, Instant};

use crate::support::{Engine, NOON_MS};
use footfall_clickhouse::{Block, Coordinate, Ipv6, Limits, Millis, QueryError, Statement, Uuid, shard_of};
use footfall_query::{Period, PlanChoice, Question};
use footfall_sink::batch::MAX_ROWS;
use footfall_tables::events::{EVENTS, EventRow};

/// Everything that either backend has to do, each with an empty store of its own.
macro_rules! both {
    ($($story:ident)*) => {$(
        mod $story {
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn embedded() {
                let dir = tempfile::tempdir().expect("temp dir");
                let engine = Engine::start(dir.path()).await;
                super::$story(&engine).await;
                engine.stop().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn two_shards() {
                let dir = tempfile::tempdir().expect("temp dir");
                let engine = Engine::start_shards(dir.path(), 2).await;
                super::$story(&engine).await;
                engine.stop().await;
            }
        }
    )*};
}

both! {
    the_table_has_the_columns_of_the_rows_and_gives_back_what_was_written
    an_insert_repeated_is_stored_once_and_its_coordinates_are_told
    one_insert_is_one_part_and_a_compact_one_however_many_rows
    what_still_runs_for_a_partition_is_ended
    reports_may_read_and_nothing_else
    a_partition_is_in_its_shard_and_reports_ask_that_one
    central_hashes_as_clickhouse_does
}

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

fn rows(offsets: impl IntoIterator<Item = u64>) -> Block {
    let row = |offset| EventRow { log_offset: offset, log_index: 0, ..sample() };
    Block::from_rows(&offsets.into_iter().map(row).collect::<Vec<_>>())
}

async fn the_table_has_the_columns_of_the_rows_and_gives_back_what_was_written(engine: &Engine) {
    let client = engine.client();

    let described = "SELECT name, type FROM system.columns WHERE database = 'footfall' AND table = 'events_local' ORDER BY position";
    let described: Vec<(String, String)> = client.query(described).fetch_all().await.expect("described");
    let plain = |kind: &str| {
        let inner = kind.strip_prefix("LowCardinality(").and_then(|kind| kind.strip_suffix(')'));
        inner.unwrap_or(kind).to_owned()
    };
    let table: Vec<_> = described.iter().map(|(name, kind)| (name.clone(), plain(kind))).collect();
    let ours: Vec<_> =
        EVENTS.columns().iter().map(|column| (column.name.clone(), column.data_type.to_owned())).collect();
    assert_eq!(table, ours);

    engine
        .store
        .partition_writer(&EVENTS, [7; 16], 0)
        .insert(&Block::from_rows(&[sample()]), "one")
        .await
        .expect("inserted");
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
}

async fn an_insert_repeated_is_stored_once_and_its_coordinates_are_told(engine: &Engine) {
    let mut writer = engine.store.partition_writer(&EVENTS, [7; 16], 0);
    let day = u16::try_from(NOON_MS / 86_400_000).expect("a day");
    for _ in 0..3 {
        writer.insert(&rows(10..20), "token").await.expect("inserted");
    }
    assert_eq!(engine.count("count()").await, 10);
    let expected: Vec<_> = (12..=15).map(|offset| Coordinate { offset, index: 0 }).collect();
    assert_eq!(writer.stored_coordinates(12, 15, day).await.expect("asked"), expected);
    assert_eq!(writer.stored_coordinates(12, 15, day + 1).await.expect("asked"), []);
    assert_eq!(writer.highest_offset(0).await.expect("asked"), Some(19));
    assert_eq!(writer.highest_offset(20).await.expect("asked"), None);
    writer = engine.store.partition_writer(&EVENTS, [8; 16], 0);
    assert_eq!(writer.highest_offset(0).await.expect("asked"), None, "another log's coordinates are its own");
}

async fn one_insert_is_one_part_and_a_compact_one_however_many_rows(engine: &Engine) {
    let rows = rows(0..MAX_ROWS as u64);
    let bytes: usize = rows.chunks().iter().map(bytes::Bytes::len).sum();
    engine.store.partition_writer(&EVENTS, [7; 16], 0).insert(&rows, "token").await.expect("inserted");
    let parts =
        "SELECT rows, part_type FROM system.parts WHERE database = 'footfall' AND table = 'events_local'";
    let parts: Vec<(u64, String)> = engine.client().query(parts).fetch_all().await.expect("an answer");
    assert_eq!(parts, [(MAX_ROWS as u64, "Compact".to_owned())], "of {bytes} bytes");
}

async fn what_still_runs_for_a_partition_is_ended(engine: &Engine) {
    let mut writer = engine.store.partition_writer(&EVENTS, [7; 16], 0);
    let begun = Instant::now();
    writer.end_running_inserts().await.expect("nothing runs");
    assert!(begun.elapsed() < Duration::from_secs(5));

    let slow = "INSERT INTO events_local (website_id, page_url) SELECT 'slow', toString(sleepEachRow(1)) FROM numbers(60) \
         SETTINGS log_comment = 'footfall events 0', max_block_size = 1, function_sleep_max_microseconds_per_block = 100000000";
    let client = engine.client();
    let running = tokio::spawn(async move { client.query(slow).execute().await });
    crate::support::eventually("the slow insert", async || {
        let count =
            "SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'footfall events 0'";
        engine.client().query(count).fetch_one::<u64>().await.expect("an answer") > 0
    })
    .await;
    let begun = Instant::now();
    writer.end_running_inserts().await.expect("ended");
    assert!(begun.elapsed() < Duration::from_secs(20), "it took {:?}", begun.elapsed());
    assert!(running.await.expect("ran").is_err(), "it was ended");
    assert_eq!(engine.count("countIf(website_id = 'slow')").await, 0);
}

async fn reports_may_read_and_nothing_else(engine: &Engine) {
    let client = engine.store.query_client();
    let limits = Limits { seconds: 5, memory_bytes: 100 << 20 };
    let ask = async |sql| client.fetch_all::<u64>("site", &Statement::new(sql, limits)).await;
    assert_eq!(ask("SELECT count() FROM events").await.expect("read"), [0]);
    for sql in ["DROP TABLE events_local", "INSERT INTO events_local (website_id) SELECT 'x'"] {
        assert!(ask(sql).await.is_err(), "{sql}");
    }
    assert_eq!(engine.count("count()").await, 0);
    let begun = Instant::now();
    let endless = ask("SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))").await;
    assert!(matches!(endless, Err(QueryError::LimitExceeded(_))), "{endless:?}");
    assert!(begun.elapsed() < Duration::from_secs(20), "it took {:?}", begun.elapsed());
    let large = ask("SELECT length(groupArray(toString(number))) FROM numbers(30000000)").await;
    assert!(matches!(large, Err(QueryError::LimitExceeded(_))), "{large:?}");
}

/// One row of each website into the partition that its hash names, of eight.
async fn a_partition_is_in_its_shard_and_reports_ask_that_one(engine: &Engine) {
    const PARTITIONS: usize = 8;
    let websites: Vec<_> = (0..40).map(|number| format!("0191d0a4-0000-7000-8000-{number:012}")).collect();
    for website in &websites {
        let number = shard_of(website, PARTITIONS) as u32;
        let row = EventRow {
            website_id: website,
            log_partition: number,
            is_duplicate: 0,
            sample_rate: 1.0,
            ..sample()
        };
        let mut writer = engine.store.partition_writer(&EVENTS, [7; 16], number);
        writer.insert(&Block::from_rows(&[row]), website).await.expect("inserted");
    }
    let shards = engine.clients().len();
    for (shard, client) in engine.clients().iter().enumerate() {
        let stored = "SELECT website_id, cityHash64(website_id) % {shards:UInt64} FROM events_local ORDER BY website_id";
        let stored: Vec<(String, u64)> =
            client.query(stored).param("shards", shards as u64).fetch_all().await.expect("an answer");
        let ours: Vec<_> = websites.iter().filter(|website| shard_of(website, shards) == shard).collect();
        assert_eq!(stored.iter().map(|(website, _)| website).collect::<Vec<_>>(), ours);
        assert!(
            stored.iter().all(|(_, hash)| *hash == shard as u64),
            "ClickHouse would have put it there, too"
        );
    }
    let reports = crate::support::reports(engine.store.query_client());
    let now = time::OffsetDateTime::now_utc();
    let period = Period::parse(Some("2026-11-23"), Some("2026-11-23"), now).expect("a day");
    for website_id in websites {
        let question = Question { website_id, period, limit: 10, bots: false, choice: PlanChoice::Best };
        assert_eq!(reports.stats(question, NOON_MS).await.expect("an answer").answer.totals.pageviews, 1);
    }
}

async fn central_hashes_as_clickhouse_does(engine: &Engine) {
    let seed =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos()
            as u64;
    println!("seed {seed}");
    let mut state = seed | 1;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..12 {
        let texts: Vec<String> = (0..200)
            .map(|_| {
                let length = random() % 130;
                (0..length).map(|_| char::from_u32((random() % 0x2500) as u32).unwrap_or('x')).collect()
            })
            .collect();
        let question =
            "SELECT arrayJoin(arrayMap(text -> cityHash64(text) % 1099511627776, {texts:Array(String)}))";
        let hashes: Vec<u64> =
            engine.client().query(question).param("texts", &texts).fetch_all().await.expect("an answer");
        let ours: Vec<_> = texts.iter().map(|text| shard_of(text, 1 << 40) as u64).collect();
        assert_eq!(ours, hashes, "seed {seed}");
    }
}
