//! One partition of the log as its owner has it: what its sinks read of it, and how far each of them is. Knows no sink.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::backend::PartitionLog;
use super::cursor::Cursor;
use super::dead_letter::{DeadLetters, ParkError};
use super::entry::{RawEntry, ReadError};
use super::error::LogError;
use super::feed::Feed;
use super::incarnation::Incarnation;
use super::metrics::Metrics;
use super::poison::Poison;

/// The partitions that this central owns, by number.
pub type Owned = BTreeMap<u32, Partition>;

/// A partition that this central owns; clones share it.
#[derive(Clone)]
pub struct Partition {
    shared: Arc<Shared>,
}

struct Shared {
    number: u32,
    incarnation: Incarnation,
    feed: Arc<Feed>,
    dead_letters: DeadLetters,
    /// How far each consumer is.
    committed: Mutex<BTreeMap<&'static str, u64>>,
    /// How far observers are, as they say.
    observed: Mutex<BTreeMap<&'static str, u64>>,
    /// A sink that is not as far as this is late.
    due: AtomicU64,
    lost: CancellationToken,
}

/// How long a partition may take to show its first record. What it shows later is judged by whoever reads it.
const FIRST_RECORD_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether the first record that the log has was written by a build whose records are not read.
async fn earlier_build(log: &PartitionLog) -> io::Result<bool> {
    let bounds = log.bounds().await?;
    if bounds.is_empty() {
        return Ok(false);
    }
    let mut reader = log.reader(bounds.start)?;
    match timeout(FIRST_RECORD_TIMEOUT, reader.next(1)).await {
        Ok(Ok(batch)) => Ok(batch.entries.first().is_some_and(RawEntry::is_of_earlier_build)),
        Ok(Err(ReadError::Io(error))) => Err(error),
        Ok(Err(ReadError::Trimmed { .. } | ReadError::Closed)) | Err(_) => Ok(false),
    }
}

