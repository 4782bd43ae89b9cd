//! The metadata in a PostgreSQL database: TLS with the server's certificate and name checked, a password from a file (SCRAM), few
//! connections, and a bound on how long anything may take.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection, PgPool};
use tokio::time::timeout;

use super::limits::CONNECTIONS;
use super::{Error, Location, Server, migration};
use footfall_daemon::secret::Secret;

/// How long a connection may take to be there, and to be free.
const CONNECT: Duration = Duration::from_secs(5);
/// How long all migrations together may take, waiting for another central that makes them included.
const MIGRATE: Duration = Duration::from_mins(1);
/// How long the server works on a statement, waits for a lock, or holds a transaction whose client has gone silent.
const SESSION: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
                       SET idle_in_transaction_session_timeout = '30s'; SET TIME ZONE 'UTC'";

/// Brings the schema up to date and opens a pool.
pub(super) async fn open(server: &Server, location: &Arc<Location>) -> Result<PgPool, Error> {
    let options = options(server)?;
    let failed = |source| Error::of(location, source);
    let late = |what: &str| Error::Away { location: Arc::clone(location), reason: what.to_owned() };

    // A connection of its own, first: a pool would only say that it waited in vain. It is closed whatever happens, and with it
    // goes the lock that keeps two centrals from migrating at once.
    let connection = timeout(CONNECT, options.connect()).await;
    let mut connection = connection.map_err(|_| late("no answer in 5 seconds"))?.map_err(failed)?;
    let migrated = timeout(MIGRATE, migration::postgresql().run_direct(None, &mut connection, false)).await;
    let closed = timeout(CONNECT, connection.close()).await;
    tracing::debug!(?closed, "the connection that migrated has ended");
    migrated
        .map_err(|_| late("its schema was not up to date after a minute"))?
        .map_err(|error| Error::of_migration(location, error))?;

    Ok(PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(CONNECT)
        .idle_timeout(Duration::from_mins(10))
        .max_lifetime(Duration::from_mins(30))
        .after_connect(|connection: &mut PgConnection, _| {
            Box::pin(async move { connection.execute(SESSION).await.map(drop) })
        })
        .connect_lazy_with(options))
}

/// What a connection begins with, the password and the certificates as they are now.
pub(super) fn options(server: &Server) -> Result<PgConnectOptions, Error> {
    let secret = |key, path: &std::path::Path, source| Error::Secret { key, path: path.to_owned(), source };
    let password = Secret::read(&server.password_file)
        .map_err(|source| secret("password_file", &server.password_file, source))?;
    let options = PgConnectOptions::new_without_pgpass()
        .host(&server.host)
        .port(server.port)
        .database(&server.database)
        .username(&server.user)
        .password(password.reveal())
        .application_name("footfall-central");
    if !server.tls {
        return Ok(options.ssl_mode(PgSslMode::Disable));
    }
    let options = options.ssl_mode(PgSslMode::VerifyFull);
    match &server.ca {
        None => Ok(options),
        Some(path) => {
            let pem = std::fs::read(path).map_err(|source| secret("ca", path, source))?;
            Ok(options.ssl_root_cert_from_pem(pem))
        }
    }
}
