//! The table of sinks: which there are, and what each stores into. A new one is a mapping file in the crate of sinks and a line here.

use std::sync::Arc;
use std::time::Duration;

use footfall_blobs::Blobs;
use footfall_clickhouse::EventStore;
use footfall_live::Live;
use footfall_sink::AnySink;
use footfall_sink::clickhouse::ClickHouse;
use footfall_sink::dead_letters::DeadLetters;
use footfall_sink::live::LiveView;
use footfall_sink::raw_log::{self, RawLog};

/// What the sinks store into.
pub(super) struct Stores {
    pub(super) events: EventStore,
    pub(super) live: Live,
    pub(super) blobs: Blobs,
    /// After this much time an object of the raw log is closed.
    pub(super) close_after: Duration,
    pub(super) raw_log: raw_log::Metrics,
}

/// One line for each sink. All of them begin at once, whatever their order.
pub(super) fn table(stores: Stores) -> Vec<Arc<dyn AnySink>> {
    vec![
        Arc::new(RawLog::new(stores.blobs, stores.close_after, stores.raw_log)),
        Arc::new(ClickHouse::new(stores.events)),
        Arc::new(LiveView::new(stores.live)),
        Arc::new(DeadLetters),
    ]
}
