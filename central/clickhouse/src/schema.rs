//! What a store has to hold: tables, each with the dated SQL that makes it. Pure; knows no table of its own.

use super::layout::Layout;
use super::table::Table;

/// Where it is written down what was applied.
pub(super) const RECORD: &str = "CREATE DATABASE IF NOT EXISTS {{database}}{{on_cluster}};\n\
     CREATE TABLE IF NOT EXISTS schema_migrations{{on_cluster}} (version String, checksum String, \
     applied_at DateTime('UTC')) ENGINE = {{engine:schema_migrations}} ORDER BY version SETTINGS fsync_after_insert = 1, \
     fsync_part_directory = 1;\n";

/// All tables.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// In any order.
    pub tables: &'static [TableDefinition],
}

/// A table and what makes it.
#[derive(Clone, Copy, Debug)]
pub struct TableDefinition {
    /// The table.
    pub table: &'static Table,
    /// What makes it and what stands on it, oldest first.
    pub migrations: &'static [Migration],
}

/// A text of SQL, applied once to each shard. One that was applied must never change, and every statement of it may be repeated.
/// It is a template of [`Layout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its date and what it is about, `2026-11-23_events_local`: migrations of all tables are applied in this order.
    pub version: &'static str,
    /// The text.
    pub sql: &'static str,
}

impl Schema {
    /// The migrations of all tables, oldest first.
    pub(super) fn migrations(&self) -> Vec<Migration> {
        let mut all: Vec<_> = self.tables.iter().flat_map(|table| table.migrations).copied().collect();
        all.sort_by_key(|migration| migration.version);
        all
    }

    /// Every statement that makes it, in order, for whoever wants to read or try it.
    pub fn statements(&self, layout: &Layout, database: &str) -> Vec<String> {
        let migrations = self.migrations();
        let texts = std::iter::once(RECORD).chain(migrations.iter().map(|migration| migration.sql));
        texts.flat_map(|sql| layout.statements(sql, database)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::table! {
        /// Of no database.
        static VISITS = "visits_local";
        /// One of them.
        struct Visit { number: u32, }
    }

    const OLD: Migration =
        Migration { version: "2026-11-23_a", sql: "CREATE TABLE a{{on_cluster}} (x UInt8);\n" };
    const NEW: Migration = Migration { version: "2026-11-25_a", sql: "ALTER TABLE a{{on_cluster}} ADD y;\n" };
    const BETWEEN: Migration = Migration { version: "2026-11-24_b", sql: "CREATE VIEW b AS SELECT 1;\n" };

    #[test]
    fn migrations_of_all_tables_are_applied_by_date() {
        static TABLES: [TableDefinition; 2] = [
            TableDefinition { table: &VISITS, migrations: &[OLD, NEW] },
            TableDefinition { table: &VISITS, migrations: &[BETWEEN] },
        ];
        let schema = Schema { tables: &TABLES };
        assert_eq!(schema.migrations(), [OLD, BETWEEN, NEW]);
        let statements = schema.statements(&Layout::Node, "footfall");
        assert_eq!(statements[0], "CREATE DATABASE IF NOT EXISTS footfall");
        assert!(statements[1].starts_with("CREATE TABLE IF NOT EXISTS schema_migrations (version"));
        let rest = ["CREATE TABLE a (x UInt8)", "CREATE VIEW b AS SELECT 1", "ALTER TABLE a ADD y"];
        assert_eq!(statements[2..], rest);
    }
}
