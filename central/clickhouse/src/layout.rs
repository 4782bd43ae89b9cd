//! What the schema is built on, one node or a cluster, and how one template becomes the statements of either. Pure.
//!
//! A template is SQL with these in double braces:
//!
//! | | on a node | on a cluster |
//! | --- | --- | --- |
//! | `{{database}}` | the database | the database |
//! | `{{on_cluster}}` | | ` ON CLUSTER …` |
//! | `{{cluster_only}}` | leaves the whole statement out | |
//! | `{{engine:t}}` | `MergeTree` | `ReplicatedMergeTree('…/t', '{replica}')` |
//! | `{{engine:t:ReplacingMergeTree(v)}}` | `ReplacingMergeTree(v)` | `ReplicatedReplacingMergeTree('…/t', '{replica}', v)` |
//! | `{{distributed:t_local}}` | | the engine of a table over `t_local` of all shards |
//! | `{{deduplication_window}}` | the setting's name | the setting's name, and a week of time |
//! | `{{t}}`, any other name | `t_local` | `t_distributed` |

/// What the schema is built on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Servers that know nothing of each other: the embedded one, or one for each shard.
    Node,
    /// Shards and replicas that ClickHouse knows under this name.
    Cluster(String),
}

impl Layout {
    /// The statements of a template: each ends with a semicolon at the end of its line.
    pub(super) fn statements(&self, template: &str, database: &str) -> Vec<String> {
        let statements = template.split(";\n").map(str::trim).filter(|statement| !statement.is_empty());
        let wanted = statements.filter(|statement| self.is_cluster() || !statement.contains(CLUSTER_ONLY));
        wanted.map(|statement| self.render(statement, database).trim().to_owned()).collect()
    }

    /// Whether rows are copied from replica to replica.
    pub(super) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Fills in what stands in double braces.
    fn render(&self, template: &str, database: &str) -> String {
        let mut out = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").expect("our own files close their braces");
            out.push_str(before);
            out.push_str(&self.value(name, database));
            rest = after;
        }
        out.push_str(rest);
        out
    }

    fn value(&self, name: &str, database: &str) -> String {
        match (name.split_once(':'), name, self) {
            (Some(("engine", what)), _, _) => self.engine(what),
            (Some(("distributed", table)), _, Self::Cluster(cluster)) => {
                format!("Distributed({cluster}, {database}, {table}, cityHash64(website_id))")
            }
            (Some(_), _, _) => unreachable!("our own files name nothing else: {name}"),
            (None, "database", _) => database.to_owned(),
            (None, "on_cluster", Self::Cluster(cluster)) => format!(" ON CLUSTER {cluster}"),
            (None, "on_cluster" | "cluster_only", _) => String::new(),
            (None, "deduplication_window", Self::Node) => "non_replicated_deduplication_window".to_owned(),
            // Replicas also forget by age, after an hour unless told otherwise: a week is what the log may lag behind.
            (None, "deduplication_window", Self::Cluster(_)) => {
                "replicated_deduplication_window_seconds = 604800,\n    replicated_deduplication_window"
                    .to_owned()
            }
            (None, table, Self::Node) => format!("{table}_local"),
            (None, table, Self::Cluster(_)) => format!("{table}_distributed"),
        }
    }

    /// The engine of `table`, or of `table:Kind(arguments)`.
    fn engine(&self, what: &str) -> String {
        let (table, engine) = what.split_once(':').unwrap_or((what, "MergeTree"));
        if !self.is_cluster() {
            return engine.to_owned();
        }
        let (kind, arguments) = engine.trim_end_matches(')').split_once('(').unwrap_or((engine, ""));
        let separator = if arguments.is_empty() { "" } else { ", " };
        format!(
            "Replicated{kind}('/clickhouse/tables/{{shard}}/{{database}}/{table}', '{{replica}}'{separator}{arguments})"
        )
    }
}

/// Marks a statement that a single node does without.
const CLUSTER_ONLY: &str = "{{cluster_only}}";

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "CREATE DATABASE IF NOT EXISTS {{database}}{{on_cluster}};\n\
         CREATE TABLE t{{on_cluster}} (a UInt8) ENGINE = {{engine:t}} SETTINGS {{deduplication_window}} = 1;\n\
         {{cluster_only}}CREATE TABLE d{{on_cluster}} AS t ENGINE = {{distributed:t}};\n\
         CREATE TABLE r{{on_cluster}} (a UInt8) ENGINE = {{engine:r:ReplacingMergeTree(version, is_deleted)}};\n\
         CREATE VIEW v{{on_cluster}} AS SELECT * FROM {{events}};\n";

    #[test]
    fn a_node_gets_plain_tables() {
        assert_eq!(
            Layout::Node.statements(TEMPLATE, "footfall"),
            [
                "CREATE DATABASE IF NOT EXISTS footfall",
                "CREATE TABLE t (a UInt8) ENGINE = MergeTree SETTINGS non_replicated_deduplication_window = 1",
                "CREATE TABLE r (a UInt8) ENGINE = ReplacingMergeTree(version, is_deleted)",
                "CREATE VIEW v AS SELECT * FROM events_local",
            ]
        );
    }

    #[test]
    fn a_cluster_gets_replicated_ones_and_one_over_all_shards() {
        assert_eq!(
            Layout::Cluster("analytics".into()).statements(TEMPLATE, "footfall"),
            [
                "CREATE DATABASE IF NOT EXISTS footfall ON CLUSTER analytics",
                "CREATE TABLE t ON CLUSTER analytics (a UInt8) ENGINE = \
                 ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/t', '{replica}') SETTINGS replicated_deduplication_window_seconds = 604800,\n    replicated_deduplication_window = 1",
                "CREATE TABLE d ON CLUSTER analytics AS t ENGINE = Distributed(analytics, footfall, t, cityHash64(website_id))",
                "CREATE TABLE r ON CLUSTER analytics (a UInt8) ENGINE = \
                 ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/r', '{replica}', version, is_deleted)",
                "CREATE VIEW v ON CLUSTER analytics AS SELECT * FROM events_distributed",
            ]
        );
    }
}
