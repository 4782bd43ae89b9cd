//! The `clickhouse` crate, unmodified: what central uses.

use crate::server::Server;
use clickhouse::{Client, Compression, Row};
use serde::{Deserialize, Serialize};
use std::net::Ipv6Addr;

#[derive(Debug, Clone, PartialEq, Row, Serialize, Deserialize)]
struct Event {
    #[serde(with = "clickhouse::serde::uuid")]
    id: uuid::Uuid,
    site: u64,
    at: i64,
    kind: String,
    address: Ipv6Addr,
    duration: Option<u32>,
    properties: Vec<(String, String)>,
}

const TABLE: &str = "CREATE TABLE event (id UUID, site UInt64, at DateTime64(3, 'UTC'), \
    kind LowCardinality(String), address IPv6, duration Nullable(UInt32), properties Map(LowCardinality(String), String)) \
    ENGINE = MergeTree ORDER BY (site, at, id) SETTINGS non_replicated_deduplication_window = 1000";

fn event(number: u64) -> Event {
    Event {
        id: uuid::Uuid::from_u128(u128::from(number) << 7),
        site: number % 3,
        at: 1_790_000_000_000 + number as i64,
        kind: "page\n\0'view\\".to_owned(),
        address: "2001:db8::1".parse().expect("an address"),
        duration: number.is_multiple_of(2).then_some(number as u32),
        properties: vec![("k".to_owned(), number.to_string())],
    }
}

async fn insert(client: &Client, events: impl Iterator<Item = Event>, token: &str) {
    let mut insert = client
        .insert::<Event>("event")
        .await
        .expect("described")
        .with_setting("insert_deduplication_token", token)
        .with_setting("async_insert", "0");
    for event in events {
        insert.write(&event).await.expect("written");
    }
    insert.end().await.expect("acknowledged");
}

async fn count(client: &Client) -> u64 {
    client.query("SELECT count() FROM event").fetch_one().await.expect("counted")
}

#[tokio::test(flavor = "multi_thread")]
async fn inserts_and_reads_back_with_and_without_compression() {
    for compression in [Compression::None, Compression::Lz4] {
        let server = Server::start();
        let client = server.writer().with_compression(compression);
        client.query(TABLE).execute().await.expect("created");
        let events: Vec<Event> = (0..1000).map(event).collect();
        insert(&client, events.iter().cloned(), "t").await;
        let mut read: Vec<Event> =
            client.query("SELECT ?fields FROM event").fetch_all().await.expect("read by a writer");
        read.sort_by_key(|event| event.id);
        assert!(read == events, "{compression:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_an_insert_under_its_token_and_it_counts_once() {
    let server = Server::start();
    let client = server.writer();
    client.query(TABLE).execute().await.expect("created");
    for _ in 0..3 {
        insert(&client, (0..500).map(event), "same").await;
    }
    assert_eq!(count(&client).await, 500);
    insert(&client, (0..500).map(event), "other").await;
    assert_eq!(count(&client).await, 1000);
    // The token of one request is not the next one's.
    for site in [7, 8] {
        server.run(&format!("INSERT INTO event (site) VALUES ({site})"));
    }
    assert_eq!(count(&client).await, 1002);
}

#[tokio::test(flavor = "multi_thread")]
async fn gives_up_an_insert_and_nothing_of_it_stays() {
    let server = Server::start();
    let client = server.writer();
    client.query(TABLE).execute().await.expect("created");
    let mut given_up = client.insert::<Event>("event").await.expect("described");
    for number in 0..20_000 {
        given_up.write(&event(number)).await.expect("written");
    }
    drop(given_up);
    insert(&client, (0..10).map(event), "after").await;
    assert_eq!(count(&client).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn gives_parameters_of_any_content() {
    let server = Server::start();
    let client = server.reader();
    let text = "tab\t quote' back\\slash\nline \0 ünïcode {x:String}";
    let back: String =
        client.query("SELECT {text:String}").param("text", text).fetch_one().await.expect("came back");
    assert_eq!(back, text);
    let (sum, list): (u64, String) = client
        .query("SELECT {a:UInt64} + ?, toString({list:Array(String)})")
        .param("a", 40_u64)
        .param("list", vec!["x'", "y"])
        .bind(2_u64)
        .fetch_one()
        .await
        .expect("computed");
    assert_eq!((sum, list.as_str()), (42, "['x\\'','y']"));
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_three_million_rows_and_the_server_stays_small() {
    let server = Server::start();
    for compression in [Compression::None, Compression::Lz4] {
        let client = server.writer().with_compression(compression);
        let sql = "SELECT number, toString(number), repeat('x', 100) FROM numbers(3000000)";
        let mut rows = client.query(sql).fetch::<(u64, String, String)>().expect("started");
        let before = server.memory();
        let (mut expected, mut most) = (0_u64, before);
        while let Some((number, text, _)) = rows.next().await.expect("a row") {
            assert_eq!((number, text), (expected, expected.to_string()));
            expected += 1;
            if expected % 100_000 == 0 {
                most = most.max(server.memory());
            }
        }
        assert_eq!(expected, 3_000_000);
        assert!(most < before + (200 << 20), "{before} grew to {most} bytes over a result of 350 MB");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn is_told_of_errors_before_and_amid_a_result() {
    let server = Server::start();
    let client = server.reader();
    let error = client.query("SELECT nope").fetch_all::<u64>().await.expect_err("no such column");
    assert!(error.to_string().contains("Code: 47"), "{error}");

    let sql = "SELECT number, throwIf(number = 2900000, 'boom') FROM numbers(3000000)";
    let mut rows = client.query(sql).fetch::<(u64, u8)>().expect("started");
    let mut read = 0_u64;
    let error = loop {
        match rows.next().await {
            Ok(Some(_)) => read += 1,
            Ok(None) => panic!("a result that failed ended as if it were whole, after {read} rows"),
            Err(error) => break error,
        }
    };
    assert!(read > 100_000 && error.to_string().contains("boom"), "after {read} rows: {error}");

    let sql = "SELECT sum(cityHash64(number)) FROM numbers(100000000000)";
    let slow = client.query(sql).with_setting("max_execution_time", "1").fetch_all::<u64>().await;
    assert!(slow.expect_err("too slow").to_string().contains("Code: 159"));
    assert_eq!(client.query("SELECT 1").fetch_one::<u8>().await.expect("well again"), 1);
}
