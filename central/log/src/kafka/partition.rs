//! One partition of the topic as its owner sees it: where it begins and ends, what was committed, and the readings of it.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::archive::Archive;
use super::client::{Options, Voice};
use super::era::Ends;
use super::membership::Membership;
use super::positions::Positions;
use super::source::Source;
use crate::Incarnation;
use crate::deduplicator::Deduplicator;

/// A partition of the topic.
pub(crate) struct Origin {
    options: Arc<Options>,
    voice: Voice,
    group: Arc<Membership>,
    archive: Archive,
    ends: Arc<Ends>,
    incarnation: Incarnation,
    number: u32,
    positions: Mutex<Positions>,
}

impl Origin {
    /// Asks what was committed.
    pub(super) async fn open(
        options: Arc<Options>,
        voice: Voice,
        group: Arc<Membership>,
        archive: Archive,
        ends: Arc<Ends>,
        incarnation: Incarnation,
        number: u32,
    ) -> io::Result<Self> {
        let committed = group.committed(number).await?;
        let positions = Mutex::new(Positions::parse(&committed, incarnation));
        Ok(Self { options, voice, group, archive, ends, incarnation, number, positions })
    }

    pub(crate) fn end(&self) -> u64 {
        self.ends.get(self.number)
    }

    pub(crate) async fn bounds(&self) -> io::Result<Range<u64>> {
        let bounds = self.group.bounds(self.number).await?;
        self.ends.reached(self.number, bounds.end);
        Ok(bounds)
    }

    pub(crate) async fn seek_time(&self, at: SystemTime) -> io::Result<u64> {
        Ok(self.group.seek_time(self.number, at).await?.unwrap_or_else(|| self.end()))
    }

    pub(crate) fn source(&self, from: u64) -> io::Result<Source> {
        Source::of_log(&self.options, self.voice.clone(), self.number, from, Arc::clone(&self.ends))
    }

    pub(crate) async fn load(&self, position: u64) -> io::Result<Option<Deduplicator>> {
        self.archive.load(&self.group, self.number, position, self.incarnation.0).await
    }

    pub(crate) async fn save(&self, reader: Deduplicator, needed: u64) -> (Deduplicator, io::Result<()>) {
        self.archive.save(&self.group, self.number, reader, self.incarnation.0, needed).await
    }

    pub(crate) fn committed(&self, consumer: &str) -> Option<u64> {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner).get(consumer)
    }

    /// The group's offset is what all sinks have; the text beside it says how far each is.
    pub(crate) fn commit(&self, consumer: &str, next: u64, needed: u64) -> io::Result<()> {
        let text = {
            let mut positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
            positions.set(consumer, next);
            positions.text(self.incarnation)
        };
        self.group.commit(self.number, needed, &text)
    }
}
