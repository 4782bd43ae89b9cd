//! The table of sinks: which there are, and what each stores into. A new one is a mapping file in the crate of sinks and a line here.

use std::sync::Arc;
use std::time::Duration;

use footfall_blobs::Blobs;
use footfall_clickhouse::EventStore;
use footfall_live::Live;
use footfall_sink::AnySink;
use footfall_sink::clickhouse::ClickHouse;
use footfall_sink::dead_letters::DeadLetters;
use footfall_sink::druid::Druid;
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
    /// The Kafka and the topic of rows for Druid, where it is fed.
    pub(super) druid: Option<(footfall_log::kafka::Options, String)>,
}

/// One line for each sink. All of them begin at once, whatever their order.
pub(super) fn table(stores: Stores) -> Vec<Arc<dyn AnySink>> {
    let druid = stores.druid.map(|(kafka, topic)| Arc::new(Druid::new(kafka, topic)) as Arc<dyn AnySink>);
    let always: [Arc<dyn AnySink>; 4] = [
        Arc::new(RawLog::new(stores.blobs, stores.close_after, stores.raw_log)),
        Arc::new(ClickHouse::new(stores.events)),
        Arc::new(LiveView::new(stores.live)),
        Arc::new(DeadLetters),
    ];
    always.into_iter().chain(druid).collect()
}
