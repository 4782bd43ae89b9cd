//! Writes a build's progress to standard error: one line that is written over on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use crate::progress::{Heard, Progress, SILENCE};

/// Of a line on a terminal: one that is longer than the terminal is wide could not be written over.
const WIDTH: usize = 78;
/// Back to the line's begin, and nothing on it.
const CLEAR: &str = "\r\u{1b}[K";

/// Where a build's progress is shown.
pub(crate) struct Show {
    pub(crate) progress: Progress,
    terminal: bool,
    /// Whether the line that is written over stands there now.
    stands: bool,
}

impl Show {
    pub(crate) fn of(what: &str) -> Self {
        Self { progress: Progress::of(what), terminal: std::io::stderr().is_terminal(), stands: false }
    }

    /// Something that cargo says to people, line by line.
    pub(crate) fn hear(&mut self, line: &str) {
        if self.progress.said(line) == Heard::ForPeople {
            let clear = self.clear();
            write(&format!("{clear}{line}\n"));
        }
    }

    /// To be called about once a second.
    pub(crate) fn tick(&mut self, after: Duration) {
        if self.terminal && after >= SILENCE {
            let line: String = self.progress.line(after).chars().take(WIDTH).collect();
            write(&format!("{CLEAR}{line}"));
            self.stands = true;
        } else if !self.terminal && self.progress.is_due(after) {
            write(&(self.progress.line(after) + "\n"));
        }
    }

    /// Leaves no half line behind.
    pub(crate) fn end(&mut self, after: Duration, well: bool) {
        let clear = self.clear();
        let last = self.progress.end(after).filter(|_| well).map_or(String::new(), |last| last + "\n");
        write(&format!("{clear}{last}"));
    }

    fn clear(&mut self) -> &'static str {
        if std::mem::take(&mut self.stands) { CLEAR } else { "" }
    }
}

/// Nobody can be told that standard error is closed.
fn write(text: &str) {
    let mut out = std::io::stderr().lock();
    let _unread = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
