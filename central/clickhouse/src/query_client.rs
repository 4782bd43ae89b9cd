//! Reading what is stored about one website: statements as data, asked of the website's shard, within limits, and never able to write.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use clickhouse::query::Query;
use clickhouse::{Client, RowOwned, RowRead};
use tokio::time::timeout;

use super::error::StoreError;
use super::layout::Layout;
use super::server::{ConnectionOptions, Server};
use super::shard::{Shard, shard_of};

pub use clickhouse::Row;

/// Longer than a statement's own limit, which answers with a reason; this is for a server that does not answer at all.
const GRACE: Duration = Duration::from_secs(5);

/// A question with its values, which travel beside the text and never inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    sql: &'static str,
    limits: Limits,
    values: Vec<(&'static str, Value)>,
}

/// What a statement may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Seconds that it may run.
    pub seconds: u32,
    /// Bytes of memory that it may use.
    pub memory_bytes: u64,
}

/// A value of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
}

impl Statement {
    /// `sql` names its values as ClickHouse does: `{name:Type}`.
    pub fn new(sql: &'static str, limits: Limits) -> Self {
        Self { sql, limits, values: Vec::new() }
    }

    /// With a value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.values.push((name, value.into()));
        self
    }

    fn query(&self, client: &Client) -> Query {
        let mut query = client
            .query_raw(self.sql)
            .with_setting("max_execution_time", self.limits.seconds.to_string())
            .with_setting("max_memory_usage", self.limits.memory_bytes.to_string());
        for (name, value) in &self.values {
            query = match value {
                Value::Text(text) => query.param(name, text),
                Value::Number(number) => query.param(name, number),
            };
        }
        query
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// What a statement's rows can be read into: whatever derives [`Row`] and serde's `Deserialize`, and tuples.
pub trait Answer: RowOwned + RowRead + Send {}

impl<T: RowOwned + RowRead + Send> Answer for T {}

/// Reads; clones share it.
#[derive(Clone)]
pub struct QueryClient {
    shards: Arc<[Arc<Shard>]>,
}

impl QueryClient {
    pub(super) fn new(shards: Arc<[Arc<Shard>]>) -> Self {
        Self { shards }
    }

    /// Reads one server that asks for no password, and watches over nothing.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub fn open(url: &str, database: &str) -> io::Result<Self> {
        let (user, database) = (String::new(), database.to_owned());
        let (server, _) = Server::new(
            url,
            &ConnectionOptions {
                user,
                database,
                password: None,
                password_file: None,
                ca: None,
                embedded: true,
            },
        )?;
        let (shard, _) = Shard::new(vec![server], Layout::Node);
        Ok(Self { shards: [Arc::new(shard)].into() })
    }

    /// All rows that a statement gives of a website's shard.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn fetch_all<T: Answer>(
        &self,
        website_id: &str,
        statement: &Statement,
    ) -> Result<Vec<T>, QueryError> {
        self.ask(website_id, statement, Query::fetch_all::<T>).await
    }

    /// The one row that it gives.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn fetch_one<T: Answer>(
        &self,
        website_id: &str,
        statement: &Statement,
    ) -> Result<T, QueryError> {
        self.ask(website_id, statement, Query::fetch_one::<T>).await
    }

    /// Asks one replica after the other, until one answers.
    async fn ask<T, F>(
        &self,
        website_id: &str,
        statement: &Statement,
        fetch: impl Fn(Query) -> F,
    ) -> Result<T, QueryError>
    where
        F: Future<Output = clickhouse::error::Result<T>>,
    {
        let shard = &self.shards[shard_of(website_id, self.shards.len())];
        let patience = Duration::from_secs(statement.limits.seconds.into()) + GRACE;
        let mut left = shard.servers().len();
        loop {
            let replica = shard.choose();
            let server = shard.server(replica);
            let asked = ask_one(server, fetch(statement.query(&server.reader())), patience).await;
            left -= 1;
            match asked {
                // Who cannot be reached, or is at its limit of statements, says nothing about the others.
                Err(error) if error.is_unavailable() => {
                    shard.record_outcome(replica, &Err::<(), _>(()));
                    if left == 0 {
                        return Err(error.into());
                    }
                    tracing::warn!(%error, "a replica did not answer a report; asking another");
                }
                Ok(answer) => {
                    shard.record_outcome(replica, &Ok::<_, ()>(()));
                    return Ok(answer);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

async fn ask_one<T>(
    server: &Server,
    answer: impl Future<Output = clickhouse::error::Result<T>>,
    patience: Duration,
) -> Result<T, StoreError> {
    timeout(patience, answer).await.map_err(|_| server.timed_out())?.map_err(|error| server.error(error))
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Nobody answers, or the tables are not there yet. Transient.
    #[error("the event store does not answer: {0}")]
    Unavailable(#[source] StoreError),
    /// The statement hit its limit of time or memory. A shorter period may do.
    #[error("the report was stopped at its limit of time or memory; ask for a shorter period")]
    LimitExceeded(#[source] StoreError),
    /// The store refused the statement: a defect of ours. Permanent.
    #[error("the event store refused the report: {0}")]
    Refused(#[source] StoreError),
}

impl From<StoreError> for QueryError {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            Self::Unavailable(error)
        } else if error.is_limit_exceeded() {
            Self::LimitExceeded(error)
        } else {
            Self::Refused(error)
        }
    }
}
