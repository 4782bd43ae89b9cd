//! Stored events as events of the live view. Mapping, and where to begin: the view's store knows how far it has come, and where it knows
//! nothing (or no longer what was there) the last hour of the log is read again.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{Batcher, Begun, Counters, Failure, Sink, Span, Start, Writer};
use footfall_live::{Live, LiveError, LiveEvent, LiveWriter, SourcePartition, WINDOW_MINUTES};
use footfall_log::{CursorError, DecodedEvent, DecodedRecord, LogError, Partition, Poison, RecordBatch};

/// Most reads of the log that are added to a batch while an earlier one is applied.
const MAX_READS: usize = 8;

/// Feeds the live view.
pub struct LiveView {
    live: Live,
}

impl LiveView {
    /// This one.
    pub fn new(live: Live) -> Self {
        Self { live }
    }
}

impl Sink for LiveView {
    const NAME: &'static str = "live";
    /// What it has missed is over soon.
    const HOLDS_LOG: bool = false;
    type Batcher = ViewBatcher;
    type Writer = ViewWriter;

    async fn ready(&self) {
        self.live.ready().await;
    }

    async fn begin(&self, start: Start) -> Result<Begun<ViewBatcher, ViewWriter>, Failure> {
        let Start { partition, counters, .. } = start;
        let source =
            SourcePartition { incarnation: partition.incarnation().0, partition: partition.number() };
        let live_writer = self.live.writer(source);
        let mut writer = ViewWriter { live_writer, partition, counters, next: None };
        let next = writer.resume().await?;
        let cursor = writer.partition.observer_at(Self::NAME, next).await?;
        Ok(Begun { batcher: ViewBatcher::default(), writer, cursor })
    }
}

/// Collects what was read of the log.
#[derive(Debug, Default)]
pub struct ViewBatcher {
    reads: Vec<RecordBatch>,
    since: Option<Instant>,
}

impl Batcher for ViewBatcher {
    type Batch = Vec<RecordBatch>;

    fn add(&mut self, records: &RecordBatch, now: Instant) -> Option<RecordBatch> {
        self.reads.push(records.clone());
        self.since.get_or_insert(now);
        None
    }

    fn due(&self, _: u64) -> Option<Instant> {
        self.since
    }

    fn is_full(&self) -> bool {
        self.reads.len() >= MAX_READS
    }

    fn take(&mut self) -> Vec<RecordBatch> {
        std::mem::take(self).reads
    }
}

/// Counts it in the view.
pub struct ViewWriter {
    live_writer: LiveWriter,
    partition: Partition,
    counters: Counters,
    /// The offset that follows what is counted, once that is known.
    next: Option<u64>,
}

impl ViewWriter {
    async fn resume(&mut self) -> Result<u64, ApplyError> {
        if let Some(next) = self.next {
            return Ok(next);
        }
        let next = if let Some(next) = self.live_writer.begin().await? {
            next
        } else {
            let reach = Duration::from_mins(WINDOW_MINUTES);
            let since = SystemTime::now().checked_sub(reach).unwrap_or(UNIX_EPOCH);
            let from = self.partition.observer(LiveView::NAME, since).await?.position();
            self.live_writer.restart(from, now_ms()).await?;
            from
        };
        self.next = Some(next);
        self.partition.note(LiveView::NAME, next);
        Ok(next)
    }

    /// Counts consecutive records, and first what lies between them and what is counted: after a loss, the whole last hour.
    async fn count(&mut self, batches: &[RecordBatch], span: Span) -> Result<(), ApplyError> {
        let next = self.resume().await?;
        if next < span.from {
            let mut cursor = self.partition.observer_at(LiveView::NAME, next).await?;
            while cursor.position() < span.from {
                let batch = cursor.next().await?;
                self.apply(std::slice::from_ref(&batch), batch.next()).await?;
            }
        }
        self.apply(batches, span.next).await
    }

    async fn apply(&mut self, batches: &[RecordBatch], next: u64) -> Result<(), ApplyError> {
        let live_events = live_events(batches);
        self.live_writer.apply(next, &live_events, now_ms()).await?;
        self.next = self.next.max(Some(next));
        self.partition.note(LiveView::NAME, next);
        self.counters.rows.inc_by(live_events.len() as u64);
        Ok(())
    }
}

impl Writer for ViewWriter {
    type Batch = Vec<RecordBatch>;

    async fn write(&mut self, batches: &Vec<RecordBatch>, span: Span) -> Result<Vec<Poison>, Failure> {
        loop {
            self.live_writer.ready().await;
            match self.count(batches, span).await {
                Ok(()) => return Ok(Vec::new()),
                Err(ApplyError::Live(LiveError::Lost)) => {
                    self.next = None;
                    self.counters.failures.inc();
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What is to be counted of records of the log.
pub fn live_events(batches: &[RecordBatch]) -> Vec<LiveEvent<'_>> {
    let mut live_events = Vec::new();
    for record in batches.iter().flat_map(RecordBatch::records) {
        // Repeats are in no report. A bot that comes this far belongs to a website that does not filter bots.
        let counted = |event: &&DecodedEvent<'_>| !event.duplicate;
        live_events.extend(record.events.iter().filter(counted).map(|event| live_event(record, event)));
    }
    live_events
}

/// Why a batch could not be counted.
#[derive(Debug, thiserror::Error)]
enum ApplyError {
    #[error(transparent)]
    Live(#[from] LiveError),
    #[error(transparent)]
    Cursor(#[from] CursorError),
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Live(error) => error.into(),
            ApplyError::Cursor(error) => error.into(),
            ApplyError::Log(error) => error.into(),
        }
    }
}

fn live_event<'a>(record: &DecodedRecord<'a>, read: &DecodedEvent<'a>) -> LiveEvent<'a> {
    LiveEvent {
        offset: record.offset,
        website_id: record.website_id,
        at_ms: record.server_timestamp_ms,
        page_view: read.event.event_type == "pageview",
        user_id: read.admitted.user_id,
        session_id: read.admitted.session_id,
        page_path: read.admitted.page_path,
        source: read.admitted.source_name,
        channel: read.admitted.traffic_source,
        country: record.visit.country,
        device_type: record.visit.device_type,
    }
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
