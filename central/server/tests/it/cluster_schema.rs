//! The schema of a replicated cluster, statement by statement, on the real engine with a keeper for tests: parsed as it will be sent, run
//! without its ON CLUSTER.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::{event_store, library};
use footfall_clickhouse::Layout;
use footfall_tables::SCHEMA;
use serde_json::Value;

/// What the engine says to each statement: nothing, or why not.
fn tried(statements: &[String]) -> Vec<(Option<String>, Option<String>)> {
    let program = event_store().with_file_name("examples").join("try_schema");
    assert!(program.is_file(), "this test needs cargo build -p footfall-event-store --examples");
    let mut command = Command::new(program);
    command.arg(library()).args(["analytics", "footfall"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("started");
    let input = serde_json::to_vec(statements).expect("JSON");
    child.stdin.take().expect("piped").write_all(&input).expect("written");
    let output = child.wait_with_output().expect("waited");
    assert!(output.status.success(), "{:?}", output.status);
    let outcomes: Vec<Value> = serde_json::from_slice(&output.stdout).expect("a list");
    let said = |outcome: &Value, key: &str| outcome[key].as_str().map(str::to_owned);
    outcomes.iter().map(|outcome| (said(outcome, "parsed"), said(outcome, "ran"))).collect()
}

#[test]
fn every_statement_is_taken_by_the_engine() {
    let statements = SCHEMA.statements(&Layout::Cluster("analytics".into()), "footfall");
    for (statement, (parsed, ran)) in statements.iter().zip(tried(&statements)) {
        assert_eq!(parsed, None, "{statement}");
        // With the keeper for tests no replicated table can be changed; that a change runs is seen on single nodes, by the same text.
        let cannot_be_tried = statement.contains("ALTER TABLE")
            && ran.as_ref().is_some_and(|error| error.contains("TABLE_IS_READ_ONLY"));
        assert!(ran.is_none() || cannot_be_tried, "{statement}: {ran:?}");
    }
    let made = "SELECT throwIf(count() != 4) FROM system.tables WHERE database = 'footfall' AND (name, engine) IN \
         (('schema_migrations', 'ReplicatedMergeTree'), ('events_local', 'ReplicatedMergeTree'), ('events_distributed', 'Distributed'), \
         ('events', 'View')) AND (name != 'events' OR create_table_query LIKE '%events_distributed%')";
    let all: Vec<_> = statements.into_iter().chain([made.to_owned()]).collect();
    assert_eq!(tried(&all).last().expect("an outcome").1, None, "tables are what they are named");
}

#[test]
fn a_mistake_in_it_would_be_found() {
    let statements = ["CREATE TABLE a ON CLUSTER analytics (a UInt8) ENGINE = ReplicatedMergeTree('/a', '{replica}') ORDER BY b".to_owned()];
    let (parsed, ran) = tried(&statements).remove(0);
    assert_eq!(parsed, None);
    assert!(ran.expect("refused").contains("Missing columns"));
    let (parsed, _) =
        tried(&["CREATE TABLE a ON CLUSTER analytics (a UInt8) ENGIN = Null".to_owned()]).remove(0);
    assert!(parsed.expect("refused").contains("Syntax error"));
}
