//! `kill -9` at any moment of an insert: the next start reads everything that was acknowledged, once.

use crate::server::Folder;
use clickhouse::{Client, Row};
use serde::Serialize;
use std::sync::Mutex;
use std::time::Duration;

const BATCH: u64 = 500;

#[derive(Row, Serialize)]
struct Numbered {
    batch: u64,
    number: u64,
    text: String,
}

async fn insert(client: &Client, batch: u64) -> Result<(), clickhouse::error::Error> {
    let mut insert = client.insert::<Numbered>("numbered").await?;
    for number in 0..BATCH {
        insert.write(&Numbered { batch, number, text: "x".repeat(100) }).await?;
    }
    insert.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn loses_nothing_that_was_acknowledged() {
    let rounds: u64 = std::env::var("FOOTFALL_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let mut folder = Folder::new();
    let acknowledged = Mutex::new(Vec::new());
    for round in 0..rounds {
        let server = folder.start();
        let client = server.writer().with_validation(false);
        client
            .query(
                "CREATE TABLE IF NOT EXISTS numbered (batch UInt64, number UInt64, text String) \
                    ENGINE = MergeTree ORDER BY (batch, number)",
            )
            .execute()
            .await
            .expect("created");
        let inserting = async {
            let writers = (0..3_u64).map(|writer| {
                let (client, acknowledged) = (&client, &acknowledged);
                async move {
                    let mut batch = (round * 3 + writer) << 32;
                    while insert(client, batch).await.is_ok() {
                        acknowledged.lock().expect("not poisoned").push(batch);
                        batch += 1;
                    }
                }
            });
            let [first, second, third] =
                writers.collect::<Vec<_>>().try_into().unwrap_or_else(|_| unreachable!("three"));
            tokio::join!(first, second, third)
        };
        // Moments that differ from round to round, the same in every run.
        let moment = Duration::from_millis(150 + (round * 7919) % 600);
        assert!(tokio::time::timeout(moment, inserting).await.is_err(), "an insert failed before the kill");
        folder = server.killed();
    }
    let server = folder.start();
    let acknowledged = acknowledged.into_inner().expect("not poisoned");
    assert!(acknowledged.len() as u64 > rounds, "only {} batches were acknowledged", acknowledged.len());
    let stored: Vec<(u64, u64, u64)> = server
        .reader()
        .query("SELECT batch, count(), uniqExact(number) FROM numbered GROUP BY batch")
        .fetch_all()
        .await
        .expect("read");
    for batch in &acknowledged {
        let found = stored.iter().find(|(stored, ..)| stored == batch);
        assert_eq!(found, Some(&(*batch, BATCH, BATCH)), "batch {batch:x}");
    }
    // A batch that was under way is there whole or not at all.
    assert!(stored.iter().all(|(_, rows, numbers)| (*rows, *numbers) == (BATCH, BATCH)));
}
