//! From the log into the stores: one runner for all, a mapping file for each store. To add a sink, write its mapping (a [`Sink`] that
//! gathers and a [`Writer`] that writes) and name it in `app`.

mod backoff;
pub mod batch;
pub mod clickhouse;
pub mod delivery;
pub mod live;
mod metrics;
pub mod raw_log;
pub mod replay;
mod runner;

use std::future::Future;
use std::time::Instant;

pub use metrics::{Counters, Metrics};
pub use runner::{Begin, Health, Stop, run};

use footfall_daemon::fault::Fault;
use footfall_log::{Poison, RecordBatch};

/// Makes batches for one store. Does no I/O.
pub trait Sink: Send + 'static {
    /// What it is called: in metrics, in sentences, and in the file that keeps its offset.
    const NAME: &'static str;
    /// Whether what cannot be read is parked on its behalf. One sink does that for all.
    const PARKS: bool = true;
    /// What its writer writes at once.
    type Load: Send + Sync + 'static;

    /// Takes in a stretch of the log that follows the last one.
    fn gather(&mut self, piece: &RecordBatch, now: Instant);
    /// When what was gathered is to be written; nothing when there is nothing. The log holds `backlog` records beyond it.
    fn due(&self, backlog: u64) -> Option<Instant>;
    /// Whether nothing more may be gathered before this is written.
    fn is_full(&self) -> bool;
    /// Gives up what was gathered.
    fn seal(&mut self) -> Self::Load;
}

/// Writes batches into one store.
pub trait Writer: Send + 'static {
    /// What it writes at once.
    type Load: Send + Sync + 'static;

    /// Writes a batch of a stretch of the log. Returns what the store will never take; all else is stored, once, however often the
    /// same batch is given. After a failure the same batch comes again.
    fn write(
        &mut self,
        load: &Self::Load,
        span: Span,
    ) -> impl Future<Output = Result<Vec<Poison>, Failure>> + Send;
}

/// A stretch of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first offset.
    pub from: u64,
    /// The offset after it.
    pub next: u64,
}

/// A batch that was not written.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{sentence}")]
pub struct Failure {
    /// What to do about it.
    pub fault: Fault,
    /// What happened, for people.
    pub sentence: String,
}
