//! One partition of the topic as its owner sees it: from where to where it reaches, what was committed, and its checkpoints.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::context::SessionContext;
use super::positions::Positions;
use super::reader::KafkaReader;
use crate::deduplicator::Deduplicator;

/// A partition of the topic.
pub(crate) struct KafkaPartition {
    context: Arc<SessionContext>,
    number: u32,
    positions: Mutex<Positions>,
}

impl KafkaPartition {
    /// Asks what was committed.
    pub(super) async fn open(context: Arc<SessionContext>, number: u32) -> io::Result<Self> {
        let committed = context.group.committed(number).await?;
        let positions = Mutex::new(Positions::parse(&committed, context.identity.incarnation));
        Ok(Self { context, number, positions })
    }

    pub(crate) fn end(&self) -> u64 {
        self.context.ends.get(self.number)
    }

    pub(crate) async fn bounds(&self) -> io::Result<Range<u64>> {
        let SessionContext { options, metadata, ends, .. } = &*self.context;
        let bounds = metadata.bounds(&options.topic, self.number).await;
        let bounds = bounds.map_err(|error| options.failed(&error))?;
        ends.reached(self.number, bounds.end);
        Ok(bounds)
    }

    pub(crate) async fn seek_time(&self, at: SystemTime) -> io::Result<u64> {
        Ok(self.context.group.seek_time(self.number, at).await?.unwrap_or_else(|| self.end()))
    }

    pub(crate) fn reader(&self, from: u64) -> io::Result<KafkaReader> {
        let SessionContext { options, errors, ends, .. } = &*self.context;
        KafkaReader::of_log(options, errors.clone(), self.number, from, Arc::clone(ends))
    }

    pub(crate) async fn load(&self, position: u64) -> io::Result<Option<Deduplicator>> {
        let SessionContext { checkpoints, identity, .. } = &*self.context;
        checkpoints.load(self.number, position, identity.incarnation.0).await
    }

    pub(crate) async fn save(
        &self,
        deduplicator: Deduplicator,
        needed: u64,
    ) -> (Deduplicator, io::Result<()>) {
        let SessionContext { checkpoints, identity, .. } = &*self.context;
        checkpoints.save(self.number, deduplicator, *identity, needed).await
    }

    pub(crate) fn committed(&self, consumer: &str) -> Option<u64> {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner).get(consumer)
    }

    /// The group's offset is what all sinks have; the text beside it says how far each is.
    pub(crate) fn commit(&self, consumer: &str, next: u64, needed: u64) -> io::Result<()> {
        let text = {
            let mut positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
            positions.set(consumer, next);
            positions.text(self.context.identity.incarnation)
        };
        self.context.group.commit(self.number, needed, &text)
    }
}
