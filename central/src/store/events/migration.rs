//! The event store's schema: dated SQL files, each applied once, in order. A file that was applied must never change.

use std::time::Duration;

use clickhouse::Client;
use clickhouse::error::Error;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

/// Every migration, oldest first.
const MIGRATIONS: &[Migration] = &[Migration {
    version: "2026-11-23_events_local",
    sql: include_str!("migrations/2026-11-23_events_local.sql"),
}];

/// Where it is written down what was applied.
const JOURNAL: &str = "CREATE TABLE IF NOT EXISTS schema_migrations{{on_cluster}} (version String, checksum String, \
     applied_at DateTime('UTC')) ENGINE = {{engine:schema_migrations}} ORDER BY version SETTINGS fsync_after_insert = 1, \
     fsync_part_directory = 1";

/// How long one statement may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// One dated file.
struct Migration {
    version: &'static str,
    sql: &'static str,
}

/// What the schema is built on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One server, or the embedded one.
    Node,
    /// Shards and replicas under this name.
    Cluster(String),
}

impl Layout {
    /// Fills in what stands in double braces.
    fn render(&self, template: &str) -> String {
        let (on_cluster, window) = match self {
            Self::Node => (String::new(), "non_replicated_deduplication_window"),
            Self::Cluster(name) => (format!(" ON CLUSTER {name}"), "replicated_deduplication_window"),
        };
        let mut out = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").expect("our own files close their braces");
            out.push_str(before);
            match name.split_once(':') {
                Some(("engine", table)) => out.push_str(&self.engine(table)),
                None if name == "on_cluster" => out.push_str(&on_cluster),
                None if name == "deduplication_window" => out.push_str(window),
                _ => unreachable!("our own files name nothing else: {name}"),
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    fn engine(&self, table: &str) -> String {
        match self {
            Self::Node => "MergeTree".to_owned(),
            Self::Cluster(_) => {
                format!("ReplicatedMergeTree('/clickhouse/tables/{{shard}}/{table}', '{{replica}}')")
            }
        }
    }
}

/// Brings the schema up to date. Repeating it changes nothing.
///
/// # Errors
/// [`MigrationError`].
pub(super) async fn apply(client: &Client, database: &str, layout: &Layout) -> Result<(), MigrationError> {
    let on_cluster = layout.render("{{on_cluster}}");
    // Nothing can be asked of a database before it is there.
    let create = format!("CREATE DATABASE IF NOT EXISTS {database}{on_cluster}");
    run(&client.clone().with_database("default"), &create).await?;
    run(client, &layout.render(JOURNAL)).await?;
    let applied = client.query("SELECT version, checksum FROM schema_migrations ORDER BY version");
    let applied =
        timeout(PATIENCE, applied.fetch_all::<(String, String)>()).await.map_err(|_| Error::TimedOut)??;
    for migration in MIGRATIONS {
        let checksum = checksum(migration.sql);
        match applied.iter().find(|(version, _)| version == migration.version) {
            Some((_, known)) if *known == checksum => continue,
            Some(_) => return Err(MigrationError::Changed(migration.version)),
            None => {}
        }
        for statement in statements(&layout.render(migration.sql)) {
            run(client, statement).await?;
        }
        let version = migration.version;
        let note = format!(
            "INSERT INTO schema_migrations (version, checksum, applied_at) SELECT '{version}', '{checksum}', now('UTC')"
        );
        run(client, &note).await?;
        tracing::info!(version, "migration applied");
    }
    Ok(())
}

async fn run(client: &Client, statement: &str) -> Result<(), Error> {
    timeout(PATIENCE, client.query_raw(statement).execute()).await.map_err(|_| Error::TimedOut)?
}

/// The statements of a file: each ends with a semicolon at the end of its line.
fn statements(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(";\n").map(str::trim).filter(|statement| !statement.is_empty())
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
    #[error("the event store's schema: {0}")]
    Store(#[from] Error),
    /// A file that was applied before is not what it was. Permanent: this central is not the one that made the tables.
    #[error("the migration {0} was applied with another text")]
    Changed(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_file_serves_a_node_and_a_cluster() {
        let sql = MIGRATIONS[0].sql;
        let node = Layout::Node.render(sql);
        assert!(node.contains("ENGINE = MergeTree\n") && !node.contains("{{"), "{node}");
        assert!(node.contains("    non_replicated_deduplication_window = 10000"));
        let cluster = Layout::Cluster("analytics".into()).render(sql);
        assert!(cluster.contains("events_local ON CLUSTER analytics\n"));
        assert!(
            cluster.contains("ReplicatedMergeTree('/clickhouse/tables/{shard}/events_local', '{replica}')")
        );
        assert!(cluster.contains("    replicated_deduplication_window = 10000"));
    }

    #[test]
    fn a_file_falls_into_its_statements() {
        let sql = Layout::Node.render(MIGRATIONS[0].sql);
        let statements: Vec<_> = statements(&sql).collect();
        assert_eq!(statements.len(), 2);
        assert!(statements[0].contains("CREATE TABLE") && statements[1].contains("CREATE VIEW"));
    }

    #[test]
    fn migrations_are_dated_and_in_order() {
        let versions: Vec<_> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        assert!(versions.is_sorted());
        assert!(versions.iter().all(|version| version.len() > 11 && version.as_bytes()[10] == b'_'));
    }
}
