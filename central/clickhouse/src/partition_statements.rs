//! Statements that compute rows in the store itself, for the websites of one partition of a log: all on one replica of their shard, until
//! it fails, and each with a comment by which it can be ended. Knows no table.

use std::sync::Arc;
use std::time::Duration;

use clickhouse::query::Query;
use tokio::time::timeout;

use super::error::StoreError;
use super::partition_writer::quorum;
use super::query_client::{Answer, query};
use super::running;
use super::server::Server;
use super::shard::Shard;
use super::statement::Statement;
use super::table::Table;

/// Longer than a statement's own limit, which answers with a reason; this is for a server that does not answer at all.
const TIMEOUT_MARGIN: Duration = Duration::from_secs(5);

/// Runs statements for one partition.
pub struct PartitionStatements {
    shard: Arc<Shard>,
    /// What they are for; with the partition's number it marks them.
    purpose: &'static str,
    number: u32,
    /// The replica that is asked, until it fails.
    replica: Option<usize>,
}

impl PartitionStatements {
    pub(super) fn new(shard: Arc<Shard>, purpose: &'static str, number: u32) -> Self {
        Self { shard, purpose, number, replica: None }
    }

    /// Waits until the partition's shard can be used.
    pub async fn ready(&self) {
        self.shard.ready().await;
    }

    /// Ends those that still run, on every replica that answers, and waits until they are gone; the replica that will be asked then
    /// catches up on these tables, where there are several.
    ///
    /// # Errors
    /// [`StoreError`]; something may then still run.
    pub async fn end_running(&mut self, tables: &[&'static Table]) -> Result<(), StoreError> {
        let replica = self.replica();
        for (other, server) in self.shard.servers().iter().enumerate() {
            if other != replica
                && server.is_answering()
                && let Err(error) = running::end(server, &self.comment(server)).await
            {
                tracing::warn!(%error, "a replica may still be computing");
            }
        }
        let ended = self.end_running_on(self.shard.server(replica), tables).await;
        self.record_outcome(replica, ended)
    }

    async fn end_running_on(&self, server: &Server, tables: &[&'static Table]) -> Result<(), StoreError> {
        running::end(server, &self.comment(server)).await?;
        if self.shard.is_replicated() {
            for table in tables {
                let sync = server.writer().query_raw(&format!("SYSTEM SYNC REPLICA {}", table.name()));
                execute(server, sync, TIMEOUT_MARGIN * 6).await?;
            }
        }
        Ok(())
    }

    /// Waits until the replica that is asked has what the others have of a table. Of no effect where there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn catch_up(&mut self, table: &'static Table) -> Result<(), StoreError> {
        if !self.shard.is_replicated() {
            return Ok(());
        }
        let replica = self.replica();
        let server = self.shard.server(replica);
        let sync = server.writer().query_raw(&format!("SYSTEM SYNC REPLICA {} LIGHTWEIGHT", table.name()));
        let done = execute(server, sync, TIMEOUT_MARGIN * 6).await;
        self.record_outcome(replica, done)
    }

    /// Runs a statement that gives no rows.
    ///
    /// # Errors
    /// [`StoreError`]. Whatever it says, it may have been done, or may yet be.
    pub async fn execute(&mut self, statement: &Statement) -> Result<(), StoreError> {
        let replica = self.replica();
        let server = self.shard.server(replica);
        let query = self.query(server, statement);
        let query = if self.shard.is_replicated() { quorum(query) } else { query };
        let done = execute(server, query, time_limit(statement)).await;
        self.record_outcome(replica, done)
    }

    /// All rows that a statement gives.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn fetch_all<T: Answer>(&mut self, statement: &Statement) -> Result<Vec<T>, StoreError> {
        let replica = self.replica();
        let server = self.shard.server(replica);
        let asked = self.query(server, statement);
        let answer = timeout(time_limit(statement), asked.fetch_all::<T>()).await;
        let answer =
            answer.map_err(|_| server.timed_out()).and_then(|rows| rows.map_err(|error| server.error(error)));
        self.record_outcome(replica, answer)
    }

    /// The one row that it gives.
    ///
    /// # Errors
    /// [`StoreError`], also when it gives none.
    pub async fn fetch_one<T: Answer>(&mut self, statement: &Statement) -> Result<T, StoreError> {
        let replica = self.replica();
        let server = self.shard.server(replica);
        let asked = self.query(server, statement);
        let answer = timeout(time_limit(statement), asked.fetch_one::<T>()).await;
        let answer =
            answer.map_err(|_| server.timed_out()).and_then(|row| row.map_err(|error| server.error(error)));
        self.record_outcome(replica, answer)
    }

    fn query(&self, server: &Server, statement: &Statement) -> Query {
        let comment = self.comment(server);
        // A part of two inserts is made of both, once each: what is inserted again has another version.
        query(statement, &server.writer())
            .with_setting("log_comment", comment)
            .with_setting("async_insert", "0")
    }

    fn comment(&self, server: &Server) -> String {
        let database = server.writer().database().unwrap_or_default().to_owned();
        format!("{database} {} {}", self.purpose, self.number)
    }

    fn replica(&mut self) -> usize {
        *self.replica.get_or_insert_with(|| self.shard.choose())
    }

    fn record_outcome<T>(&mut self, replica: usize, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        self.shard.record_outcome(replica, &outcome);
        if outcome.is_err() {
            self.replica = None;
        }
        outcome
    }
}

fn time_limit(statement: &Statement) -> Duration {
    Duration::from_secs(statement.limits().seconds.into()) + TIMEOUT_MARGIN
}

async fn execute(server: &Server, query: Query, limit: Duration) -> Result<(), StoreError> {
    let done = timeout(limit, query.execute()).await.map_err(|_| server.timed_out())?;
    done.map_err(|error| server.error(error))
}
