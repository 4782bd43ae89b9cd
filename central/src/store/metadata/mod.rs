//! Websites and users in SQLite, and the policy that the edges get from them. Knows neither edges nor HTTP.
//!
//! Central and `central admin` open the same file at the same time: write-ahead logging, a busy timeout, and a lock file around the
//! migrations. Only SQL that PostgreSQL reads the same way stands outside `migrations/sqlite/`.

mod new;
mod policy;
mod website;

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::time::{Instant, sleep};

pub use new::{Domain, Email, Invalid, New, TrackingId, sampling_rate, timezone};
pub use policy::watch;
pub use website::{Added, Status, Website};

/// How long a process waits for another that writes, or that brings the schema up to date.
const PATIENCE: Duration = Duration::from_secs(10);

static MIGRATIONS: Migrator = sqlx::migrate!("src/store/metadata/migrations/sqlite");

/// A handle on the metadata database; clones share its connections.
#[derive(Clone, Debug)]
pub struct Metadata {
    pool: SqlitePool,
}

impl Metadata {
    /// Opens the database at `path`, makes it (mode 0600) when there is none, and brings its schema up to date.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let file_error = |source| Error::File { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(file_error)?;
        }
        // SQLite gives its -wal and -shm files the mode of the database.
        private_file(path).map_err(file_error)?;
        let lock = migration_lock(&path.with_added_extension("lock")).await?;

        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(PATIENCE);
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(PATIENCE)
            .connect_with(options)
            .await
            .map_err(|source| Error::Open { path: path.to_owned(), source })?;
        MIGRATIONS.run(&pool).await.map_err(|source| match source {
            MigrateError::VersionMissing(version) => Error::NewerSchema { path: path.to_owned(), version },
            source => Error::Migration { path: path.to_owned(), source },
        })?;
        drop(lock);
        Ok(Self { pool })
    }

    /// Waits for running statements and closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Makes `path` when it is missing, and takes it from everybody but its owner.
fn private_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// sqlx does not lock SQLite while it migrates; two processes that start together would both create the tables.
/// (Not the database file itself: closing it would drop the locks that SQLite holds on it.)
async fn migration_lock(path: &Path) -> Result<File, Error> {
    let deadline = Instant::now() + PATIENCE;
    let file = private_file(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                sleep(Duration::from_millis(20)).await;
            }
            Err(TryLockError::WouldBlock) => return Err(Error::Busy { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(Error::File { path: path.to_owned(), source }),
        }
    }
}

/// Why the metadata database could not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or its folder cannot be made, read or written.
    #[error("the metadata database {path} cannot be used: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// SQLite would not open the file.
    #[error("the metadata database {path} cannot be opened: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// Another process has been changing the schema for longer than anybody waits.
    #[error("another process has held {path} for 10 seconds; is one of them stuck?")]
    Busy {
        /// The lock file.
        path: PathBuf,
    },
    /// The schema has a migration that this binary does not know.
    #[error(
        "the metadata database {path} was written by a newer version (schema {version}); run that version or restore a copy"
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The migration that is unknown here.
        version: i64,
    },
    /// A migration failed; the database is as it was before it.
    #[error("the schema of the metadata database {path} could not be brought up to date: {source}")]
    Migration {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: MigrateError,
    },
    /// A statement failed.
    #[error("the metadata database did not answer: {0}")]
    Statement(#[from] sqlx::Error),
    /// A row says something that this binary does not understand.
    #[error("website {website_id} in the metadata database has a {column} that cannot be read")]
    Malformed {
        /// The row's website.
        website_id: String,
        /// The column or property.
        column: &'static str,
    },
    /// The tracking id belongs to another website, perhaps to one that was deleted.
    #[error("tracking id {0} is already in use")]
    TrackingIdTaken(String),
}

impl Error {
    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::Statement(sqlx::Error::PoolTimedOut | sqlx::Error::Io(_)) => true,
            // SQLITE_BUSY and SQLITE_LOCKED, extended codes included.
            Self::Statement(sqlx::Error::Database(error)) => error
                .code()
                .and_then(|code| code.parse::<u32>().ok())
                .is_some_and(|code| matches!(code & 0xff, 5 | 6)),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
