//! How far a build is, from what cargo says of it, and when that is worth a line. Pure: it is told the time.

use std::collections::HashSet;
use std::time::Duration;

/// A build that is over by then is not worth a word.
pub(crate) const SILENCE: Duration = Duration::from_secs(1);
/// Where lines cannot be overwritten: the first one, and between two.
const FIRST: Duration = Duration::from_secs(3);
const BETWEEN: Duration = Duration::from_secs(15);

/// What was heard so far.
pub(crate) struct Progress {
    what: String,
    /// Ids of packages whose library or program is there.
    done: HashSet<String>,
    /// How many there will be; unknown at first.
    pub(crate) of: Option<usize>,
    /// What was begun last.
    now: String,
    told: Option<Duration>,
}

/// Whom a line of cargo's is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It became a part of the progress.
    Counted,
    /// A person must see it.
    ForPeople,
}

impl Progress {
    pub(crate) fn of(what: &str) -> Self {
        Self { what: what.to_owned(), done: HashSet::new(), of: None, now: String::new(), told: None }
    }

    /// One of cargo's messages, a line of JSON: an artifact makes its package complete, a build script does not.
    pub(crate) fn message(&mut self, line: &str) {
        if !line.starts_with(r#"{"reason":"compiler-artifact""#)
            || line.contains(r#""kind":["custom-build"]"#)
        {
            return;
        }
        let id = line.split_once(r#""package_id":""#).and_then(|(_, after)| after.split_once('"'));
        if let Some((id, _)) = id {
            self.done.insert(id.to_owned());
        }
    }

    /// One line that cargo says to people.
    pub(crate) fn said(&mut self, line: &str) -> Heard {
        let plain = plain(line);
        let mut words = plain.split_whitespace();
        match words.next() {
            Some("Compiling" | "Checking") => {
                words.next().unwrap_or_default().clone_into(&mut self.now);
                Heard::Counted
            }
            Some("Downloaded") => {
                self.now = format!("{} came", words.next().unwrap_or_default());
                Heard::Counted
            }
            Some("Downloading" | "Finished") => Heard::Counted,
            _ => Heard::ForPeople,
        }
    }

    /// One line, without its end.
    pub(crate) fn line(&self, after: Duration) -> String {
        // What the features of one selection add is not always in the total.
        let of = self.of.map_or(String::new(), |of| format!(" of {}", of.max(self.done.len())));
        let now = if self.now.is_empty() { String::new() } else { format!(" ({})", self.now) };
        format!("building {}: crate {}{of}, {}{now}", self.what, self.done.len(), time(after))
    }

    /// Whether a line is due where each stays: the first soon, so that nobody waits in silence, then now and then.
    pub(crate) fn is_due(&mut self, after: Duration) -> bool {
        let due = self.told.map_or(FIRST, |told| told + BETWEEN) <= after;
        if due {
            self.told = Some(after);
        }
        due
    }

    /// The last line, when there was one before it.
    pub(crate) fn end(&self, after: Duration) -> Option<String> {
        self.told.map(|_| format!("built {} in {}", self.what, time(after)))
    }
}

/// `4 s`, `2 min 05 s`.
fn time(of: Duration) -> String {
    match (of.as_secs() / 60, of.as_secs() % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, seconds) => format!("{minutes} min {seconds:02} s"),
    }
}

/// Without colours.
fn plain(line: &str) -> String {
    let mut pieces = line.split("\u{1b}[");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| c.is_ascii_alphabetic()).map_or(piece.len(), |end| end + 1);
        text += &piece[end..];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(package: &str, kind: &str) -> String {
        format!(
            r#"{{"reason":"compiler-artifact","package_id":"registry+x#{package}","target":{{"kind":["{kind}"]}},"fresh":false}}"#
        )
    }

    #[test]
    fn a_package_counts_once_and_only_when_its_library_is_there() {
        let mut progress = Progress::of("xtask");
        progress.message(&artifact("serde@1", "custom-build"));
        assert_eq!(progress.line(Duration::from_secs(4)), "building xtask: crate 0, 4 s");
        progress.message(&artifact("serde@1", "lib"));
        progress.message(&artifact("serde@1", "lib"));
        progress.message(r#"{"reason":"build-script-executed","package_id":"registry+x#ring@1"}"#);
        progress.of = Some(3);
        assert_eq!(progress.said("   Compiling ring v0.17.0"), Heard::Counted);
        assert_eq!(
            progress.line(Duration::from_secs(125)),
            "building xtask: crate 1 of 3, 2 min 05 s (ring)"
        );
        for package in ["a", "b", "c"] {
            progress.message(&artifact(package, "proc-macro"));
        }
        assert!(progress.line(Duration::ZERO).contains("crate 4 of 4"), "never more than all");
    }

    #[test]
    fn what_went_wrong_is_for_people_and_what_goes_well_is_counted() {
        let mut progress = Progress::of("xtask");
        for line in [
            "\u{1b}[1m\u{1b}[92m   Compiling\u{1b}[0m serde v1.0.0",
            "  Downloaded serde v1.0.0",
            " Downloading crates ...",
            "    Finished `dev` profile [unoptimized + debuginfo] target(s) in 0.15s",
        ] {
            assert_eq!(progress.said(line), Heard::Counted, "{line}");
        }
        for line in [
            "error: linking with `cc` failed: exit status: 1",
            "\u{1b}[1m\u{1b}[33mwarning\u{1b}[0m: unused variable",
            "    Blocking waiting for file lock on build directory",
            "    Updating an index",
            "",
        ] {
            assert_eq!(progress.said(line), Heard::ForPeople, "{line}");
        }
    }

    #[test]
    fn where_lines_stay_there_is_one_now_and_then_and_none_for_a_moment() {
        let mut progress = Progress::of("xtask");
        let told: Vec<u64> = (0..60).filter(|second| progress.is_due(Duration::from_secs(*second))).collect();
        assert_eq!(told, [3, 18, 33, 48]);
        assert_eq!(progress.end(Duration::from_mins(1)).as_deref(), Some("built xtask in 1 min 00 s"));
        assert_eq!(Progress::of("xtask").end(Duration::from_secs(2)), None);
    }
}
