//! The one reading of the log that sinks share: a record near the head is decoded once, and whoever lags behind reads on its own,
//! so that a slow sink delays nobody. Knows no sink.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::backend::Origin;
use super::deduplicator::{DecodedBatch, Deduplicator};
use super::entry::ReadError;
use super::metrics::Metrics;

/// Most bytes of the log in one chunk.
pub(super) const CHUNK_BYTES: usize = 256 << 10;
/// Bytes of the log that are kept for sinks near the head; with what was read in them, the memory is about two and a half times that.
const RING_BYTES: usize = 12 << 20;
/// How long to wait after the log could not be read.
const READ_PAUSE: Duration = Duration::from_secs(1);

/// What the head and the cursors share.
pub(super) struct Feed {
    pub(super) origin: Origin,
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
    /// The head reads on while this is beyond its position: only when somebody near it asks.
    demand: watch::Sender<u64>,
    lost: CancellationToken,
}

/// The last chunks read at the head.
struct Ring {
    chunks: VecDeque<Arc<DecodedBatch>>,
    bytes: usize,
    next: u64,
}

/// Where a position lies, seen from the ring.
pub(super) enum Place {
    /// In this chunk.
    Within(Arc<DecodedBatch>),
    /// Before the ring.
    Behind,
    /// Where the head goes on, or beyond.
    Ahead,
}

impl Feed {
    /// Starts the head at the newest checkpoint; it ends with `lost`, and cursors then get what was read and wait for ever.
    ///
    /// # Errors
    /// What is said about the checkpoints and the log's bounds.
    pub(super) async fn start(
        origin: Origin,
        partition: u32,
        key: [u8; 16],
        checkpoint_bytes: u64,
        metrics: Metrics,
        lost: CancellationToken,
    ) -> std::io::Result<Arc<Self>> {
        let bounds = origin.bounds().await?;
        let loaded = origin.load(bounds.end).await?;
        let mut reader = loaded.unwrap_or_else(|| Deduplicator::new(bounds.start, key, origin.order()));
        // What is older than the log cannot be read, and decides about nothing that can.
        reader.position = reader.position.max(bounds.start);
        let at = reader.position();
        let feed = Arc::new(Self {
            origin,
            partition,
            key,
            metrics,
            needed: AtomicU64::new(at),
            checkpoint_bytes,
            ring: Mutex::new(Ring { chunks: VecDeque::new(), bytes: 0, next: at }),
            advanced: watch::Sender::new(at),
            demand: watch::Sender::new(0),
            lost,
        });
        tokio::spawn(Arc::clone(&feed).lead(reader));
        Ok(feed)
    }

    /// Where `position` lies.
    pub(super) fn find(&self, position: u64) -> Place {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        if position >= ring.next {
            return Place::Ahead;
        }
        let at = ring.chunks.partition_point(|chunk| chunk.next <= position);
        match ring.chunks.get(at) {
            Some(chunk) if chunk.start <= position => Place::Within(Arc::clone(chunk)),
            _ => Place::Behind,
        }
    }

    /// Waits until the head has read past `position`.
    pub(super) async fn ask(&self, position: u64) {
        self.demand.send_if_modified(|demand| {
            let more = *demand <= position;
            *demand = (*demand).max(position + 1);
            more
        });
        let mut advanced = self.advanced.subscribe();
        let read = advanced.wait_for(|next| *next > position).await.is_ok();
        debug_assert!(read, "the sender lives as long as the feed");
    }

    fn keep(&self, chunk: DecodedBatch) {
        let next = chunk.next;
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.bytes += chunk.bytes;
        ring.next = next;
        ring.chunks.push_back(Arc::new(chunk));
        while ring.bytes > RING_BYTES && ring.chunks.len() > 1 {
            let oldest = ring.chunks.pop_front().expect("there are several");
            ring.bytes -= oldest.bytes;
        }
        drop(ring);
        self.advanced.send_replace(next);
    }

    async fn lead(self: Arc<Self>, mut reader: Deduplicator) {
        let mut source = None;
        let mut demand = self.demand.subscribe();
        let mut unsaved = 0;
        loop {
            let read = async {
                let asked = demand.wait_for(|demand| *demand > reader.position()).await.is_ok();
                debug_assert!(asked, "the sender lives as long as the feed");
                let source = match &mut source {
                    Some(source) => source,
                    None => source.insert(self.origin.source(reader.position())?),
                };
                source.next(CHUNK_BYTES).await
            };
            let read = tokio::select! {
                read = read => read,
                () = self.lost.cancelled() => return,
            };
            match read {
                Ok(stretch) => {
                    let chunk = reader.read(stretch.entries, stretch.next);
                    unsaved += chunk.bytes as u64;
                    self.metrics.count(&chunk);
                    self.keep(chunk);
                }
                Err(ReadError::Closed) => return,
                Err(ReadError::Trimmed { start }) => {
                    self.metrics.gap("head", self.partition, reader.position(), start);
                    reader.position = start;
                    source = None;
                }
                Err(error @ ReadError::Io(_)) => {
                    tracing::error!(%error, "the log cannot be read");
                    tokio::time::sleep(READ_PAUSE).await;
                }
            }
            if unsaved >= self.checkpoint_bytes {
                unsaved = 0;
                let saved;
                (reader, saved) = self.origin.save(reader, self.needed.load(Ordering::Acquire)).await;
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
