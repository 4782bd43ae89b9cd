//! A table of the same columns beside a table of each shard, into which a UTC day is loaded before it replaces that day in one step. Not for
//! a cluster: a replicated table has no copy under another name.
//!
//! The table has log coordinates and is partitioned by `toYYYYMMDD(server_timestamp)`, as for [`PartitionWriter`](super::PartitionWriter).

use std::sync::Arc;
use std::time::Duration;

use clickhouse::query::Query;
use clickhouse::{RowOwned, RowRead};
use tokio::time::timeout;

use super::block::Block;
use super::error::StoreError;
use super::server::Server;
use super::shard::Shard;
use super::table::Table;

/// How long a statement about a whole day may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(10);

/// The table beside, on each shard. A replay that was cut off leaves it behind; the next one begins with its removal.
#[derive(Clone)]
pub struct StagingTable {
    shards: Arc<[Arc<Shard>]>,
    table: &'static Table,
    /// What it is called itself.
    name: String,
}

/// What a table holds of a UTC day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoredDay {
    /// Rows.
    pub rows: u64,
    /// The sum of the hashes of their log coordinates: other rows have another.
    pub coordinates_hash: u64,
}

impl StagingTable {
    pub(super) fn new(shards: Arc<[Arc<Shard>]>, table: &'static Table) -> Self {
        Self { shards, table, name: format!("{}_replay", table.subject()) }
    }

    /// Makes it anew, empty.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clear(&self) -> Result<(), StoreError> {
        self.drop().await?;
        self.run(&format!("CREATE TABLE {} AS {}", self.name, self.table.name())).await
    }

    /// Removes it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drop(&self) -> Result<(), StoreError> {
        self.run(&format!("DROP TABLE IF EXISTS {} SYNC", self.name)).await
    }

    /// Inserts rows of a partition.
    ///
    /// # Errors
    /// [`StoreError`].
    ///
    /// # Panics
    /// When they are rows of another table.
    pub async fn insert(&self, partition: u32, rows: &Block, token: &str) -> Result<(), StoreError> {
        assert!(std::ptr::eq(rows.table(), self.table), "rows of {} only", self.table.name());
        let shard = &self.shards[partition as usize % self.shards.len()];
        let server = shard.server(shard.choose());
        let insert = server.writer().insert_formatted_with(self.table.insert_into(&self.name));
        let insert =
            insert.with_setting("async_insert", "0").with_setting("insert_deduplication_token", token);
        server.insert(insert, rows).await
    }

    /// What the table holds of a UTC day, counted from 1970.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stored(&self, day: u16) -> Result<StoredDay, StoreError> {
        self.held(self.table.name(), day).await
    }

    /// What the staging table holds of that day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn staged(&self, day: u16) -> Result<StoredDay, StoreError> {
        self.held(&self.name, day).await
    }

    async fn held(&self, table: &str, day: u16) -> Result<StoredDay, StoreError> {
        let mut held = StoredDay::default();
        for server in self.servers() {
            let question = server.writer().query_raw(include_str!("sql/stored_of_day.sql"));
            let question = question.param("table", table).param("day", day);
            let (rows, hash) = fetch_one::<(u64, u64)>(server, question).await?;
            held.rows += rows;
            held.coordinates_hash = held.coordinates_hash.wrapping_add(hash);
        }
        Ok(held)
    }

    /// How many rows of a day the table holds and the staging table lacks: replacing the day would lose them. Counted over ranges of a
    /// thousand offsets, so that a day of any size can be compared.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unaccounted(&self, day: u16) -> Result<u64, StoreError> {
        let mut rows = 0;
        for server in self.servers() {
            let question =
                server.writer().query_raw(include_str!("sql/unaccounted_rows.sql")).param("day", day);
            let question = question.param("table", self.table.name()).param("staging", &self.name);
            rows += fetch_one::<u64>(server, question).await?;
        }
        Ok(rows)
    }

    /// Replaces a day of the table with that of the staging table, in one step on each shard, shard after shard.
    ///
    /// # Errors
    /// [`StoreError`]; each shard's day is then the old one or the new one.
    pub async fn replace(&self, day: u16) -> Result<(), StoreError> {
        for server in self.servers() {
            let question =
                server.writer().query_raw("SELECT toYYYYMMDD(toDate({day:UInt16}))").param("day", day);
            let partition = fetch_one::<u32>(server, question).await?;
            let replace =
                format!("ALTER TABLE {} REPLACE PARTITION {partition} FROM {}", self.table.name(), self.name);
            execute(server, &replace).await?;
        }
        Ok(())
    }

    async fn run(&self, statement: &str) -> Result<(), StoreError> {
        for server in self.servers() {
            execute(server, statement).await?;
        }
        Ok(())
    }

    fn servers(&self) -> impl Iterator<Item = &Server> {
        self.shards.iter().map(|shard| shard.server(shard.choose()))
    }
}

async fn fetch_one<T: RowOwned + RowRead>(server: &Server, question: Query) -> Result<T, StoreError> {
    let answer =
        timeout(STATEMENT_TIMEOUT, question.fetch_one::<T>()).await.map_err(|_| server.timed_out())?;
    answer.map_err(|error| server.error(error))
}

async fn execute(server: &Server, statement: &str) -> Result<(), StoreError> {
    let done = timeout(STATEMENT_TIMEOUT, server.writer().query_raw(statement).execute()).await;
    done.map_err(|_| server.timed_out())?.map_err(|error| server.error(error))
}
