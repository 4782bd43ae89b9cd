//! The tables of the event store, a file for each: the SQL that makes it, templated for a node and a cluster, and the type of its rows.
//! Pure: says what the tables are, and neither fills nor reads them.
//!
//! To add a table, copy `events.rs` (or, where its rows are computed in the store, `conversions.rs`) and name it in [`SCHEMA`].

pub mod conversions;
pub mod derivation;
pub mod events;
pub mod hourly_visits;
pub mod page_view_rollups;
pub mod page_views_hourly;
pub mod sessions;
pub mod summaries;
pub mod traffic_sources_daily;

use footfall_clickhouse::{Column, Schema};

/// What the event store has to hold.
pub static SCHEMA: Schema = Schema {
    tables: &[
        events::DEFINITION,
        sessions::DEFINITION,
        conversions::DEFINITION,
        page_views_hourly::DEFINITION,
        page_view_rollups::DEFINITION,
        summaries::HOURLY,
        summaries::DAILY,
        traffic_sources_daily::DEFINITION,
        hourly_visits::DEFINITION,
        derivation::PROGRESS,
        derivation::REQUESTS,
    ],
};

/// Columns of a table whose rows are computed in the store itself: names and types.
fn columns(list: &[(&str, &'static str)]) -> Vec<Column> {
    let column = |(name, data_type): &(&str, &'static str)| Column {
        name: (*name).to_owned(),
        data_type,
        width: None,
    };
    list.iter().map(column).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use footfall_clickhouse::Layout;

    #[test]
    fn the_same_files_serve_a_node_and_a_cluster() {
        let node = SCHEMA.statements(&Layout::Node, "footfall").join(";\n");
        assert!(node.contains("ENGINE = MergeTree\n") && !node.contains("{{"), "{node}");
        assert!(node.contains("    non_replicated_deduplication_window = 10000"));
        assert!(!node.contains("CLUSTER") && !node.contains("Distributed"));
        let cluster = SCHEMA.statements(&Layout::Cluster("analytics".into()), "footfall").join(";\n");
        assert!(cluster.contains("events_local ON CLUSTER analytics\n") && !cluster.contains("{{"));
        assert!(cluster.contains(
            "ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/events_local', '{replica}')"
        ));
        assert!(cluster.contains("    replicated_deduplication_window_seconds = 604800,\n    replicated_deduplication_window = 10000"));
        assert!(cluster.contains("Distributed(analytics, footfall, events_local, cityHash64(website_id))"));
        assert!(cluster.contains("VIEW events ON CLUSTER analytics AS SELECT * FROM events_distributed"));
    }

    #[test]
    fn every_statement_of_a_cluster_runs_everywhere_and_may_be_repeated() {
        for statement in SCHEMA.statements(&Layout::Cluster("analytics".into()), "footfall") {
            assert!(statement.contains(" ON CLUSTER analytics"), "{statement}");
            let repeatable = ["IF NOT EXISTS", "OR REPLACE"];
            assert!(repeatable.iter().any(|words| statement.contains(words)), "{statement}");
        }
    }

    #[test]
    fn migrations_are_dated_and_in_order_and_each_has_a_name_of_its_own() {
        let mut all: Vec<_> = Vec::new();
        for definition in SCHEMA.tables {
            let versions: Vec<_> = definition.migrations.iter().map(|migration| migration.version).collect();
            assert!(versions.is_sorted(), "{versions:?}");
            all.extend(versions);
        }
        assert!(all.iter().all(|version| version.len() > 11 && version.as_bytes()[10] == b'_'), "{all:?}");
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "{all:?}");
    }

    #[test]
    fn every_column_of_a_table_is_there_once() {
        for definition in SCHEMA.tables {
            let columns = definition.table.columns();
            let mut names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), columns.len(), "{}", definition.table.name());
        }
    }

    #[test]
    fn the_file_for_people_is_the_schema() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/clickhouse/cluster.sql");
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        let (comment, _) = found.split_once("\n\n").unwrap_or(("-- …", ""));
        let statements = SCHEMA.statements(&Layout::Cluster("analytics".into()), "footfall");
        let wanted = format!("{comment}\n\n{};\n", statements.join(";\n\n"));
        if std::env::var_os("FOOTFALL_WRITE").is_some() {
            std::fs::write(&path, &wanted).expect("written");
        }
        assert_eq!(found, wanted, "write it anew: FOOTFALL_WRITE=1 cargo test -p footfall-tables");
    }
}
