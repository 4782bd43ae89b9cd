//! Keeps storms of warnings out of the log: stands before the layer that writes.

use std::collections::HashMap;
use std::io::Write as _;
use std::time::Instant;

use parking_lot::Mutex;
use tracing::callsite::Identifier;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};

use super::burst::{Burst, Verdict};
use super::{Format, line};

/// Counts the warnings and errors of each place in the code.
pub(super) struct Storm<W> {
    format: Format,
    writer: W,
    bursts: Mutex<HashMap<Identifier, Burst>>,
}

impl<W> Storm<W> {
    pub(super) fn new(format: Format, writer: W) -> Self {
        Self { format, writer, bursts: Mutex::new(HashMap::new()) }
    }
}

impl<S, W> Layer<S> for Storm<W>
where
    S: Subscriber,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    fn event_enabled(&self, event: &Event<'_>, _context: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::WARN {
            return true;
        }
        let now = Instant::now();
        let verdict =
            self.bursts.lock().entry(metadata.callsite()).or_insert_with(|| Burst::new(now)).note(now);
        if let Verdict::Write { left_out: left_out @ 1.. } = verdict {
            let sentence = format!("{left_out} messages like the next one were left out");
            let line = line(self.format, *metadata.level(), metadata.target(), &sentence);
            // As with every message: when nobody reads standard error any more, there is nobody to tell.
            let _ = writeln!(self.writer.make_writer(), "{line}");
        }
        verdict != Verdict::LeaveOut
    }
}
