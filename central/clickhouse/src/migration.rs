//! The event store's schema: dated SQL files, each applied once to each shard, in order, and written down with its checksum. A file that
//! was applied must never change; every statement may be repeated, because a cluster's shards are brought up to date one by one.

use std::collections::BTreeSet;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::error::StoreError;
use super::layout::Layout;
use super::row::EventRow;
use super::server::Server;

/// Every migration, oldest first.
const MIGRATIONS: &[Migration] = &[
    Migration {
        version: "2026-11-23_events_local",
        sql: include_str!("migrations/2026-11-23_events_local.sql"),
    },
    Migration {
        version: "2026-11-23_events_on_cluster",
        sql: include_str!("migrations/2026-11-23_events_on_cluster.sql"),
    },
];

/// Where it is written down what was applied.
const RECORD: &str = "CREATE DATABASE IF NOT EXISTS {{database}}{{on_cluster}};\n\
     CREATE TABLE IF NOT EXISTS schema_migrations{{on_cluster}} (version String, checksum String, \
     applied_at DateTime('UTC')) ENGINE = {{engine:schema_migrations}} ORDER BY version SETTINGS fsync_after_insert = 1, \
     fsync_part_directory = 1;\n";

/// How long one statement may take; on a cluster it waits for all replicas.
const PATIENCE: Duration = Duration::from_mins(3);

/// One dated file.
#[derive(Clone, Copy)]
struct Migration {
    version: &'static str,
    sql: &'static str,
}

/// Every statement that makes the schema, in order, for whoever wants to read or try it.
pub fn schema(layout: &Layout, database: &str) -> Vec<String> {
    let files = std::iter::once(RECORD).chain(MIGRATIONS.iter().map(|migration| migration.sql));
    files.flat_map(|sql| layout.statements(sql, database)).collect()
}

/// Brings a shard's schema up to date through one of its servers. Repeating it changes nothing.
///
/// # Errors
/// [`MigrationError`].
pub(super) async fn apply(server: &Server, database: &str, layout: &Layout) -> Result<(), MigrationError> {
    let [create, record] = layout.statements(RECORD, database).try_into().expect("two statements");
    // Nothing can be asked of a database before it is there.
    let outside = server.writer().with_database("default");
    timeout(PATIENCE, outside.query_raw(&create).execute())
        .await
        .map_err(|_| server.timed_out())?
        .map_err(|error| server.error(error))?;
    run(server, &record).await?;
    let applied = server.writer().query("SELECT version, checksum FROM schema_migrations ORDER BY version");
    let applied = timeout(PATIENCE, applied.fetch_all::<(String, String)>())
        .await
        .map_err(|_| server.timed_out())?
        .map_err(|error| server.error(error))?;
    for migration in missing(&applied).map_err(|reason| MigrationError::new(server, reason))? {
        for statement in layout.statements(migration.sql, database) {
            run(server, &statement).await?;
        }
        let (version, checksum) = (migration.version, checksum(migration.sql));
        let note = format!(
            "INSERT INTO schema_migrations (version, checksum, applied_at) SELECT '{version}', '{checksum}', now('UTC')"
        );
        run(server, &note).await?;
        tracing::info!(version, server = server.url(), "migration applied");
    }
    check_columns(server).await
}

/// Which files are still to be applied.
fn missing(applied: &[(String, String)]) -> Result<Vec<Migration>, Disagreement> {
    let known = |version: &str| MIGRATIONS.iter().any(|migration| migration.version == version);
    if let Some((version, _)) = applied.iter().find(|(version, _)| !known(version)) {
        return Err(Disagreement::Newer(version.clone()));
    }
    let mut missing = Vec::new();
    for migration in MIGRATIONS {
        match applied.iter().find(|(version, _)| version == migration.version) {
            Some((_, known)) if *known == checksum(migration.sql) => {}
            Some(_) => return Err(Disagreement::Changed(migration.version)),
            None => missing.push(*migration),
        }
    }
    Ok(missing)
}

