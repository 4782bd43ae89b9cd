//! An open metadata database: runs the statements of this room on either backend, each within a bounded time. Knows no table but the
//! one that orders the writers.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, query_with};
use tokio::time::timeout;

use super::limits::LOCK_WAIT;
use super::value::{Row, Value};
use super::{Error, Location, postgresql, sqlite};

/// How long anything may take here, a connection that went silent included.
const LIMIT: Duration = Duration::from_secs(20);

/// Open, with its schema up to date.
#[derive(Debug)]
pub(super) struct Database {
    location: Arc<Location>,
    pool: Pool,
}

#[derive(Debug)]
enum Pool {
    Sqlite(SqlitePool),
    Postgresql(PgPool),
}

impl Database {
    pub(super) async fn open(location: &Arc<Location>) -> Result<Self, Error> {
        let pool = match location.as_ref() {
            Location::Sqlite(path) => Pool::Sqlite(sqlite::open(path, location).await?),
            Location::Postgresql(server) => Pool::Postgresql(postgresql::open(server, location).await?),
        };
        Ok(Self { location: Arc::clone(location), pool })
    }

    /// Runs one statement by itself; the rows that it answers.
    pub(super) async fn rows(&self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, Error> {
        bounded(&self.location, async {
            match &self.pool {
                Pool::Sqlite(pool) => {
                    let rows = query_with(sql, Value::sqlite(values)?).fetch_all(pool).await?;
                    Ok(rows.into_iter().map(Row::Sqlite).collect())
                }
                Pool::Postgresql(pool) => {
                    let rows = query_with(sql, Value::postgresql(values)?).fetch_all(pool).await?;
                    Ok(rows.into_iter().map(Row::Postgresql).collect())
                }
            }
        })
        .await
    }

    /// One of two texts, where the databases differ: SQLite's, PostgreSQL's.
    pub(super) fn dialect(&self, [sqlite, postgresql]: [&'static str; 2]) -> &'static str {
        match &self.pool {
            Pool::Sqlite(_) => sqlite,
            Pool::Postgresql(_) => postgresql,
        }
    }

    /// Begins to read: all statements see the same moment.
    pub(super) async fn begin_read(&self) -> Result<Transaction, Error> {
        self.begin("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
    }

    /// Begins to write, once no other writer is under way: what one has read stays true until it commits, and nobody waits for
    /// somebody who waits for him. People write here, not visitors.
    pub(super) async fn begin_write(&self) -> Result<Transaction, Error> {
        let mut transaction = self.begin("BEGIN IMMEDIATE", "BEGIN").await?;
        if let Pool::Postgresql(_) = self.pool {
            transaction.rows("SELECT revision FROM policy_revision FOR UPDATE", &[]).await?;
        }
        Ok(transaction)
    }

    async fn begin(&self, sqlite: &'static str, postgresql: &'static str) -> Result<Transaction, Error> {
        let inner = bounded(&self.location, async {
            Ok(match &self.pool {
                Pool::Sqlite(pool) => Inner::Sqlite(pool.begin_with(sqlite).await?),
                Pool::Postgresql(pool) => Inner::Postgresql(pool.begin_with(postgresql).await?),
            })
        });
        Ok(Transaction { inner: inner.await?, location: Arc::clone(&self.location) })
    }

    /// Reads again what a server wants to see of us, for the next connections: a password may have been changed.
    pub(super) fn renew(&self) -> Result<(), Error> {
        if let (Pool::Postgresql(pool), Location::Postgresql(server)) = (&self.pool, self.location.as_ref()) {
            pool.set_connect_options(postgresql::options(server)?);
        }
        Ok(())
    }

    /// Waits for running statements and closes every connection.
    pub(super) async fn close(&self) {
        let closed = timeout(LOCK_WAIT, async {
            match &self.pool {
                Pool::Sqlite(pool) => pool.close().await,
                Pool::Postgresql(pool) => pool.close().await,
            }
        });
        if closed.await.is_err() {
            tracing::warn!("{} still worked when it was left", self.location);
        }
    }
}

/// Several statements that happen together or, when it is dropped, not at all.
pub(super) struct Transaction {
    location: Arc<Location>,
    inner: Inner,
}

enum Inner {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgresql(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    /// Runs one statement; the rows that it answers.
    pub(super) async fn rows(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, Error> {
        bounded(&self.location, async {
            match &mut self.inner {
                Inner::Sqlite(inner) => {
                    let rows = query_with(sql, Value::sqlite(values)?).fetch_all(&mut **inner).await?;
                    Ok(rows.into_iter().map(Row::Sqlite).collect())
                }
                Inner::Postgresql(inner) => {
                    let rows = query_with(sql, Value::postgresql(values)?).fetch_all(&mut **inner).await?;
                    Ok(rows.into_iter().map(Row::Postgresql).collect())
                }
            }
        })
        .await
    }

    pub(super) async fn commit(self) -> Result<(), Error> {
        bounded(&self.location, async {
            match self.inner {
                Inner::Sqlite(inner) => inner.commit().await,
                Inner::Postgresql(inner) => inner.commit().await,
            }
        })
        .await
    }
}

async fn bounded<T>(
    location: &Arc<Location>,
    work: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, Error> {
    match timeout(LIMIT, work).await {
        Ok(done) => done.map_err(|source| Error::of(location, source)),
        Err(_) => {
            Err(Error::Away { location: Arc::clone(location), reason: "silent for 20 seconds".to_owned() })
        }
    }
}
