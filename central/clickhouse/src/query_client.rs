//! Asks the event store about one website: a statement goes to a replica of the website's shard, within its limits, through a client that
//! cannot write and shows the password, so that what strangers ask does not hold it back.

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
use super::statement::Statement;

pub use clickhouse::Row;

/// Longer than a statement's own limit, which answers with a reason; this is for a server that does not answer at all.
const TIMEOUT_MARGIN: Duration = Duration::from_secs(5);

/// What a statement's rows can be read into: whatever derives [`Row`] and serde's `Deserialize`, and tuples.
pub trait Answer: RowOwned + RowRead + Send {}

impl<T: RowOwned + RowRead + Send> Answer for T {}

/// Asks; clones share it.
#[derive(Clone)]
pub struct QueryClient {
    shards: Arc<[Arc<Shard>]>,
}

impl QueryClient {
    pub(super) fn new(shards: Arc<[Arc<Shard>]>) -> Self {
        Self { shards }
    }

    /// Asks one server that wants no password, without health checks.
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
                is_child: false,
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
        let time_limit = Duration::from_secs(statement.limits().seconds.into()) + TIMEOUT_MARGIN;
        let mut left = shard.servers().len();
        loop {
            let replica = shard.choose();
            let server = shard.server(replica);
            let asked = ask_one(server, fetch(query(statement, &server.reader())), time_limit).await;
            left -= 1;
            match asked {
                // One that cannot be reached, or has too many statements already, says nothing about the others.
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

/// The statement as a client sends it.
pub(super) fn query(statement: &Statement, client: &Client) -> Query {
    let limits = statement.limits();
    let query = client
        .query_raw(statement.sql())
        .with_setting("max_execution_time", limits.seconds.to_string())
        .with_setting("max_memory_usage", limits.memory_bytes.to_string());
    statement.parameters().fold(query, |query, (name, value)| query.param(name, value))
}

async fn ask_one<T>(
    server: &Server,
    answer: impl Future<Output = clickhouse::error::Result<T>>,
    time_limit: Duration,
) -> Result<T, StoreError> {
    timeout(time_limit, answer).await.map_err(|_| server.timed_out())?.map_err(|error| server.error(error))
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Nobody answers, or the tables are not there yet. Transient.
    #[error("the event store does not answer: {0}")]
    Unavailable(#[source] StoreError),
    /// The statement hit its limit of time or memory. A shorter period may do.
    #[error(
        "the report was stopped at its limit of time or memory; ask for a shorter period, with `from` and `to` closer together"
    )]
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
