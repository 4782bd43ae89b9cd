//! One shard: replicas that hold the same rows, of which one is asked; and which shard a website's events are in.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::select_all;
use naive_cityhash::cityhash64;
use tokio::sync::watch;
use tokio::time::sleep;

use super::layout::Layout;
use super::migration;
use super::replica_selector::ReplicaSelector;
use super::schema::Schema;
use super::server::Server;

/// From one attempt at the schema to the next.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// The shard of a website's events, of `shards`: ClickHouse's own `cityHash64(website_id) % shards`. A log's partition has the same
/// hash, and the number of shards divides that of partitions: so it is the partition's number modulo `shards` as well.
///
/// # Panics
/// When there are no shards.
pub fn shard_of(website_id: &str, shards: usize) -> usize {
    (cityhash64(website_id.as_bytes()) % shards as u64) as usize
}

/// Replicas of the same rows.
pub(super) struct Shard {
    servers: Vec<Server>,
    selector: Mutex<ReplicaSelector>,
    layout: Layout,
    schema: watch::Receiver<Result<(), String>>,
}

impl Shard {
    /// At least one server. The sender is told what [`migrate`](Self::migrate) finds.
    pub(super) fn new(servers: Vec<Server>, layout: Layout) -> (Self, watch::Sender<Result<(), String>>) {
        let (sender, schema) =
            watch::channel(Err("the event store's schema was not looked at yet".to_owned()));
        let selector = Mutex::new(ReplicaSelector::new(servers.len()));
        (Self { servers, selector, layout, schema }, sender)
    }

    /// Its replicas.
    pub(super) fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// One of them.
    pub(super) fn server(&self, replica: usize) -> &Server {
        &self.servers[replica]
    }

    /// Whether rows are copied from replica to replica.
    pub(super) fn is_replicated(&self) -> bool {
        self.layout.is_cluster()
    }

    /// The replica to ask now.
    pub(super) fn choose(&self) -> usize {
        let answers = |replica: usize| self.servers[replica].is_answering();
        self.selector.lock().unwrap_or_else(PoisonError::into_inner).choose(Instant::now(), answers)
    }

    /// Whether asking it worked.
    pub(super) fn record_outcome<T, E>(&self, replica: usize, outcome: &Result<T, E>) {
        let mut selector = self.selector.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(_) => selector.worked(replica),
            Err(_) => selector.failed(replica, Instant::now()),
        }
    }

    /// Waits until one of the replicas answers and the schema is up to date.
    pub(super) async fn ready(&self) {
        let mut schema = self.schema.clone();
        if schema.wait_for(Result::is_ok).await.is_err() {
            // It was told to stop, and will never be.
            std::future::pending::<()>().await;
        }
        self.wait_until_available().await;
    }

    async fn wait_until_available(&self) {
        select_all(self.servers.iter().map(|server| Box::pin(server.wait_until_available()))).await;
    }

    /// Those that do not answer, a sentence each.
    pub(super) fn unavailable(&self) -> Vec<String> {
        self.servers.iter().filter_map(|server| server.status().answering.err()).collect()
    }

    /// What keeps it from being used, a sentence each: replicas that do not answer, or take no inserts, only where none does.
    pub(super) fn faults(&self) -> Vec<String> {
        let silent = self.unavailable();
        if silent.len() == self.servers.len() {
            return silent;
        }
        if let Err(sentence) = &*self.schema.borrow() {
            return vec![sentence.clone()];
        }
        let useless = self.servers.iter().filter_map(|server| server.status().useless());
        let useless: Vec<_> = useless.collect();
        if useless.len() == self.servers.len() { useless } else { Vec::new() }
    }

    /// Brings the schema up to date, as soon as somebody answers.
    pub(super) async fn migrate(
        &self,
        database: &str,
        schema: &Schema,
        status: watch::Sender<Result<(), String>>,
    ) {
        loop {
            self.wait_until_available().await;
            let replica = self.choose();
            let applied = migration::apply(self.server(replica), database, &self.layout, schema).await;
            self.record_outcome(replica, &applied);
            let found = applied.map_err(|error| error.to_string());
            let done = found.is_ok();
            if let Err(sentence) = &found
                && *status.borrow() != found
            {
                tracing::error!(reason = sentence, "the schema is not up to date");
            }
            status.send_modify(|status| *status = found);
            if done {
                // It stays up to date: keep the sender, so that receivers do not see the channel closed.
                return status.closed().await;
            }
            sleep(RETRY_DELAY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_hash_is_clickhouses() {
        assert_eq!(cityhash64(b""), 11_160_318_154_034_397_263);
        assert_eq!(cityhash64(b"ClickHouse"), 12_904_064_065_176_299_341);
        assert_eq!(cityhash64(b"a"), 2_603_192_927_274_642_682);
        let shards = |website| [1, 2, 3, 5, 8].map(|shards| shard_of(website, shards));
        assert_eq!(shards("ClickHouse"), [0, 1, 1, 1, 5]);
        assert_eq!(shards("a"), [0, 0, 1, 2, 2]);
    }

    proptest! {
        #[test]
        fn a_partitions_shard_is_its_websites_shard(website in ".{0,60}", shards in 1_usize..8, times in 1_usize..8) {
            let partition = shard_of(&website, shards * times);
            prop_assert_eq!(partition % shards, shard_of(&website, shards));
        }
    }
}
