//! What cannot be read of a partition, into the dead letters: once, on behalf of all sinks. What a store refuses is parked by the runner
//! of its own sink.

use std::time::Instant;

use footfall_log::{Partition, Poison, RecordBatch};

use super::{Batcher, Begun, Failure, Sink, Span, Start, Writer};

/// Unreadable things that are parked at once, at most as many as one read of the log adds to it.
const MAX_POISON: usize = 1000;

/// Parks what cannot be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeadLetters;

impl Sink for DeadLetters {
    const NAME: &'static str = "dead_letters";
    type Batcher = PoisonBatcher;
    type Writer = PoisonWriter;

    async fn begin(&self, start: Start) -> Result<Begun<PoisonBatcher, PoisonWriter>, Failure> {
        let cursor = start.partition.consumer(Self::NAME).await?;
        Ok(Begun { batcher: PoisonBatcher::default(), writer: PoisonWriter(start.partition), cursor })
    }
}

/// Collects what cannot be read.
#[derive(Debug, Default)]
pub struct PoisonBatcher {
    poison: Vec<Poison>,
    since: Option<Instant>,
}

impl Batcher for PoisonBatcher {
    type Batch = Vec<Poison>;

    fn add(&mut self, records: &RecordBatch, now: Instant) -> Option<RecordBatch> {
        self.poison.extend(records.poison().cloned());
        if !self.poison.is_empty() {
            self.since.get_or_insert(now);
        }
        None
    }

    fn due(&self, _: u64) -> Option<Instant> {
        self.since
    }

    fn is_full(&self) -> bool {
        self.poison.len() >= MAX_POISON
    }

    fn take(&mut self) -> Vec<Poison> {
        std::mem::take(self).poison
    }
}

/// Parks them.
pub struct PoisonWriter(Partition);

impl Writer for PoisonWriter {
    type Batch = Vec<Poison>;

    async fn write(&mut self, poison: &Vec<Poison>, _: Span) -> Result<Vec<Poison>, Failure> {
        self.0.park(poison).await.map_err(Failure::transient)?;
        Ok(Vec::new())
    }
}
