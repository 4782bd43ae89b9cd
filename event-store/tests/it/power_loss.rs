//! `kill -9`, and a power loss that takes all that was not synchronised, at any moment of an insert: the next start reads everything
//! that was acknowledged, once.

use crate::server::{Folder, Server};
use crate::synced_disk::SyncRecorder;
use clickhouse::{Client, Row};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// Rows of one insert.
const BATCH: u64 = 500;

#[derive(Row, Serialize)]
struct Numbered {
    batch: u64,
    number: u64,
    text: String,
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

async fn insert(client: &Client, batch: u64) -> Result<(), clickhouse::error::Error> {
    let mut insert = client.insert::<Numbered>("numbered").await?;
    for number in 0..BATCH {
        insert.write(&Numbered { batch, number, text: "x".repeat(100) }).await?;
    }
    insert.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_nothing_that_was_acknowledged() {
    let rounds = setting("FOOTFALL_KILLS", 10);
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

/// Rows, and different numbers among them, of each batch that is there.
fn stored(server: &Server) -> HashMap<u64, (u64, u64)> {
    let rows = server
        .run("SELECT batch, count(), uniqExact(number), sum(length(text)) FROM numbered GROUP BY batch");
    let batch = |line: &str| {
        let numbers: Vec<u64> = line.split('\t').map(|number| number.parse().expect("a number")).collect();
        assert_eq!(numbers[3], numbers[1] * 100, "batch {}", numbers[0]);
        (numbers[0], (numbers[1], numbers[2]))
    };
    rows.lines().map(batch).collect()
}

#[test]
fn a_power_loss_loses_nothing_that_was_acknowledged() {
    let batches = setting("FOOTFALL_BATCHES", 12);
    let server = Folder::new().start();
    server.run("CREATE TABLE numbered (batch UInt64, number UInt64, text String) ENGINE = MergeTree ORDER BY (batch, number)");
    server.signal("TERM");
    let (recorder, folder) = SyncRecorder::attach(server.ended().1);
    let server = folder.start();
    let mut acknowledged = Vec::new();
    for batch in 0..batches {
        let rows = (0..BATCH)
            .fold(String::new(), |rows, number| rows + &format!("{batch}\t{number}\t{}\n", "x".repeat(100)));
        let said = server.curl("?query=INSERT%20INTO%20numbered%20FORMAT%20TSV", &["--data-binary", &rows]);
        assert_eq!(said.status, 200, "{}", said.body);
        acknowledged.push(recorder.position());
    }
    drop(server.killed());

    let syncs = recorder.syncs();
    // Right after an acknowledgement, when nothing later can have synchronised what the insert did not; and at other moments.
    let after = |position: &u64| syncs.iter().take_while(|sync| sync.end <= *position).count();
    let mut cuts: Vec<usize> = acknowledged.iter().map(after).step_by(3).collect();
    cuts.extend((1..4).map(|part| syncs.len() * part / 4));
    for cut in cuts {
        let folder = Folder::new();
        recorder.disk_after(&syncs[..cut]).write(&folder.data());
        let server = folder.start();
        let stored = stored(&server);
        for (batch, position) in acknowledged.iter().enumerate() {
            let found = stored.get(&(batch as u64));
            let whole = Some(&(BATCH, BATCH));
            assert!(found == whole || found.is_none(), "batch {batch} is torn after {cut} syncs: {found:?}");
            assert!(found == whole || after(position) > cut, "batch {batch} is lost after {cut} syncs");
        }
        assert!(stored.keys().all(|batch| *batch < batches), "{stored:?}");
    }
}
