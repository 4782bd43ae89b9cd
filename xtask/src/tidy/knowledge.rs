//! What a room must not know: invariants 6, 7 and 9 as tables. A crate that speaks to the outside is named only where it belongs,
//! and a pure file names neither a clock nor anything that does I/O.

use super::code::{bare, lines_with_word};
use super::{Fault, Tree};

/// A word of code, below which folder it is a secret, and the places there that may know it.
const SECRETS: &[(&str, &str, &[&str])] = &[
    ("quinn", "central/server/src/", &["central/src/ingest/"]),
    ("quinn", "edge-collector/src/", &["edge-collector/src/forward/"]),
    ("footfall_journal", "central/server/src/", &["central/src/log/"]),
    ("rdkafka", "central/server/src/", &["central/src/log/kafka/"]),
    ("sqlx", "central/server/src/", &["central/src/store/metadata/"]),
    ("object_store", "central/server/src/", &["central/src/store/blobs/"]),
    ("use clickhouse", "central/server/src/", &["central/src/store/events/"]),
    ("clickhouse::Client", "central/server/src/", &["central/src/store/events/"]),
    ("clickhouse::Row", "central/server/src/", &["central/src/store/events/"]),
    ("fred", "central/server/src/", &["central/src/store/live/redis/"]),
    ("reqwest", "central/server/src/", &[]),
    ("maxminddb", "edge-collector/src/", &["edge-collector/src/enrich/geo"]),
];

/// Files and folders whose code decides and does not act: time and randomness are arguments.
const PURE: &[&str] = &[
    "proto/src/",
    "daemon/src/backoff.rs",
    "daemon/src/guard.rs",
    "journal/src/segments.rs",
    "journal/src/holes.rs",
    "journal/src/queue.rs",
    "journal/src/record.rs",
    "journal/src/recovery.rs",
    "journal/src/retention.rs",
    "journal/src/scan.rs",
    "journal/src/segment.rs",
    "journal/src/contents.rs",
    "edge-collector/src/admit.rs",
    "edge-collector/src/content_encoding.rs",
    "edge-collector/src/dedup.rs",
    "edge-collector/src/forward/in_flight.rs",
    "edge-collector/src/protocol/",
    "edge-collector/src/session.rs",
    "edge-collector/src/submission.rs",
    "central/server/src/ingest/protocol.rs",
    "central/server/src/log/kafka/positions.rs",
    "central/server/src/log/placement.rs",
    "central/server/src/log/reader.rs",
    "central/server/src/log/spans.rs",
    "central/server/src/log/window.rs",
    "central/server/src/query/period.rs",
    "central/server/src/replay/plan.rs",
    "central/server/src/sink/backoff.rs",
    "central/server/src/sink/batch.rs",
    "central/server/src/sink/raw_log/manifest.rs",
    "central/server/src/sink/raw_log/name.rs",
    "central/server/src/sink/raw_log/object.rs",
    "central/server/src/store/events/layout.rs",
    "central/server/src/store/events/rotation.rs",
    "central/server/src/store/events/row.rs",
    "central/server/src/store/live/memory.rs",
    "central/server/src/store/live/memory/",
    "central/server/src/store/live/realtime.rs",
    "central/server/src/store/live/redis/changes.rs",
    "central/server/src/store/live/redis/keys.rs",
    "central/server/src/store/metadata/new.rs",
    "central/server/src/store/metadata/pattern.rs",
    "central/server/src/store/metadata/place.rs",
    "central/server/src/store/metadata/vocabulary.rs",
    "beacon-wasm/src/engagement.rs",
    "beacon-wasm/src/outbox.rs",
    "beacon-wasm/src/retry.rs",
    "beacon-wasm/src/tracker.rs",
    "beacon-wasm/src/visitor.rs",
];

/// What no pure file names.
const ACTS: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "OffsetDateTime::now_utc",
    "std::fs",
    "std::net",
    "getrandom",
    "reqwest",
];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for entry in PURE {
        let exists = tree.ending(".rs").any(|(path, _)| path.starts_with(entry));
        if !exists {
            faults.push(Fault::new(
                entry,
                0,
                "is listed as pure in xtask/src/tidy/knowledge.rs but is not there",
            ));
        }
    }
    for (path, text) in tree.ending(".rs") {
        let code = bare(text);
        // Tests stand last in a file, or in a file of their own; they may read a clock to make a time.
        let product = code.split("#[cfg(test)]").next().unwrap_or_default();
        if path.ends_with("tests.rs") || path.contains("/tests/") {
            continue;
        }
        for (word, below, knowing) in SECRETS {
            if path.starts_with(below) && !knowing.iter().any(|place| path.starts_with(place)) {
                let sentence = format!("`{word}` is known to {} only", knowing.join(", "));
                faults.extend(
                    lines_with_word(product, word).map(|line| Fault::new(path, line, sentence.clone())),
                );
            }
        }
        if PURE.iter().any(|pure| path.starts_with(pure)) {
            for (index, line) in product.lines().enumerate() {
                if let Some(act) = ACTS.iter().find(|act| line.contains(**act)) {
                    faults.push(Fault::new(
                        path,
                        index + 1,
                        format!("is pure, so `{act}` has to be an argument"),
                    ));
                }
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pure place with an innocent file in it, so that only the files under test are at fault.
    fn innocent() -> Vec<(String, &'static str)> {
        PURE.iter()
            .map(|entry| if entry.ends_with('/') { format!("{entry}some.rs") } else { (*entry).to_owned() })
            .map(|path| (path, "//! Nothing."))
            .collect()
    }

    fn faults_with(path: &str, text: &'static str) -> Vec<(String, usize)> {
        let mut files = innocent();
        files.retain(|(innocent, _)| innocent != path);
        files.push((path.to_owned(), text));
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        check(&Tree::of(&files)).into_iter().map(|fault| (fault.path, fault.line)).collect()
    }

    #[test]
    fn a_client_is_known_to_its_own_room_only() {
        assert_eq!(
            faults_with("central/server/src/sink/x.rs", "use quinn::Endpoint;"),
            [("central/server/src/sink/x.rs".to_owned(), 1)]
        );
        assert!(faults_with("central/server/src/ingest/x.rs", "use quinn::Endpoint;").is_empty());
        assert!(faults_with("central/server/src/sink/x.rs", "//! Not over quinn.").is_empty());
    }

    #[test]
    fn a_pure_file_has_no_clock_but_its_tests_may() {
        let clock = "fn f() {\n    Instant::now();\n}";
        assert_eq!(
            faults_with("central/server/src/sink/batch.rs", clock),
            [("central/server/src/sink/batch.rs".to_owned(), 2)]
        );
        assert!(
            faults_with("central/server/src/sink/batch.rs", "#[cfg(test)]\nmod tests { Instant::now(); }")
                .is_empty()
        );
    }

    #[test]
    fn a_pure_file_that_went_is_noticed() {
        let files = innocent();
        let files: Vec<_> = files[1..].iter().map(|(path, text)| (path.as_str(), *text)).collect();
        assert_eq!(check(&Tree::of(&files)).len(), 1);
    }
}
