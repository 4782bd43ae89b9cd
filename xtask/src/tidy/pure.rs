//! Pure files (invariant 6): protocols, windows, batchers and planners. They read no clock, do no I/O and wait for nothing.
//! A package that is pure as a whole says so in a clippy.toml of its own; this is the list of the other files.

use super::{Fault, Tree};

/// Files and folders whose code decides and does not act: time and randomness are arguments.
const PURE: &[&str] = &[
    "beacon-wasm/src/engagement.rs",
    "beacon-wasm/src/outbox.rs",
    "beacon-wasm/src/retry.rs",
    "beacon-wasm/src/tracker.rs",
    "beacon-wasm/src/visitor.rs",
    "central/clickhouse/src/block.rs",
    "central/clickhouse/src/child_message.rs",
    "central/clickhouse/src/column.rs",
    "central/clickhouse/src/layout.rs",
    "central/clickhouse/src/replica_selector.rs",
    "central/clickhouse/src/schema.rs",
    "central/clickhouse/src/select.rs",
    "central/clickhouse/src/statement.rs",
    "central/clickhouse/src/table.rs",
    "central/clickhouse/src/value.rs",
    "central/derive/src/goals.rs",
    "central/derive/src/progress.rs",
    "central/derive/src/session_parts.rs",
    "central/derive/src/statements.rs",
    "central/derive/src/step.rs",
    "central/druid/src/ingestion.rs",
    "central/druid/src/question.rs",
    "central/druid/src/retention.rs",
    "central/druid/src/row.rs",
    "central/druid/src/status.rs",
    "central/live/src/memory.rs",
    "central/live/src/memory/",
    "central/live/src/realtime.rs",
    "central/live/src/redis/changes.rs",
    "central/live/src/redis/keys.rs",
    "central/log/src/kafka/positions.rs",
    "central/log/src/placement.rs",
    "central/log/src/deduplicator.rs",
    "central/log/src/seen_offsets.rs",
    "central/log/src/window.rs",
    "central/metadata/src/input.rs",
    "central/metadata/src/pattern.rs",
    "central/metadata/src/location.rs",
    "central/metadata/src/vocabulary.rs",
    "central/query/src/answer.rs",
    "central/query/src/buckets.rs",
    "central/query/src/definitions.rs",
    "central/query/src/freshness.rs",
    "central/query/src/period.rs",
    "central/query/src/plan/",
    "central/query/src/question.rs",
    "central/query/src/reports/",
    "central/query/src/spans.rs",
    "central/query/src/zone.rs",
    "central/server/src/ingest/certificate_faults.rs",
    "central/server/src/ingest/judgement.rs",
    "central/server/src/ingest/parked_records.rs",
    "central/server/src/ingest/places.rs",
    "central/server/src/ingest/protocol.rs",
    "central/server/src/ingest/takeovers.rs",
    "central/sink/src/batch.rs",
    "central/sink/src/raw_log/manifest.rs",
    "central/sink/src/raw_log/name.rs",
    "central/sink/src/raw_log/object.rs",
    "central/sink/src/replay/plan.rs",
    "central/tables/src/",
    "daemon/src/backoff.rs",
    "daemon/src/certificate/mod.rs",
    "daemon/src/certificate/name.rs",
    "daemon/src/certificate/reason.rs",
    "daemon/src/guard.rs",
    "daemon/src/repeated.rs",
    "edge-collector/src/admit.rs",
    "edge-collector/src/content_encoding.rs",
    "edge-collector/src/content_encoding/",
    "edge-collector/src/dedup.rs",
    "edge-collector/src/forward/in_flight.rs",
    "edge-collector/src/forward/refused.rs",
    "edge-collector/src/memory_budget.rs",
    "edge-collector/src/protocol/",
    "edge-collector/src/generations.rs",
    "edge-collector/src/refusals.rs",
    "edge-collector/src/session.rs",
    "edge-collector/src/session_source.rs",
    "edge-collector/src/submission.rs",
    "http-server/src/allowance.rs",
    "http-server/src/limits.rs",
    "http-server/src/places.rs",
    "journal/src/contents.rs",
    "journal/src/holes.rs",
    "journal/src/queue.rs",
    "journal/src/record.rs",
    "journal/src/recovery.rs",
    "journal/src/retention.rs",
    "journal/src/scan.rs",
    "journal/src/segment.rs",
    "journal/src/segments.rs",
];

/// What no pure file names. Channels are allowed: `tokio::sync` hands over, and who waits for it says `.await`.
const ACTS: &[&str] = &[
    "tokio::fs",
    "tokio::io",
    "tokio::net",
    "tokio::process",
    "tokio::runtime",
    "tokio::select",
    "tokio::signal",
    "tokio::spawn",
    "tokio::task",
    "tokio::time",
    "async fn",
    ".await",
    "Instant::now",
    "SystemTime::now",
    "OffsetDateTime::now_utc",
    "std::fs",
    "std::net",
    "getrandom",
];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let is_there = |entry: &str| tree.ending(".rs").any(|(path, _)| path.starts_with(entry));
    let mut faults: Vec<Fault> = PURE
        .iter()
        .filter(|entry| !is_there(entry))
        .map(|entry| Fault::new(entry, 0, "is listed as pure in xtask/src/tidy/pure.rs but is not there"))
        .collect();
    for (path, text) in tree.ending(".rs").filter(|(path, _)| PURE.iter().any(|pure| path.starts_with(pure)))
    {
        // Tests may read a clock to make a time. They stand last in a file, or in a file of their own.
        if path.ends_with("tests.rs") || path.contains("/tests/") {
            continue;
        }
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (index, line) in
            product.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            if let Some(act) = ACTS.iter().find(|act| line.contains(**act)) {
                faults.push(Fault::new(path, index + 1, format!("is pure, so it must not name `{act}`")));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_with(path: &str, text: &'static str) -> Vec<(String, usize)> {
        let innocent = PURE
            .iter()
            .map(|entry| if entry.ends_with('/') { format!("{entry}a.rs") } else { (*entry).to_owned() });
        let mut files: Vec<(String, &str)> = innocent.map(|path| (path, "//! Nothing.")).collect();
        files.retain(|(innocent, _)| innocent != path);
        files.push((path.to_owned(), text));
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        check(&Tree::of(&files)).into_iter().map(|fault| (fault.path, fault.line)).collect()
    }

    #[test]
    fn a_pure_file_has_no_clock_and_waits_for_nothing_but_its_tests_may() {
        for act in ACTS {
            let text: &'static str = format!("//! Not {act}.\nfn f() {{\n    {act}\n}}").leak();
            assert_eq!(faults_with("journal/src/record.rs", text), [("journal/src/record.rs".to_owned(), 3)]);
        }
        assert!(
            faults_with("journal/src/record.rs", "#[cfg(test)]\nmod tests { Instant::now(); }").is_empty()
        );
        assert!(faults_with("journal/src/elsewhere.rs", "Instant::now()").is_empty());
    }

    #[test]
    fn a_pure_file_that_went_is_noticed() {
        assert_eq!(check(&Tree::of(&[("journal/src/elsewhere.rs", "")])).len(), PURE.len());
    }
}
