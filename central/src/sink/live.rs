//! Events as sightings for the live view. Mapping only. The view rests in memory, so the sink begins again from the last hour.

use std::time::{Duration, Instant};

use super::{Failure, Sink, Span, Writer};
use crate::log::{Piece, Poison, ReadEvent, Reading};
use crate::store::live::{Live, Sighting};

/// How far back the sink begins: the view's hour and the time by which records may be late.
pub const REACH: Duration = Duration::from_mins(65);
/// Most stretches gathered while earlier ones are applied.
const MAX_PIECES: usize = 8;

/// Gathers stretches of the log for the live view.
#[derive(Debug, Default)]
pub struct Sightings {
    pieces: Vec<Piece>,
    since: Option<Instant>,
}

impl Sink for Sightings {
    const NAME: &'static str = "live";
    type Load = Vec<Piece>;

    fn gather(&mut self, piece: &Piece, now: Instant) {
        self.pieces.push(piece.clone());
        self.since.get_or_insert(now);
    }

    fn due(&self) -> Option<Instant> {
        self.since
    }

    fn is_full(&self) -> bool {
        self.pieces.len() >= MAX_PIECES
    }

    fn seal(&mut self) -> Vec<Piece> {
        std::mem::take(self).pieces
    }
}

/// The live view as the store of one partition's sink.
pub struct View {
    /// The view of all partitions.
    pub live: Live,
    /// Whose records these are.
    pub partition: u32,
}

impl Writer for View {
    type Load = Vec<Piece>;

    async fn write(&mut self, pieces: &Vec<Piece>, _: Span) -> Result<Vec<Poison>, Failure> {
        let mut sightings = Vec::new();
        for reading in pieces.iter().flat_map(Piece::readings) {
            // Repeats are in no report. A bot that comes this far belongs to a website that does not filter bots.
            let counted = |event: &&ReadEvent| !event.duplicate;
            sightings.extend(reading.events.iter().filter(counted).map(|event| sighting(reading, event)));
            self.live.apply(self.partition, reading.offset, &sightings);
            sightings.clear();
        }
        Ok(Vec::new())
    }
}

fn sighting<'a>(reading: &'a Reading, read: &'a ReadEvent) -> Sighting<'a> {
    Sighting {
        website_id: &reading.website_id,
        at_ms: reading.server_timestamp_ms,
        page_view: read.event.event_type == "pageview",
        user_id: &read.admitted.user_id,
        session_id: &read.admitted.session_id,
        page_path: &read.admitted.page_path,
        source: &read.admitted.traffic_source,
        country: &reading.visit.country,
        device_type: &reading.visit.device_type,
    }
}
