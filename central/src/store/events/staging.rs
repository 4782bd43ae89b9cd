//! A table beside `events_local`, of the same shape, into which a day is loaded before it takes the old day's place all at once.

use std::time::Duration;

use bytes::Bytes;
use clickhouse::Client;
use tokio::time::timeout;

use super::error::StoreError;
use super::row::EventRow;

/// Its name; a replay that was cut off leaves it behind, the next one begins with its removal.
const TABLE: &str = "events_replay";
/// How long a statement about a whole day may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long a chunk of an insert may take to be sent, and then the whole to be stored.
const SENDING: Duration = Duration::from_secs(30);
const STORING: Duration = Duration::from_mins(1);
/// Bytes handed to the connection at once.
const SEND_BYTES: usize = 1 << 20;

/// The table beside.
#[derive(Clone)]
pub struct Staging {
    client: Client,
}

/// What a table holds of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Rows.
    pub rows: u64,
    /// The sum of their places' hashes: other rows have another.
    pub places: u64,
}

impl Staging {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Makes it anew, empty.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clear(&self) -> Result<(), StoreError> {
        self.drop().await?;
        self.run(&format!("CREATE TABLE {TABLE} AS events_local")).await
    }

    /// Removes it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drop(&self) -> Result<(), StoreError> {
        self.run(&format!("DROP TABLE IF EXISTS {TABLE} SYNC")).await
    }

    /// Inserts rows into it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert(&self, rows: Bytes, token: &str) -> Result<(), StoreError> {
        let columns: Vec<_> = EventRow::columns().into_iter().map(|(name, _)| name).collect();
        let insert = format!("INSERT INTO {TABLE} ({}) FORMAT RowBinary", columns.join(", "));
        let mut insert = self
            .client
            .insert_formatted_with(insert)
            .with_setting("async_insert", "0")
            .with_setting("insert_deduplication_token", token)
            .with_timeouts(Some(SENDING), Some(STORING));
        let mut rest = rows;
        while !rest.is_empty() {
            insert.send(rest.split_to(rest.len().min(SEND_BYTES))).await?;
        }
        Ok(insert.end().await?)
    }

    /// What `events_local` holds of a UTC day, counted from 1970.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stored(&self, day: u16) -> Result<Held, StoreError> {
        self.held("events_local", day).await
    }

    /// What it holds itself of that day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn staged(&self, day: u16) -> Result<Held, StoreError> {
        self.held(TABLE, day).await
    }

    async fn held(&self, table: &str, day: u16) -> Result<Held, StoreError> {
        let question = self.client.query_raw(include_str!("sql/stored_of_day.sql"));
        let question = question.param("table", table).param("day", day);
        let (rows, places) = timeout(PATIENCE, question.fetch_one::<(u64, u64)>())
            .await
            .map_err(|_| StoreError::TimedOut)??;
        Ok(Held { rows, places })
    }

    /// How many rows `events_local` holds of a day that it lacks itself: they would be gone with the old day. Counted over stretches of a
    /// thousand offsets, so that a day of any size can be compared.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unaccounted(&self, day: u16) -> Result<u64, StoreError> {
        let question = self.client.query_raw(include_str!("sql/unaccounted_rows.sql")).param("day", day);
        Ok(timeout(PATIENCE, question.fetch_one::<u64>()).await.map_err(|_| StoreError::TimedOut)??)
    }

    /// Puts its day in the place of the old one, all at once.
    ///
    /// # Errors
    /// [`StoreError`]; the day is then the old one or the new one.
    pub async fn replace(&self, day: u16) -> Result<(), StoreError> {
        let question = self.client.query_raw("SELECT toYYYYMMDD(toDate({day:UInt16}))").param("day", day);
        let partition =
            timeout(PATIENCE, question.fetch_one::<u32>()).await.map_err(|_| StoreError::TimedOut)??;
        self.run(&format!("ALTER TABLE events_local REPLACE PARTITION {partition} FROM {TABLE}")).await
    }

    async fn run(&self, statement: &str) -> Result<(), StoreError> {
        let done = timeout(PATIENCE, self.client.query_raw(statement).execute()).await;
        Ok(done.map_err(|_| StoreError::TimedOut)??)
    }
}
