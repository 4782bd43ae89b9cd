//! What the edge remembers of the last requests, and how it is rebuilt from the journal at a start.

use std::time::{Duration, Instant};

use bytes::Bytes;
use footfall_journal::{Journal, ReadError};
use footfall_proto::ident::ID_BYTES;
use footfall_proto::relay::Note;
use footfall_proto::traffic_source::TrafficSource;
use prost::Message;

use crate::dedup::{self, Dedup};
use crate::enrich::source::Source;
use crate::enrich::visitor;
use crate::pending_commit::{PendingCommits, SETTLED};
use crate::session::{self, Sessions};
use crate::session_source::{self, SessionSources};

/// Records read back at most.
const RECORDS: u64 = 1_000_000;
/// Bytes read at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// The windows that one lock guards; it is held for microseconds and never across an await.
#[derive(Debug)]
pub struct Windows {
    /// Recognises duplicates.
    pub dedup: Dedup,
    /// Running sessions of visitors who keep no id.
    pub sessions: Sessions,
    /// Where the running sessions of all visitors came from.
    pub session_sources: SessionSources,
    /// Commits under way.
    pub pending_commits: PendingCommits,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            dedup: Dedup::new(dedup::CAPACITY),
            sessions: Sessions::new(session::CAPACITY),
            session_sources: SessionSources::new(session_source::CAPACITY, session_source::CAPACITY_BYTES),
            pending_commits: PendingCommits::default(),
        }
    }
}

/// What a rebuild found.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rebuilt {
    /// Records read.
    pub records: u64,
    /// Events in them.
    pub events: u64,
    /// Records that could not be understood.
    pub unreadable: u64,
    /// How long it took.
    pub took: Duration,
}

/// The parts of a record that the windows need; prost skips the others.
#[derive(Clone, PartialEq, Message)]
struct RecordKeys {
    #[prost(string, tag = "1")]
    website_id: String,
    #[prost(int64, tag = "2")]
    server_timestamp_ms: i64,
    #[prost(message, repeated, tag = "5")]
    events: Vec<EventKeys>,
    #[prost(uint32, tag = "7")]
    traffic_source_version: u32,
}

#[derive(Clone, PartialEq, Message)]
struct EventKeys {
    #[prost(bytes = "bytes", tag = "1")]
    event: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    event_id: Bytes,
    #[prost(fixed64, tag = "3")]
    fingerprint: u64,
    #[prost(string, tag = "4")]
    user_id: String,
    #[prost(string, tag = "5")]
    session_id: String,
    #[prost(bytes = "bytes", tag = "7")]
    traffic_source: Bytes,
    #[prost(bytes = "bytes", tag = "8")]
    traffic_medium: Bytes,
    #[prost(bytes = "bytes", tag = "9")]
    traffic_campaign: Bytes,
    #[prost(bytes = "bytes", tag = "10")]
    traffic_keyword: Bytes,
    #[prost(int32, tag = "11")]
    note: i32,
    #[prost(bytes = "bytes", tag = "12")]
    source_name: Bytes,
    #[prost(bytes = "bytes", tag = "13")]
    traffic_content: Bytes,
    #[prost(bool, tag = "14")]
    source_known: bool,
}

#[derive(Clone, PartialEq, Message)]
struct ClientKeys {
    #[prost(bytes = "bytes", tag = "1")]
    event_id: Bytes,
}

impl EventKeys {
    /// The source of the event's session, if the edge knew it.
    fn source(&self) -> Option<Source> {
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        self.source_known.then(|| Source {
            class: TrafficSource::parse(&text(&self.traffic_source)).unwrap_or(TrafficSource::Other),
            name: text(&self.source_name),
            medium: text(&self.traffic_medium),
            campaign: text(&self.traffic_campaign),
            keyword: text(&self.traffic_keyword),
            content: text(&self.traffic_content),
        })
    }
}

/// Why the windows cannot be rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The disk.
    #[error("the journal could not be read back: {0}")]
    Read(#[from] ReadError),
    /// No release wrote such records, and none reads them. Permanent.
    #[error(
        "the journal was written by an earlier build of the edge, which this one does not read: let that build send what is in it, then begin with an empty data folder"
    )]
    EarlierBuild,
}

impl Windows {
    /// Reads the end of the journal back. Blocks.
    ///
    /// # Errors
    /// When the journal cannot be read, or holds records of a build that wrote them otherwise.
    pub fn rebuild(journal: &Journal) -> Result<(Self, Rebuilt), RebuildError> {
        let began = Instant::now();
        let mut windows = Self::default();
        let mut rebuilt = Rebuilt::default();
        let end = journal.end();
        let mut reader = journal.reader(end.saturating_sub(RECORDS).max(journal.start()));
        while reader.position() < end {
            let chunk = match reader.try_next(CHUNK_BYTES) {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(ReadError::Trimmed { start }) if start > reader.position() => {
                    reader = journal.reader(start);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            for entry in chunk.entries {
                rebuilt.records += 1;
                match RecordKeys::decode(entry.payload) {
                    Ok(record) if record.traffic_source_version == 0 => {
                        return Err(RebuildError::EarlierBuild);
                    }
                    Ok(record) => {
                        rebuilt.events += record.events.len() as u64;
                        windows.remember(&record);
                    }
                    Err(_) => rebuilt.unreadable += 1,
                }
            }
            let skipped = skippable(end - reader.position().min(end), &rebuilt);
            if skipped > 0 {
                reader = journal.reader(reader.position() + skipped);
            }
        }
        rebuilt.took = began.elapsed();
        Ok((windows, rebuilt))
    }

    fn remember(&mut self, record: &RecordKeys) {
        for event in &record.events {
            let collided = event.note == Note::IdCollision as i32;
            let id = if collided { client_id(&event.event) } else { event.event_id.clone() };
            if id.len() == ID_BYTES {
                self.dedup.see(&record.website_id, &id, event.fingerprint, SETTLED);
            }
            if let Some(session) = visitor::session_id(&event.session_id) {
                let owner = visitor::owner(&record.website_id, &event.user_id);
                self.sessions.restore(owner, session, record.server_timestamp_ms);
            }
            let session = visitor::session_key(&record.website_id, &event.session_id);
            self.session_sources.of_event(session, record.server_timestamp_ms, || event.source());
        }
    }
}

/// How many of the records that are left need not be read: with as many events in each as in those that were, the
/// window would forget them again.
fn skippable(left: u64, read: &Rebuilt) -> u64 {
    let needed = (dedup::CAPACITY as u64).saturating_mul(read.records) / read.events.max(1);
    left.saturating_sub(needed)
}

/// The id under which a collided event came.
fn client_id(event: &Bytes) -> Bytes {
    ClientKeys::decode(event.clone()).map(|keys| keys.event_id).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_the_window_would_forget_are_not_read() {
        let read = |records, events| Rebuilt { records, events, ..Rebuilt::default() };
        assert_eq!(skippable(900_000, &read(1_000, 1_000)), 0);
        assert_eq!(skippable(900_000, &read(1_000, 10_000)), 810_000);
        assert_eq!(skippable(900_000, &read(1_000, 0)), 0);
        assert_eq!(skippable(50_000, &read(1_000, 10_000)), 0);
    }
}
