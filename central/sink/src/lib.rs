//! From the log into the stores: one runner for all sinks, a mapping file for each store. To add a sink, copy [`dead_letters`], which is
//! the shortest (a [`Sink`] that says where it begins, a [`Batcher`] and a [`Writer`]), and name it in central's table of sinks.

pub mod batch;
pub mod clickhouse;
pub mod dead_letters;
pub mod delivery;
pub mod druid;
mod failure;
mod health;
pub mod live;
mod metrics;
pub mod raw_log;
pub mod replay;
mod runner;
#[cfg(test)]
mod sample;
mod supervisor;

use std::future::Future;
use std::time::Instant;

pub use failure::Failure;
pub use health::SinkHealth;
pub use metrics::{Counters, Metrics};
pub use runner::{Context, Pace, Stop, run};
pub use supervisor::{AnySink, supervise};

use footfall_log::{Cursor, Partition, Poison, RecordBatch};

/// One kind of sink: what it is called, and how it begins on a partition.
pub trait Sink: Send + Sync + 'static {
    /// What it is called: in metrics, in sentences, and beside the offset that the log keeps for it.
    const NAME: &'static str;
    /// Whether the log keeps records until this sink has committed them. Not for a store that may forget everything.
    const HOLDS_LOG: bool = true;
    /// Makes its batches.
    type Batcher: Batcher;
    /// Writes them.
    type Writer: Writer<Batch = <Self::Batcher as Batcher>::Batch>;

    /// Waits until there is a store to ask.
    fn ready(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Finds out where the partition goes on. Writes no records; the runner asks again after a transient failure.
    ///
    /// # Errors
    /// [`Failure`]; a permanent one waits for a person, until the partition is owned anew.
    fn begin(
        &self,
        start: Start,
    ) -> impl Future<Output = Result<Begun<Self::Batcher, Self::Writer>, Failure>> + Send;
}

/// What a sink is given to begin with.
pub struct Start {
    /// The partition that it is to store.
    pub partition: Partition,
    /// The offset that follows what it is known to have committed; 0 when it holds nothing back.
    pub committed: u64,
    /// What it counts.
    pub counters: Counters,
    /// A random number.
    pub seed: u64,
}

/// A sink that knows where its partition goes on.
pub struct Begun<B, W> {
    /// Makes batches.
    pub batcher: B,
    /// Writes them.
    pub writer: W,
    /// Reads the log from there on.
    pub cursor: Cursor,
}

/// Makes batches for one store. Does no I/O.
pub trait Batcher: Send + 'static {
    /// What is written at once.
    type Batch: Send + Sync + 'static;

    /// Takes in the records that follow the last ones. Returns those that it has no room for, if any: it is full then, and gets them
    /// again once what it took is on its way.
    fn add(&mut self, records: &RecordBatch, now: Instant) -> Option<RecordBatch>;
    /// When what was added is to be written; nothing when there is nothing. The log holds `backlog` records beyond it.
    fn due(&self, backlog: u64) -> Option<Instant>;
    /// Whether nothing more may be added before this is written.
    fn is_full(&self) -> bool;
    /// Gives up what was added.
    fn take(&mut self) -> Self::Batch;
}

/// Writes batches into one store.
pub trait Writer: Send + 'static {
    /// What it writes at once.
    type Batch: Send + Sync + 'static;

    /// Writes a batch of the log's records from `span.from` to `span.next`. Returns what the store will never take; all else is stored,
    /// once, however often the same batch is given. After a failure the same batch comes again.
    fn write(
        &mut self,
        batch: &Self::Batch,
        span: Span,
    ) -> impl Future<Output = Result<Vec<Poison>, Failure>> + Send;
}

/// Consecutive offsets of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first of them.
    pub from: u64,
    /// The offset after the last.
    pub next: u64,
}
