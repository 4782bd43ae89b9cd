//! A table beside each shard's `events_local`, of the same shape, into which a day is loaded before it takes the old day's place all at
//! once. Not for a cluster: a replicated table has no copy under another name.

use std::sync::Arc;
use std::time::Duration;

use clickhouse::query::Query;
use clickhouse::{RowOwned, RowRead};
use tokio::time::timeout;

use super::block::Block;
use super::error::StoreError;
use super::server::Server;
use super::shard::Shard;

/// Its name; a replay that was cut off leaves it behind, the next one begins with its removal.
const TABLE: &str = "events_replay";
/// How long a statement about a whole day may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// The tables beside.
#[derive(Clone)]
pub struct StagingTable {
    shards: Arc<[Arc<Shard>]>,
}

/// What a table holds of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoredDay {
    /// Rows.
    pub rows: u64,
    /// The sum of their places' hashes: other rows have another.
    pub places: u64,
}

impl StagingTable {
    pub(super) fn new(shards: Arc<[Arc<Shard>]>) -> Self {
        Self { shards }
    }

    /// Makes them anew, empty.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clear(&self) -> Result<(), StoreError> {
        self.drop().await?;
        self.run(&format!("CREATE TABLE {TABLE} AS events_local")).await
    }

    /// Removes them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drop(&self) -> Result<(), StoreError> {
        self.run(&format!("DROP TABLE IF EXISTS {TABLE} SYNC")).await
    }

    /// Inserts rows of a partition.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert(&self, partition: u32, rows: &Block, token: &str) -> Result<(), StoreError> {
        let shard = &self.shards[partition as usize % self.shards.len()];
        let server = shard.server(shard.choose());
        let insert = server.writer().insert_formatted_with(Block::statement(TABLE));
        let insert =
            insert.with_setting("async_insert", "0").with_setting("insert_deduplication_token", token);
        server.insert(insert, rows).await
    }

    /// What `events_local` holds of a UTC day, counted from 1970.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stored(&self, day: u16) -> Result<StoredDay, StoreError> {
        self.held("events_local", day).await
    }

    /// What it holds itself of that day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn staged(&self, day: u16) -> Result<StoredDay, StoreError> {
        self.held(TABLE, day).await
    }

    async fn held(&self, table: &str, day: u16) -> Result<StoredDay, StoreError> {
        let mut held = StoredDay::default();
        for server in self.servers() {
            let question = server.writer().query_raw(include_str!("sql/stored_of_day.sql"));
            let question = question.param("table", table).param("day", day);
            let (rows, places) = fetch_one::<(u64, u64)>(server, question).await?;
            held = StoredDay { rows: held.rows + rows, places: held.places.wrapping_add(places) };
        }
        Ok(held)
    }

    /// How many rows `events_local` holds of a day that it lacks itself: they would be gone with the old day. Counted over stretches of a
    /// thousand offsets, so that a day of any size can be compared.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unaccounted(&self, day: u16) -> Result<u64, StoreError> {
        let mut rows = 0;
        for server in self.servers() {
            let question =
                server.writer().query_raw(include_str!("sql/unaccounted_rows.sql")).param("day", day);
            rows += fetch_one::<u64>(server, question).await?;
        }
        Ok(rows)
    }

    /// Puts its day in the place of the old one, all at once, shard after shard.
    ///
    /// # Errors
    /// [`StoreError`]; each shard's day is then the old one or the new one.
    pub async fn replace(&self, day: u16) -> Result<(), StoreError> {
        for server in self.servers() {
            let question =
                server.writer().query_raw("SELECT toYYYYMMDD(toDate({day:UInt16}))").param("day", day);
            let partition = fetch_one::<u32>(server, question).await?;
            let replace = format!("ALTER TABLE events_local REPLACE PARTITION {partition} FROM {TABLE}");
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
    let answer = timeout(PATIENCE, question.fetch_one::<T>()).await.map_err(|_| server.timed_out())?;
    answer.map_err(|error| server.error(error))
}

async fn execute(server: &Server, statement: &str) -> Result<(), StoreError> {
    let done = timeout(PATIENCE, server.writer().query_raw(statement).execute()).await;
    done.map_err(|_| server.timed_out())?.map_err(|error| server.error(error))
}
