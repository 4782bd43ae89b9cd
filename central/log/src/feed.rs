//! Records near the head of a partition, decoded once and shared by its sinks; a sink that lags behind reads on its own, so that it
//! delays no other. Knows no sink.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::backend::PartitionLog;
use super::deduplicator::{DecodedBatch, Deduplicator};
use super::entry::ReadError;
use super::metrics::Metrics;

/// Most bytes of the log in one batch.
pub(super) const BATCH_BYTES: usize = 256 << 10;
/// Bytes of the log that are kept for sinks near the head; with what was read in them, the memory is about two and a half times that.
const RING_BYTES: usize = 12 << 20;
/// How long to wait after the log could not be read.
const READ_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// What the reading at the head and the cursors share.
pub(super) struct Feed {
    pub(super) log: PartitionLog,
    pub(super) partition: u32,
    pub(super) key: [u8; 16],
    pub(super) metrics: Metrics,
    /// The lowest offset that a durable consumer still needs.
    pub(super) needed: AtomicU64,
    /// A checkpoint is written after this many bytes of the log.
    pub(super) checkpoint_bytes: u64,
    ring: Mutex<Ring>,
    /// One past the last record that was read at the head.
    advanced: watch::Sender<u64>,
    /// The head is read on while this is beyond its position: only when a cursor near it waits.
    demand: watch::Sender<u64>,
    lost: CancellationToken,
}

/// The last batches read at the head.
struct Ring {
    batches: VecDeque<Arc<DecodedBatch>>,
    bytes: usize,
    next: u64,
}

/// Where a position lies relative to the ring.
pub(super) enum Location {
    /// In this batch.
    Within(Arc<DecodedBatch>),
    /// Before the ring.
    Behind,
    /// Where the head goes on, or beyond.
    Ahead,
}

impl Feed {
    /// Begins to read at the newest checkpoint, until `lost`; cursors then get what was read and wait for ever.
    ///
    /// # Errors
    /// What is said about the checkpoints and the log's bounds.
    pub(super) async fn start(
        log: PartitionLog,
        partition: u32,
        key: [u8; 16],
        checkpoint_bytes: u64,
        metrics: Metrics,
        lost: CancellationToken,
    ) -> std::io::Result<Arc<Self>> {
        let bounds = log.bounds().await?;
        let loaded = log.load(bounds.end).await?;
        let mut deduplicator = loaded.unwrap_or_else(|| Deduplicator::new(bounds.start, key, log.order()));
        // What is older than the log cannot be read, and decides about nothing that can.
        deduplicator.position = deduplicator.position.max(bounds.start);
        let at = deduplicator.position();
        let feed = Arc::new(Self {
            log,
            partition,
            key,
            metrics,
            needed: AtomicU64::new(at),
            checkpoint_bytes,
            ring: Mutex::new(Ring { batches: VecDeque::new(), bytes: 0, next: at }),
            advanced: watch::Sender::new(at),
            demand: watch::Sender::new(0),
            lost,
        });
        tokio::spawn(Arc::clone(&feed).read_head(deduplicator));
        Ok(feed)
    }

    /// Where `position` lies.
    pub(super) fn locate(&self, position: u64) -> Location {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        if position >= ring.next {
            return Location::Ahead;
        }
        let at = ring.batches.partition_point(|batch| batch.next <= position);
        match ring.batches.get(at) {
            Some(batch) if batch.start <= position => Location::Within(Arc::clone(batch)),
            _ => Location::Behind,
        }
    }

    /// Waits until the head has read past `position`.
    pub(super) async fn wait_past(&self, position: u64) {
        self.demand.send_if_modified(|demand| {
            let more = *demand <= position;
            *demand = (*demand).max(position + 1);
            more
        });
        let mut advanced = self.advanced.subscribe();
        let read = advanced.wait_for(|next| *next > position).await.is_ok();
        debug_assert!(read, "the sender lives as long as the feed");
    }

    fn push(&self, batch: DecodedBatch) {
        let next = batch.next;
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.bytes += batch.bytes;
        ring.next = next;
        ring.batches.push_back(Arc::new(batch));
        while ring.bytes > RING_BYTES && ring.batches.len() > 1 {
            let oldest = ring.batches.pop_front().expect("there are several");
            ring.bytes -= oldest.bytes;
        }
        drop(ring);
        self.advanced.send_replace(next);
    }

    async fn read_head(self: Arc<Self>, mut deduplicator: Deduplicator) {
        let mut reader = None;
        let mut demand = self.demand.subscribe();
        let mut unsaved = 0;
        loop {
            let read = async {
                let asked = demand.wait_for(|demand| *demand > deduplicator.position()).await.is_ok();
                debug_assert!(asked, "the sender lives as long as the feed");
                let reader = match &mut reader {
                    Some(reader) => reader,
                    None => reader.insert(self.log.reader(deduplicator.position())?),
                };
                reader.next(BATCH_BYTES).await
            };
            let read = tokio::select! {
                read = read => read,
                () = self.lost.cancelled() => return,
            };
            match read {
                Ok(entries) => {
                    let batch = deduplicator.read(entries.entries, entries.next);
                    unsaved += batch.bytes as u64;
                    self.metrics.count(&batch);
                    self.push(batch);
                }
                Err(ReadError::Closed) => return,
                Err(ReadError::Trimmed { start }) => {
                    self.metrics.gap("head", self.partition, deduplicator.position(), start);
                    deduplicator.position = start;
                    reader = None;
                }
                Err(error @ ReadError::Io(_)) => {
                    tracing::error!(%error, "the log cannot be read");
                    tokio::time::sleep(READ_RETRY_INTERVAL).await;
                }
            }
            if unsaved >= self.checkpoint_bytes {
                unsaved = 0;
                let saved;
                (deduplicator, saved) =
                    self.log.save(deduplicator, self.needed.load(Ordering::Acquire)).await;
                match saved {
                    Ok(()) => {
                        self.metrics.checkpoints.inc();
                    }
                    Err(error) => tracing::warn!(%error, "no checkpoint; reading begins further back"),
                }
            }
        }
    }
}
