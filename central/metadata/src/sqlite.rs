//! The metadata in an SQLite file. Central and `central admin` open the same file at the same time: write-ahead logging, a busy
//! timeout, and a lock file around the migrations.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use footfall_daemon::lock::Lock;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::limits::{CONNECTIONS, LOCK_WAIT};
use super::{Error, Location, migration};

/// Opens the file at `path`, makes it (mode 0600) when there is none, and brings its schema up to date.
pub(super) async fn open(path: &Path, location: &Arc<Location>) -> Result<SqlitePool, Error> {
    let file_error = |source| Error::File { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(file_error)?;
    }
    // SQLite gives its -wal and -shm files the mode of the database.
    make_private(path).map_err(file_error)?;
    // sqlx does not lock SQLite while it migrates; two processes that start together would both create the tables. (Not the database
    // file itself: closing it would drop the locks that SQLite holds on it.)
    let lock_file = path.with_added_extension("lock");
    let lock = Lock::acquire(&lock_file, LOCK_WAIT).await;
    let lock = lock.map_err(|source| Error::File { path: lock_file.clone(), source })?;
    let lock = lock.ok_or(Error::Busy { path: lock_file })?;

    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(LOCK_WAIT);
    let pool = SqlitePoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(LOCK_WAIT)
        .connect_with(options)
        .await
        .map_err(|source| Error::of(location, source))?;
    migration::sqlite().run(&pool).await.map_err(|error| Error::of_migration(location, error))?;
    drop(lock);
    Ok(pool)
}

/// Makes `path` when it is missing, and takes it from everybody but its owner.
fn make_private(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(())
}
