//! Events as sightings for the live view. Mapping, and where to begin: the view's store knows how far it has come, and where it knows
//! nothing (or no longer what was there) the last hour of the log is read again.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::time::sleep;

use super::{Counters, Failure, Health, Sink, Span, Stop, Writer};
use footfall_daemon::fault::Fault;
use footfall_live::{LiveError, LiveEvent, LiveWriter, WINDOW_MINUTES};
use footfall_log::{
    Cursor, CursorError, DecodedEvent, DecodedRecord, LogError, Partition, Poison, RecordBatch,
};

/// Most stretches gathered while earlier ones are applied.
const MAX_PIECES: usize = 8;
/// From one attempt at beginning to the next.
const PAUSE: Duration = Duration::from_secs(1);

/// Gathers stretches of the log for the live view.
#[derive(Debug, Default)]
pub struct Sightings {
    pieces: Vec<RecordBatch>,
    since: Option<Instant>,
}

impl Sink for Sightings {
    const NAME: &'static str = "live";
    type Load = Vec<RecordBatch>;

    fn gather(&mut self, piece: &RecordBatch, now: Instant) {
        self.pieces.push(piece.clone());
        self.since.get_or_insert(now);
    }

    fn due(&self, _: u64) -> Option<Instant> {
        self.since
    }

    fn is_full(&self) -> bool {
        self.pieces.len() >= MAX_PIECES
    }

    fn seal(&mut self) -> Vec<RecordBatch> {
        std::mem::take(self).pieces
    }
}

/// The live view as a sink's store.
pub struct View {
    writer: LiveWriter,
    partition: Partition,
    counters: Counters,
    /// The offset that follows what is counted, once that is known.
    next: Option<u64>,
}

impl View {
    /// Counts what `partition` holds through `writer`.
    pub fn new(writer: LiveWriter, partition: Partition, counters: Counters) -> Self {
        Self { writer, partition, counters, next: None }
    }

    /// Where to begin, as soon as the store can say so; nothing when all ends before.
    pub async fn begin(&mut self, health: &Health, stop: &Stop) -> Option<Cursor> {
        loop {
            let begun = async {
                self.writer.ready().await;
                let next = self.resume().await?;
                Ok::<_, Stuck>(self.partition.observer_at(Sightings::NAME, next).await?)
            };
            let begun = tokio::select! {
                begun = begun => begun,
                () = stop.drain.cancelled() => return None,
                () = stop.abandon.cancelled() => return None,
            };
            match begun {
                Ok(cursor) => {
                    health.recovered();
                    return Some(cursor);
                }
                Err(stuck) => {
                    health.fails(format!("the live sink cannot begin: {stuck}"));
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn resume(&mut self) -> Result<u64, Stuck> {
        if let Some(next) = self.next {
            return Ok(next);
        }
        let next = if let Some(next) = self.writer.begin().await? {
            next
        } else {
            let reach = Duration::from_mins(WINDOW_MINUTES);
            let since = SystemTime::now().checked_sub(reach).unwrap_or(UNIX_EPOCH);
            let from = self.partition.observer(Sightings::NAME, since).await?.position();
            self.writer.restart(from, now_ms()).await?;
            from
        };
        self.next = Some(next);
        self.partition.note(Sightings::NAME, next);
        Ok(next)
    }

    /// Counts a stretch of the log, and first what lies between it and what is counted: after a loss, the whole last hour.
    async fn count(&mut self, pieces: &[RecordBatch], span: Span) -> Result<(), Stuck> {
        let next = self.resume().await?;
        if next < span.from {
            let mut cursor = self.partition.observer_at(Sightings::NAME, next).await?;
            while cursor.position() < span.from {
                let piece = cursor.next().await?;
                self.apply(std::slice::from_ref(&piece), piece.next()).await?;
            }
        }
        self.apply(pieces, span.next).await
    }

    async fn apply(&mut self, pieces: &[RecordBatch], next: u64) -> Result<(), Stuck> {
        let sightings = sightings(pieces);
        self.writer.apply(next, &sightings, now_ms()).await?;
        self.next = self.next.max(Some(next));
        self.partition.note(Sightings::NAME, next);
        self.counters.rows.inc_by(sightings.len() as u64);
        Ok(())
    }
}

impl Writer for View {
    type Load = Vec<RecordBatch>;

    async fn write(&mut self, pieces: &Vec<RecordBatch>, span: Span) -> Result<Vec<Poison>, Failure> {
        loop {
            self.writer.ready().await;
            match self.count(pieces, span).await {
                Ok(()) => return Ok(Vec::new()),
                Err(Stuck::Live(LiveError::Lost)) => {
                    self.next = None;
                    self.counters.failures.inc();
                }
                Err(stuck) => return Err(Failure { fault: Fault::Transient, sentence: stuck.to_string() }),
            }
        }
    }
}

/// What is to be counted of stretches of the log.
pub fn sightings(pieces: &[RecordBatch]) -> Vec<LiveEvent<'_>> {
    let mut sightings = Vec::new();
    for reading in pieces.iter().flat_map(RecordBatch::records) {
        // Repeats are in no report. A bot that comes this far belongs to a website that does not filter bots.
        let counted = |event: &&DecodedEvent<'_>| !event.duplicate;
        sightings.extend(reading.events.iter().filter(counted).map(|event| sighting(reading, event)));
    }
    sightings
}

/// Why a stretch could not be counted.
#[derive(Debug, thiserror::Error)]
enum Stuck {
    #[error(transparent)]
    Live(#[from] LiveError),
    #[error(transparent)]
    Cursor(#[from] CursorError),
    #[error(transparent)]
    Log(#[from] LogError),
}

fn sighting<'a>(reading: &DecodedRecord<'a>, read: &DecodedEvent<'a>) -> LiveEvent<'a> {
    LiveEvent {
        offset: reading.offset,
        website_id: reading.website_id,
        at_ms: reading.server_timestamp_ms,
        page_view: read.event.event_type == "pageview",
        user_id: read.admitted.user_id,
        session_id: read.admitted.session_id,
        page_path: read.admitted.page_path,
        source: read.admitted.traffic_source,
        country: reading.visit.country,
        device_type: reading.visit.device_type,
    }
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
