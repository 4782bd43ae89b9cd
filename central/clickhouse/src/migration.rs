//! Brings a shard up to date with a schema: each migration is applied once, in order, and written down with its checksum. Statements may be
//! repeated, because a cluster's shards are brought up to date one by one. Knows no table of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use clickhouse::query::Query;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::error::StoreError;
use super::layout::Layout;
use super::schema::{Migration, RECORD, Schema};
use super::server::Server;
use super::table::Table;

/// How long one statement may take; on a cluster it waits for all replicas.
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(3);

/// Brings a shard's schema up to date through one of its servers. Repeating it changes nothing.
///
/// # Errors
/// [`MigrationError`].
pub(super) async fn apply(
    server: &Server,
    database: &str,
    layout: &Layout,
    schema: &Schema,
) -> Result<(), MigrationError> {
    let [create, record] = layout.statements(RECORD, database).try_into().expect("two statements");
    // Nothing can be asked of a database before it is there.
    let outside = server.writer().with_database("default");
    execute(server, outside.query_raw(&create)).await?;
    run(server, &record).await?;
    let applied = server.writer().query("SELECT version, checksum FROM schema_migrations ORDER BY version");
    let applied = timeout(STATEMENT_TIMEOUT, applied.fetch_all::<(String, String)>())
        .await
        .map_err(|_| server.timed_out())?
        .map_err(|error| server.error(error))?;
    for migration in
        missing(&schema.migrations(), &applied).map_err(|reason| MigrationError::new(server, reason))?
    {
        for statement in layout.statements(migration.sql, database) {
            run(server, &statement).await?;
        }
        let (version, checksum) = (migration.version, checksum(migration.sql));
        let note = "INSERT INTO schema_migrations (version, checksum, applied_at) SELECT {version:String}, {checksum:String}, now('UTC')";
        let note = server.writer().query_raw(note).param("version", version).param("checksum", checksum);
        execute(server, note).await?;
        tracing::info!(version, server = server.url(), "migration applied");
    }
    for definition in schema.tables {
        check_columns(server, definition.table).await?;
    }
    Ok(())
}

/// Which migrations are still to be applied, of all there are.
fn missing(all: &[Migration], applied: &[(String, String)]) -> Result<Vec<Migration>, SchemaMismatch> {
    let known = |version: &str| all.iter().any(|migration| migration.version == version);
    if let Some((version, _)) = applied.iter().find(|(version, _)| !known(version)) {
        return Err(SchemaMismatch::Newer(version.clone()));
    }
    let mut missing = Vec::new();
    for migration in all {
        match applied.iter().find(|(version, _)| version == migration.version) {
            Some((_, known)) if *known == checksum(migration.sql) => {}
            Some(_) => return Err(SchemaMismatch::Changed(migration.version)),
            None => missing.push(*migration),
        }
    }
    Ok(missing)
}

/// Whether a table is there, with every column.
async fn check_columns(server: &Server, table: &'static Table) -> Result<(), MigrationError> {
    let question =
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String}";
    let question = server.writer().query_raw(question).param("table", table.name()).fetch_all::<String>();
    let found = timeout(STATEMENT_TIMEOUT, question).await.map_err(|_| server.timed_out())?;
    let found: BTreeSet<_> = found.map_err(|error| server.error(error))?.into_iter().collect();
    if found.is_empty() {
        return Err(MigrationError::new(server, SchemaMismatch::NoTable(table.name())));
    }
    let absent = table.columns().iter().find(|column| !found.contains(&column.name));
    absent.map_or(Ok(()), |column| {
        Err(MigrationError::new(server, SchemaMismatch::NoColumn(table.name(), column.name.clone())))
    })
}

async fn run(server: &Server, statement: &str) -> Result<(), StoreError> {
    execute(server, server.writer().query_raw(statement)).await
}

async fn execute(server: &Server, query: Query) -> Result<(), StoreError> {
    let done = timeout(STATEMENT_TIMEOUT, query.execute()).await;
    done.map_err(|_| server.timed_out())?.map_err(|error| server.error(error))
}

fn checksum(sql: &str) -> String {
    let digest = Sha256::digest(sql);
    let (high, low) = digest.split_at(16);
    let number = |half: &[u8]| u128::from_be_bytes(half.try_into().expect("half of 32 bytes"));
    format!("{:032x}{:032x}", number(high), number(low))
}

/// Why the schema is not up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The store did not answer, or refused. Transient as far as anyone can tell.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is there is not what this central can work with. Permanent until a person has put it right.
    #[error("the event store at {server} {reason}")]
    Mismatch {
        /// Which server.
        server: String,
        /// What is wrong and what to do.
        reason: SchemaMismatch,
    },
}

impl MigrationError {
    fn new(server: &Server, reason: SchemaMismatch) -> Self {
        Self::Mismatch { server: server.url().to_owned(), reason }
    }
}

/// What is wrong with the schema that was found, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaMismatch {
    /// A newer central was here.
    #[error("has the schema of a newer central (migration {0}): start a central at least as new as that one")]
    Newer(String),
    /// A migration that was applied before is not what it was.
    #[error(
        "was made with another text of migration {0}: start the central that made its tables, or give this one a database of its own"
    )]
    Changed(&'static str),
    /// Applied, and gone.
    #[error(
        "lacks the table {0} although its schema was made: restore the table, or drop schema_migrations to begin with an empty one"
    )]
    NoTable(&'static str),
    /// Changed by hand.
    #[error("has a table {0} without the column {1}: somebody changed it, add the column again")]
    NoColumn(&'static str, String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(migrations: &[(&str, &str)]) -> Vec<(String, String)> {
        migrations.iter().map(|(version, sum)| ((*version).to_owned(), (*sum).to_owned())).collect()
    }

    const ALL: [Migration; 2] = [
        Migration { version: "2026-11-23_first", sql: "SELECT 1;\n" },
        Migration { version: "2026-11-24_second", sql: "SELECT 2;\n" },
    ];

    #[test]
    fn each_migration_is_applied_once_and_one_that_was_changed_or_is_unknown_is_refused() {
        let versions = |missing: Vec<Migration>| missing.iter().map(|m| m.version).collect::<Vec<_>>();
        let [first, second] = ALL;
        assert_eq!(versions(missing(&ALL, &[]).expect("new")), [first.version, second.version]);
        let sum = checksum(first.sql);
        let one = applied(&[(first.version, &sum)]);
        assert_eq!(versions(missing(&ALL, &one).expect("older")), [second.version]);
        let changed = applied(&[(first.version, "another")]);
        assert_eq!(missing(&ALL, &changed).err(), Some(SchemaMismatch::Changed(first.version)));
        let newer = applied(&[(first.version, &sum), ("2099-01-01_flying", "x")]);
        assert_eq!(missing(&ALL, &newer).err(), Some(SchemaMismatch::Newer("2099-01-01_flying".into())));
    }
}
