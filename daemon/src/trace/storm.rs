//! Keeps storms of warnings out of the log: stands before the layer that writes.

use std::collections::HashMap;
use std::io::Write as _;
use std::time::Instant;

use parking_lot::Mutex;
use tracing::callsite::Identifier;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};

use super::{Format, line};
use crate::repeated::Repeated;

/// Messages of one place in the code that are written, a second.
const WRITTEN: u32 = 10;

/// Counts the warnings and errors of each place in the code.
pub(super) struct Storm<W> {
    format: Format,
    writer: W,
    places: Mutex<HashMap<Identifier, Repeated>>,
}

impl<W> Storm<W> {
    pub(super) fn new(format: Format, writer: W) -> Self {
        Self { format, writer, places: Mutex::new(HashMap::new()) }
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
        let mut places = self.places.lock();
        let place = places.entry(metadata.callsite()).or_insert_with(|| Repeated::at_most(WRITTEN));
        let Some(times) = place.note(Instant::now()) else { return false };
        drop(places);
        if times > 1 {
            let sentence = format!("{} messages like the next one were left out", times - 1);
            let line = line(self.format, *metadata.level(), metadata.target(), &sentence);
            // As with every message: when nobody reads standard error any more, there is nobody to tell.
            let _ = writeln!(self.writer.make_writer(), "{line}");
        }
        true
    }
}
