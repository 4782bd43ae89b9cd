//! Writes the rows that one partition of a log has in a table, and says by their log coordinates which of them are stored: these are the
//! truth, since the outcome of an insert that failed is unknown. Everything goes to one replica of the partition's shard, until it fails.
//!
//! The table has the columns `log_incarnation UUID`, `log_partition UInt32`, `log_offset UInt64` and `log_index UInt32`, and is
//! partitioned by `toYYYYMMDD(server_timestamp)`.

use std::sync::Arc;
use std::time::Duration;

use clickhouse::insert_formatted::InsertFormatted;
use clickhouse::query::Query;
use clickhouse::{RowOwned, RowRead};
use tokio::time::timeout;

use super::block::Block;
use super::error::StoreError;
use super::running;
use super::server::Server;
use super::shard::Shard;
use super::table::Table;
use footfall_daemon::fault::{Classify as _, Fault};

/// How long a question may take.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an insert may wait for most replicas to have it, milliseconds: less than the timeout of an insert, so that the reason is told.
const QUORUM_MS: &str = "45000";

/// A row's position in its partition of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Coordinate {
    /// The record's offset in the log.
    pub offset: u64,
    /// The event's index in the record.
    pub index: u32,
}

/// Writes rows of one partition of one log into a table.
pub struct PartitionWriter {
    shard: Arc<Shard>,
    table: &'static Table,
    /// The replica that is asked, until it fails: an answer of one replica says nothing about another.
    replica: Option<usize>,
    incarnation: [u8; 16],
    number: u32,
    /// The statement that inserts a block.
    insert: String,
}

impl PartitionWriter {
    pub(super) fn new(shard: Arc<Shard>, table: &'static Table, incarnation: [u8; 16], number: u32) -> Self {
        let insert = table.insert_into(table.name());
        Self { shard, table, replica: None, incarnation, number, insert }
    }

    /// The log's name.
    pub fn incarnation(&self) -> [u8; 16] {
        self.incarnation
    }

    /// The partition's number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Waits until the partition's shard can be used.
    pub async fn ready(&self) {
        self.shard.ready().await;
    }

    /// Ends the inserts that still run for this partition and waits until they are gone: afterwards, only this writer adds rows of it.
    /// On a cluster, the replica that will be asked then catches up with the others. An insert that still runs on a replica that cannot
    /// be reached adds nothing once the same rows were inserted under the same token.
    ///
    /// # Errors
    /// [`StoreError`]; something may then still run.
    pub async fn end_running_inserts(&mut self) -> Result<(), StoreError> {
        let replica = self.replica();
        for (other, server) in self.shard.servers().iter().enumerate() {
            if other == replica || !server.is_answering() {
                continue;
            }
            if let Err(error) = running::end(server, &self.log_comment(server)).await {
                tracing::warn!(%error, "a replica may still be inserting");
            }
        }
        let settled = self.end_running_on(self.shard.server(replica)).await;
        self.record_outcome(replica, settled)
    }

    async fn end_running_on(&self, server: &Server) -> Result<(), StoreError> {
        running::end(server, &self.log_comment(server)).await?;
        if self.shard.is_replicated() {
            let sync = server.writer().query_raw(&format!("SYSTEM SYNC REPLICA {}", self.table.name()));
            let synced = timeout(QUESTION_TIMEOUT, sync.execute()).await.map_err(|_| server.timed_out())?;
            synced.map_err(|error| server.error(error))?;
        }
        Ok(())
    }