impl Partition {
    /// Opens the partition: loads the newest checkpoint and begins to read from there.
    ///
    /// # Errors
    /// [`LogError::Storage`]; [`LogError::EarlierBuild`].
    pub(super) async fn open(
        number: u32,
        incarnation: Incarnation,
        log: PartitionLog,
        dead_letters: DeadLetters,
        checkpoint_bytes: u64,
        metrics: Metrics,
        lost: CancellationToken,
    ) -> Result<Self, LogError> {
        if earlier_build(&log).await.map_err(LogError::Storage)? {
            return Err(LogError::EarlierBuild { partition: number });
        }
        let feed = Feed::start(log, number, incarnation.0, checkpoint_bytes, metrics, lost.clone());
        let feed = feed.await.map_err(LogError::Storage)?;
        let (committed, observed, due) = (Mutex::default(), Mutex::default(), AtomicU64::new(0));
        let shared = Shared { number, incarnation, feed, dead_letters, committed, observed, due, lost };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Which one of the log's partitions, from 0.
    pub fn number(&self) -> u32 {
        self.shared.number
    }

    /// The log's identity.
    pub fn incarnation(&self) -> Incarnation {
        self.shared.incarnation
    }

    /// One past the last record that the log is known to have.
    pub fn end(&self) -> u64 {
        self.shared.feed.log.end()
    }

    /// Is cancelled when this central does not own the partition any more: another may then write its rows.
    pub fn lost(&self) -> &CancellationToken {
        &self.shared.lost
    }

    /// Makes a consumer known before it begins: from now on the log keeps what it has not committed, or everything where that cannot be
    /// said. Returns the offset that follows what it has committed.
    pub fn register(&self, consumer: &'static str) -> u64 {
        let committed = self.shared.feed.log.committed(consumer).unwrap_or_else(|error| {
            tracing::warn!(consumer, %error, "it is not known what was committed");
            None
        });
        // A commit past the end says nothing of what comes from now on.
        let held = committed.unwrap_or(0).min(self.end());
        *self.committed().entry(consumer).or_insert(held)
    }

    /// A cursor for a consumer whose commits hold the log back: from where it committed last, or from the log's beginning.
    ///
    /// # Errors
    /// [`LogError::Storage`] when the commit cannot be read; [`LogError::Beyond`] when it lies past the log's end.
    pub async fn consumer(&self, name: &'static str) -> Result<Cursor, LogError> {
        let committed = self.shared.feed.log.committed(name).map_err(LogError::Storage)?;
        self.begin(name, committed).await
    }

    /// The same for a consumer whose store itself says what comes next.
    ///
    /// # Errors
    /// As of [`consumer`](Self::consumer).
    pub async fn consumer_at(&self, name: &'static str, next: u64) -> Result<Cursor, LogError> {
        self.begin(name, Some(next)).await
    }

    async fn begin(&self, name: &'static str, committed: Option<u64>) -> Result<Cursor, LogError> {
        let Shared { number, feed, .. } = &*self.shared;
        let bounds = feed.log.bounds().await.map_err(LogError::Storage)?;
        let mut from = committed.unwrap_or(bounds.start);
        feed.metrics.begins(name, *number);
        if from > bounds.end {
            return Err(LogError::Beyond { consumer: name, committed: from, end: bounds.end });
        }
        if from < bounds.start {
            feed.metrics.gap(name, *number, from, bounds.start);
            from = bounds.start;
        }
        self.committed().insert(name, from);
        Ok(Cursor::new(Arc::clone(feed), name, from))
    }

    /// A cursor that holds nothing back, from the offset `from`, or from the nearest one that the log has.
    ///
    /// # Errors
    /// [`LogError::Storage`].
    pub async fn observer_at(&self, name: &'static str, from: u64) -> Result<Cursor, LogError> {
        let bounds = self.shared.feed.log.bounds().await.map_err(LogError::Storage)?;
        Ok(Cursor::new(Arc::clone(&self.shared.feed), name, from.clamp(bounds.start, bounds.end)))
    }

    /// A cursor that holds nothing back, from the first record of `at` or somewhat before.
    ///
    /// # Errors
    /// [`LogError::Storage`].
    pub async fn observer(&self, name: &'static str, at: SystemTime) -> Result<Cursor, LogError> {
        let log = &self.shared.feed.log;
        let bounds = log.bounds().await.map_err(LogError::Storage)?;
        let from = log.seek_time(at).await.map_err(LogError::Storage)?;
        Ok(Cursor::new(Arc::clone(&self.shared.feed), name, from.clamp(bounds.start, bounds.end)))
    }

    /// Keeps these durably as dead letters.
    ///
    /// # Errors
    /// [`ParkError`]; nothing may then be taken for parked.
    pub async fn park(&self, poison: &[Poison]) -> Result<(), ParkError> {
        self.shared.dead_letters.park(self.shared.number, poison).await
    }

    /// Everything below `next` is in the consumer's store: what no consumer and no checkpoint needs any more is released. Of no effect
    /// once the partition is lost.
    ///
    /// # Errors
    /// What the file system or the server says; the commit may then be forgotten at the next start.
    pub fn commit(&self, consumer: &'static str, next: u64) -> io::Result<()> {
        let needed = {
            let mut committed = self.committed();
            committed.insert(consumer, next);
            committed.values().copied().min().unwrap_or(next)
        };
        if self.shared.lost.is_cancelled() {
            return Ok(());
        }
        self.shared.feed.needed.store(needed, Ordering::Release);
        self.shared.feed.log.commit(consumer, next, needed)
    }

    /// Everything below this offset is in the consumer's store; nothing is known of one that was never registered.
    pub fn committed_by(&self, consumer: &str) -> Option<u64> {
        self.committed().get(consumer).copied()
    }

    /// How many records the consumer is behind; nothing is known of one that was never registered.
    pub fn lag(&self, consumer: &str) -> Option<u64> {
        self.committed().get(consumer).map(|next| self.end().saturating_sub(*next))
    }

    /// The log is gone: what consumers had not taken is lost to them, and counted.
    pub(super) fn record_loss(&self) {
        let end = self.end();
        for (consumer, next) in self.committed().iter().filter(|(_, next)| **next < end) {
            self.shared.feed.metrics.gap(consumer, self.shared.number, *next, end);
        }
    }

    /// Everything below `next` is with an observer. Holds nothing back.
    pub fn note(&self, observer: &'static str, next: u64) {
        self.shared.observed.lock().unwrap_or_else(PoisonError::into_inner).insert(observer, next);
    }

    /// How many records each consumer and each observer is behind.
    pub fn lags(&self) -> Vec<(&'static str, u64)> {
        let end = self.end();
        self.positions().into_iter().map(|(name, next)| (name, end.saturating_sub(next))).collect()
    }

    /// Consumers and observers that still need records which were due, as of the last check.
    pub fn late(&self) -> Vec<&'static str> {
        let due = self.shared.due.load(Ordering::Acquire);
        self.positions().into_iter().filter(|(_, next)| *next < due).map(|(name, _)| name).collect()
    }

    /// Asks which records were appended before `due`: a consumer or an observer that still needs one of them is late.
    pub(super) async fn find_late(&self, due: SystemTime) -> io::Result<()> {
        let mut first_not_due = 0;
        if self.lags().iter().any(|(_, lag)| *lag > 0) {
            first_not_due = self.shared.feed.log.seek_time(due).await?;
        }
        self.shared.due.store(first_not_due, Ordering::Release);
        Ok(())
    }

    fn positions(&self) -> BTreeMap<&'static str, u64> {
        let mut positions = self.committed().clone();
        positions.extend(self.shared.observed.lock().unwrap_or_else(PoisonError::into_inner).iter());
        positions
    }

    fn committed(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.shared.committed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn feed(&self) -> &Feed {
        &self.shared.feed
    }
}
