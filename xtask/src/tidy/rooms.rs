//! The import arrows inside central, read from its `crate::…` paths: data flows one way, and so do imports.

use super::code::{bare, is_word};
use super::{Fault, Tree};

/// Module of central, and the modules that it may import.
const ROOMS: &[(&str, &[&str])] = &[
    ("ingest", &["log"]),
    ("log", &["secret"]),
    ("sink", &["log", "store"]),
    ("derive", &["store"]),
    ("store", &["secret"]),
    ("query", &["store"]),
    ("api", &["query", "store"]),
    ("jobs", &["sink", "derive", "query", "store"]),
    // Rebuilds tiers from the raw log: reads as the log does, writes as the sinks do.
    ("replay", &["log", "sink", "store"]),
    // The administration command line works on the metadata directly.
    ("admin", &["store"]),
    // Passwords and keys, read by one rule wherever a server wants one.
    ("secret", &[]),
];
/// They put the rooms' parts together and may name every room; no room may name them.
const ROOTS: &[&str] = &["app", "main", "lib", "config", "telemetry"];

const HOME: &str = "central/server/src/";

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree.ending(".rs") {
        let Some(inner) = path.strip_prefix(HOME) else { continue };
        let room = inner.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        if ROOTS.contains(&room) {
            continue;
        }
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            faults.push(Fault::new(
                path,
                0,
                "this room of central is not on the map in xtask/src/tidy/rooms.rs",
            ));
            continue;
        };
        for (line, target) in imports(&bare(text)) {
            let free = target == room || allowed.contains(&target.as_str());
            if !free && target.starts_with(char::is_lowercase) {
                faults.push(Fault::new(path, line, format!("{room} must not import {target}")));
            }
        }
        if climbs_out(inner, &bare(text)) {
            faults.push(Fault::new(
                path,
                0,
                "leaves its room through `super::`: write `crate::…`, which this rule can read",
            ));
        }
    }
    faults
}

/// The first segments after `crate::`, also inside braces, with their lines.
fn imports(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].chars().next_back().is_some_and(|c| is_word(c) || c == ':' || c == '$') {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        let rest = code[at + "crate::".len()..].trim_start();
        if let Some(group) = rest.strip_prefix('{') {
            found.extend(group_heads(group).into_iter().map(|head| (line, head)));
        } else {
            found.push((line, rest.chars().take_while(|c| is_word(*c)).collect()));
        }
    }
    found
}

/// The heads of `a::{b, c}, d::e}…`: a and d.
fn group_heads(group: &str) -> Vec<String> {
    let (mut heads, mut head, mut depth, mut fresh) = (Vec::new(), String::new(), 0, true);
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.push(std::mem::take(&mut head));
                fresh = true;
            }
            c if depth == 0 && fresh && is_word(c) => head.push(c),
            c if !c.is_whitespace() => fresh = false,
            _ => {}
        }
    }
    heads.push(head);
    heads.retain(|head| !head.is_empty());
    heads
}

/// Whether some `super::super::…` of a file climbs above its room, to where the other rooms lie.
fn climbs_out(inner: &str, code: &str) -> bool {
    // How deep the file's own module lies: `log/reader.rs` is two deep, `log/mod.rs` one; `mod tests` within it one more.
    let mut depth = inner.split('/').count() - usize::from(inner.ends_with("/mod.rs"));
    for line in code.lines() {
        depth += usize::from(line.trim_start().starts_with("mod tests {"));
        if line.contains(&"super::".repeat(depth)) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|fault| fault.sentence).collect()
    }

    #[test]
    fn the_flow_of_the_design_passes() {
        assert!(
            sentences(
                "central/server/src/sink/clickhouse.rs",
                "use crate::{log::{Entry, reader}, store::events};"
            )
            .is_empty()
        );
        assert!(sentences("central/server/src/api/realtime.rs", "use crate::query::Plan;").is_empty());
        assert!(sentences("central/server/src/app.rs", "use crate::ingest; use crate::api;").is_empty());
        assert!(sentences("central/server/src/telemetry.rs", "use crate::{ingest, log, sink};").is_empty());
        assert!(
            sentences("central/server/src/log/reader.rs", "use crate::log::Entry; use super::Position;")
                .is_empty()
        );
    }

    #[test]
    fn an_import_against_the_flow_is_found() {
        for (path, text, sentence) in [
            (
                "central/server/src/log/mod.rs",
                "use crate::telemetry::Telemetry;",
                "log must not import telemetry",
            ),
            ("central/server/src/ingest/mod.rs", "use crate::store::events;", "ingest must not import store"),
            ("central/server/src/log/mod.rs", "fn f() { crate::sink::run() }", "log must not import sink"),
            (
                "central/server/src/query/plan.rs",
                "use crate::{\n    api::Answer,\n    store::live,\n};",
                "query must not import api",
            ),
            (
                "central/server/src/store/live.rs",
                "pub(in crate::query) fn x() {}",
                "store must not import query",
            ),
        ] {
            assert_eq!(sentences(path, text), [sentence], "{text}");
        }
    }

    #[test]
    fn a_sentence_about_another_room_is_no_import() {
        assert!(
            sentences(
                "central/server/src/log/mod.rs",
                "//! Nothing of crate::sink is known here.\nconst A: &str = \"crate::sink\";"
            )
            .is_empty()
        );
        assert!(
            sentences("central/server/src/log/mod.rs", "use crate::Fault; use other_crate::sink;").is_empty()
        );
    }

    #[test]
    fn climbing_out_of_a_room_is_found() {
        assert_eq!(sentences("central/server/src/log/reader.rs", "use super::super::sink::Runner;").len(), 1);
        assert_eq!(sentences("central/server/src/log/mod.rs", "use super::sink::Runner;").len(), 1);
        assert_eq!(
            sentences("central/server/src/log/mod.rs", "mod tests {\n    use super::super::sink::Runner;\n}")
                .len(),
            1
        );
        assert!(sentences("central/server/src/log/mod.rs", "mod tests {\n    use super::*;\n}").is_empty());
        assert!(sentences("central/server/src/log/reader.rs", "use super::Entry;").is_empty());
    }

    #[test]
    fn a_room_that_is_not_on_the_map_is_found() {
        assert_eq!(sentences("central/server/src/attic/mod.rs", "").len(), 1);
    }
}
