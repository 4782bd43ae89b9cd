//! What is stored of one partition of a log: asked, added to and made quiet by the log's coordinates, which are the truth.

use std::time::{Duration, Instant};

use bytes::Bytes;
use clickhouse::Client;
use tokio::time::{sleep, timeout};

use super::error::StoreError;
use super::row::EventRow;

/// How long a question may take.
const QUESTION: Duration = Duration::from_secs(30);
/// How long a chunk of an insert may take to be sent, and then the whole to be stored.
const SENDING: Duration = Duration::from_secs(30);
const STORING: Duration = Duration::from_mins(1);
/// How long to wait for killed statements to be gone.
const QUIET: Duration = Duration::from_secs(30);
/// How often it is asked whether they are.
const POLL: Duration = Duration::from_millis(20);
/// Bytes handed to the connection at once.
const SEND_BYTES: usize = 1 << 20;

/// A row's place in its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Coordinate {
    /// The record's offset in the log.
    pub offset: u64,
    /// The event's place in the record.
    pub index: u32,
}

/// One partition of one log, as the event store holds it.
#[derive(Clone)]
pub struct Partition {
    client: Client,
    incarnation: [u8; 16],
    number: u32,
    insert: String,
}

impl Partition {
    pub(super) fn new(client: Client, incarnation: [u8; 16], number: u32) -> Self {
        let columns: Vec<_> = EventRow::columns().into_iter().map(|(name, _)| name).collect();
        let insert = format!("INSERT INTO events_local ({}) FORMAT RowBinary", columns.join(", "));
        Self { client, incarnation, number, insert }
    }

    /// The log's name.
    pub fn incarnation(&self) -> [u8; 16] {
        self.incarnation
    }

    /// The partition's number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// What marks this partition's inserts, so that they can be found and ended.
    fn comment(&self) -> String {
        format!("footfall events {}", self.number)
    }

    /// Ends what still runs for this partition and waits until it is gone: afterwards nothing changes behind one's back.
    ///
    /// # Errors
    /// [`StoreError`]; something may then still run.
    pub async fn settle(&self) -> Result<(), StoreError> {
        let deadline = Instant::now() + QUIET;
        loop {
            let running = self
                .client
                .query_raw(include_str!("sql/running_inserts.sql"))
                .param("comment", self.comment());
            let running =
                timeout(QUESTION, running.fetch_one::<u64>()).await.map_err(|_| StoreError::TimedOut)??;
            if running == 0 {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(StoreError::Unquiet(running));
            }
            let kill =
                self.client.query_raw(include_str!("sql/kill_inserts.sql")).param("comment", self.comment());
            timeout(QUESTION, kill.execute()).await.map_err(|_| StoreError::TimedOut)??;
            sleep(POLL).await;
        }
    }

    /// The highest stored offset at or beyond `from`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn highest(&self, from: u64) -> Result<Option<u64>, StoreError> {
        let question = self.ask(include_str!("sql/highest_offset.sql")).param("from", from);
        Ok(timeout(QUESTION, question.fetch_optional::<u64>()).await.map_err(|_| StoreError::TimedOut)??)
    }

    /// The stored rows from offset `first` to `last` under a UTC day (counted from 1970), in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stored(&self, first: u64, last: u64, day: u16) -> Result<Vec<Coordinate>, StoreError> {
        let question = self.ask(include_str!("sql/stored_coordinates.sql"));
        let question = question.param("first", first).param("last", last).param("day", day);
        let rows = timeout(QUESTION, question.fetch_all::<(u64, u32)>())
            .await
            .map_err(|_| StoreError::TimedOut)??;
        Ok(rows.into_iter().map(|(offset, index)| Coordinate { offset, index }).collect())
    }

    /// Inserts rows of one UTC day, at most 100,000: all or none. An insert whose token the store has seen is not done again.
    ///
    /// # Errors
    /// [`StoreError`]. Whatever it says, the rows may be stored, or may yet be: see [`settle`](Self::settle).
    pub async fn insert(&self, rows: Bytes, token: &str) -> Result<(), StoreError> {
        let mut insert = self
            .client
            .insert_formatted_with(self.insert.as_str())
            .with_setting("async_insert", "0")
            .with_setting("insert_deduplicate", "1")
            .with_setting("insert_deduplication_token", token)
            .with_setting("deduplicate_blocks_in_dependent_materialized_views", "1")
            .with_setting("log_comment", self.comment())
            .with_timeouts(Some(SENDING), Some(STORING));
        let mut rest = rows;
        while !rest.is_empty() {
            insert.send(rest.split_to(rest.len().min(SEND_BYTES))).await?;
        }
        Ok(insert.end().await?)
    }

    fn ask(&self, sql: &str) -> clickhouse::query::Query {
        let incarnation = uuid::Uuid::from_bytes(self.incarnation).to_string();
        self.client.query_raw(sql).param("incarnation", incarnation).param("partition", self.number)
    }
}