/// Whether the table that everything is written into is there, with every column.
async fn check_columns(server: &Server) -> Result<(), MigrationError> {
    let question =
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'events_local'";
    let question = server.writer().query(question).fetch_all::<String>();
    let there = timeout(PATIENCE, question).await.map_err(|_| server.timed_out())?;
    let there: BTreeSet<_> = there.map_err(|error| server.error(error))?.into_iter().collect();
    if there.is_empty() {
        return Err(MigrationError::new(server, Disagreement::NoTable));
    }
    let absent = EventRow::columns().into_iter().find(|column| !there.contains(&column.name));
    absent.map_or(Ok(()), |column| Err(MigrationError::new(server, Disagreement::NoColumn(column.name))))
}

async fn run(server: &Server, statement: &str) -> Result<(), StoreError> {
    let done = timeout(PATIENCE, server.writer().query_raw(statement).execute()).await;
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
    Disagreement {
        /// Which server.
        server: String,
        /// What is wrong and what to do.
        reason: Disagreement,
    },
}

impl MigrationError {
    fn new(server: &Server, reason: Disagreement) -> Self {
        Self::Disagreement { server: server.url().to_owned(), reason }
    }
}

/// What is wrong with the schema that was found, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// A newer central was here.
    #[error("has the schema of a newer central (migration {0}): start a central at least as new as that one")]
    Newer(String),
    /// A file that was applied before is not what it was.
    #[error(
        "was made with another text of migration {0}: start the central that made its tables, or give this one a database of its own"
    )]
    Changed(&'static str),
    /// Applied, and gone.
    #[error(
        "lacks the table events_local although its schema was made: restore the table, or drop schema_migrations to begin with an empty one"
    )]
    NoTable,
    /// Changed by hand.
    #[error("has a table events_local without the column {0}: somebody changed it, add the column again")]
    NoColumn(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(migrations: &[(&str, &str)]) -> Vec<(String, String)> {
        migrations.iter().map(|(version, sum)| ((*version).to_owned(), (*sum).to_owned())).collect()
    }

    #[test]
    fn the_same_files_serve_a_node_and_a_cluster() {
        let node = schema(&Layout::Node, "footfall").join(";\n");
        assert!(node.contains("ENGINE = MergeTree\n") && !node.contains("{{"), "{node}");
        assert!(node.contains("    non_replicated_deduplication_window = 10000"));
        assert!(!node.contains("CLUSTER") && !node.contains("Distributed"));
        let cluster = schema(&Layout::Cluster("analytics".into()), "footfall").join(";\n");
        assert!(cluster.contains("events_local ON CLUSTER analytics\n") && !cluster.contains("{{"));
        assert!(cluster.contains(
            "ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/events_local', '{replica}')"
        ));
        assert!(cluster.contains("    replicated_deduplication_window_seconds = 604800,\n    replicated_deduplication_window = 10000"));
        assert!(cluster.contains("Distributed(analytics, footfall, events_local, cityHash64(website_id))"));
    }

    #[test]
    fn every_statement_of_a_cluster_runs_everywhere_and_may_be_repeated() {
        for statement in schema(&Layout::Cluster("analytics".into()), "footfall") {
            assert!(statement.contains(" ON CLUSTER analytics"), "{statement}");
            let repeatable = ["IF NOT EXISTS", "OR REPLACE"];
            assert!(repeatable.iter().any(|words| statement.contains(words)), "{statement}");
        }
    }

    #[test]
    fn each_file_is_applied_once_and_what_does_not_agree_is_refused() {
        let versions = |missing: Vec<Migration>| missing.iter().map(|m| m.version).collect::<Vec<_>>();
        let [first, second] = [MIGRATIONS[0], MIGRATIONS[1]];
        assert_eq!(versions(missing(&[]).expect("new")), [first.version, second.version]);
        let sum = checksum(first.sql);
        let one = applied(&[(first.version, &sum)]);
        assert_eq!(versions(missing(&one).expect("older")), [second.version]);
        let changed = applied(&[(first.version, "another")]);
        assert_eq!(missing(&changed).err(), Some(Disagreement::Changed(first.version)));
        let newer = applied(&[(first.version, &sum), ("2099-01-01_flying", "x")]);
        assert_eq!(missing(&newer).err(), Some(Disagreement::Newer("2099-01-01_flying".into())));
    }

    #[test]
    fn migrations_are_dated_and_in_order() {
        let versions: Vec<_> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        assert!(versions.is_sorted());
        assert!(versions.iter().all(|version| version.len() > 11 && version.as_bytes()[10] == b'_'));
    }
}