    /// The highest stored offset at or beyond `from`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn highest_offset(&mut self, from: u64) -> Result<Option<u64>, StoreError> {
        let question = |query: Query| query.param("from", from);
        let rows = self.ask::<u64>(include_str!("sql/highest_offset.sql"), question).await?;
        Ok(rows.first().copied())
    }

    /// The stored rows from offset `first` to `last` under a UTC day (counted from 1970), in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stored_coordinates(
        &mut self,
        first: u64,
        last: u64,
        day: u16,
    ) -> Result<Vec<Coordinate>, StoreError> {
        let question = |query: Query| query.param("first", first).param("last", last).param("day", day);
        let rows = self.ask::<(u64, u32)>(include_str!("sql/stored_coordinates.sql"), question).await?;
        Ok(rows.into_iter().map(|(offset, index)| Coordinate { offset, index }).collect())
    }

    /// Inserts rows of one UTC day, at most 100,000: all or none, and on a cluster into most replicas. An insert whose token the store
    /// has seen is not done again.
    ///
    /// # Errors
    /// [`StoreError`]. Whatever it says, the rows may be stored, or may yet be: see [`end_running_inserts`](Self::end_running_inserts).
    ///
    /// # Panics
    /// When they are rows of another table.
    pub async fn insert(&mut self, rows: &Block, token: &str) -> Result<(), StoreError> {
        assert!(std::ptr::eq(rows.table(), self.table), "rows of {} only", self.table.name());
        let replica = self.replica();
        let inserted = self.insert_into(self.shard.server(replica), rows, token).await;
        self.record_outcome(replica, inserted)
    }

    async fn insert_into(&self, server: &Server, rows: &Block, token: &str) -> Result<(), StoreError> {
        let insert = server
            .writer()
            .insert_formatted_with(self.insert.as_str())
            .with_setting("async_insert", "0")
            .with_setting("insert_deduplicate", "1")
            .with_setting("insert_deduplication_token", token)
            .with_setting("deduplicate_blocks_in_dependent_materialized_views", "1")
            .with_setting("log_comment", self.log_comment(server));
        server.insert(with_quorum(insert, &self.shard), rows).await
    }

    async fn ask<T: RowOwned + RowRead>(
        &mut self,
        sql: &str,
        values: impl Fn(Query) -> Query,
    ) -> Result<Vec<T>, StoreError> {
        let replica = self.replica();
        let server = self.shard.server(replica);
        let incarnation = uuid::Uuid::from_bytes(self.incarnation).to_string();
        let query = server.writer().query_raw(sql).param("table", self.table.name());
        let query = query.param("incarnation", incarnation).param("partition", self.number);
        let answer = fetch(server, values(query)).await;
        self.record_outcome(replica, answer)
    }

    /// What marks the partition's inserts, so that they can be found and ended.
    fn log_comment(&self, server: &Server) -> String {
        let database = server.writer().database().unwrap_or_default().to_owned();
        format!("{database} {} {}", self.table.subject(), self.number)
    }

    fn replica(&mut self) -> usize {
        *self.replica.get_or_insert_with(|| self.shard.choose())
    }

    /// A replica that failed is left for another one; bad data is not its failure.
    fn record_outcome<T>(&mut self, replica: usize, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if outcome.as_ref().is_err_and(|error| error.fault() == Fault::Poison) {
            return outcome;
        }
        self.shard.record_outcome(replica, &outcome);
        if outcome.is_err() {
            self.replica = None;
        }
        outcome
    }
}

/// The same of a statement that inserts.
pub(super) fn quorum(query: Query) -> Query {
    query.with_setting("insert_quorum", "auto").with_setting("insert_quorum_timeout", QUORUM_MS)
}

/// An insert that is done once most replicas of the shard have it, where there are several.
pub(super) fn with_quorum(insert: InsertFormatted, shard: &Shard) -> InsertFormatted {
    if shard.is_replicated() {
        insert.with_setting("insert_quorum", "auto").with_setting("insert_quorum_timeout", QUORUM_MS)
    } else {
        insert
    }
}

async fn fetch<T: RowOwned + RowRead>(server: &Server, query: Query) -> Result<Vec<T>, StoreError> {
    let rows = timeout(QUESTION_TIMEOUT, query.fetch_all::<T>()).await.map_err(|_| server.timed_out())?;
    rows.map_err(|error| server.error(error))
}
