//! What the real servers behind a run hold, asked of each with a client that is not central's.

pub mod bucket;
pub mod console;
pub mod topic;

use std::collections::{BTreeMap, BTreeSet};

use std::time::Duration;

use footfall_proto::relay::{LogEntry, Record};
use prost::Message;
use uuid::Uuid;

use crate::cluster::Cluster;
use crate::wait::until;

/// The topic of the log, as central calls it unless told otherwise.
pub const TOPIC: &str = "footfall.events";
/// For the slowest of them to hold what the log holds.
const PATIENCE: Duration = Duration::from_mins(2);

/// The log's records, in order of their offsets within each partition.
pub type Log = BTreeMap<u32, Vec<(u64, Vec<u8>)>>;

/// How often each event stands in the log, resends of a record by an edge left out.
///
/// # Panics
/// When something in it is no record.
#[must_use]
pub fn events(log: &Log) -> BTreeMap<Uuid, u64> {
    let (mut seen, mut found) = (BTreeSet::new(), BTreeMap::new());
    for (_, payload) in log.values().flatten() {
        let entry = LogEntry::decode(payload.as_slice()).expect("an entry of the log");
        if !seen.insert((entry.epoch, entry.edge_offset)) {
            continue;
        }
        let record = Record::decode(entry.record).expect("a record");
        for event in record.events {
            *found.entry(Uuid::from_slice(&event.event_id).expect("16 bytes")).or_default() += 1;
        }
    }
    found
}

/// Waits until topic, raw log, ClickHouse and live view hold the same events of these websites, each once.
///
/// # Panics
/// When they do not.
pub async fn agree(cluster: &Cluster, websites: &[String]) {
    let stored = cluster.stored().await.expect("ClickHouse answers");
    let servers = cluster.servers().now();
    let kafka = servers.kafka.expect("it runs");
    let log = tokio::task::spawn_blocking(move || topic::read(&kafka, TOPIC)).await.expect("it is read");
    let in_log = events(&log);
    let twice = in_log.iter().find(|(_, count)| **count > 1);
    assert!(twice.is_none(), "an event stands twice in the topic: {twice:?}");
    assert!(in_log.keys().eq(stored.keys()), "the topic holds {}, ClickHouse {}", in_log.len(), stored.len());
    let s3 = servers.s3.expect("it runs");
    let holds_all = |read: &Log| {
        log.iter().all(|(partition, records)| records.is_empty() || read.get(partition) == Some(records))
    };
    until("the raw log holds what the topic holds", PATIENCE, || async {
        holds_all(&bucket::read(&s3).await.ok()?).then_some(())
    })
    .await;
    until("the live view counts what ClickHouse holds", PATIENCE, || async {
        let mut pageviews = 0;
        for website in websites {
            let live = cluster.api(&format!("/api/v1/sites/{website}/realtime")).await;
            pageviews += live["pageviews"].as_u64().expect("a number");
        }
        (pageviews == stored.len() as u64).then_some(())
    })
    .await;
    println!("topic, raw log, ClickHouse and live view hold the same {} events", stored.len());
}
