//! Bytes that no store can take, kept as dead letters with their reason and their offset in the log. Where they are kept is each
//! backend's own: bounded, and the newest stay.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use prost::Message;

use super::incarnation::Incarnation;
use super::metrics::Metrics;
use super::poison::Poison;

/// What stays readable, bytes.
pub(super) const KEPT_BYTES: u64 = 256 << 20;
/// Largest payload kept whole; of a larger one the beginning is kept.
const MAX_PAYLOAD_BYTES: usize = 1 << 20;

/// Where a backend keeps dead letters.
pub(super) trait DeadLetterStore: Send + Sync {
    /// Appends encoded dead letters; returns once they are kept durably.
    fn append(&self, letters: Vec<Bytes>) -> BoxFuture<'_, Result<(), ParkError>>;
}

/// The dead letters of one log; clones share them.
#[derive(Clone)]
pub(super) struct DeadLetters {
    store: Arc<dyn DeadLetterStore>,
    incarnation: Incarnation,
    metrics: Metrics,
}

/// One dead letter. A crash can park the same bytes twice; the offset tells.
#[derive(Clone, PartialEq, Message)]
pub struct Parked {
    /// The log's incarnation, 16 bytes.
    #[prost(bytes = "bytes", tag = "1")]
    pub incarnation: Bytes,
    /// Offset in the log; nothing (0) of what was too large for it, whose payload then begins with the log's envelope.
    #[prost(uint64, tag = "2")]
    pub offset: u64,
    /// Which event of the record; the whole record when absent.
    #[prost(uint32, optional, tag = "3")]
    pub index: Option<u32>,
    /// A word of [`PoisonReason`](super::poison::PoisonReason).
    #[prost(string, tag = "4")]
    pub reason: String,
    /// What could not be read, or its beginning.
    #[prost(bytes = "bytes", tag = "5")]
    pub payload: Bytes,
    /// Partition of the log.
    #[prost(uint32, tag = "6")]
    pub partition: u32,
}

impl DeadLetters {
    pub(super) fn new(store: Arc<dyn DeadLetterStore>, incarnation: Incarnation, metrics: Metrics) -> Self {
        Self { store, incarnation, metrics }
    }

    /// Parks poison of a partition; returns once it is kept durably.
    ///
    /// # Errors
    /// [`ParkError`]; nothing may then be taken for parked.
    pub(super) async fn park(&self, partition: u32, poison: &[Poison]) -> Result<(), ParkError> {
        if poison.is_empty() {
            return Ok(());
        }
        let letters = poison.iter().map(|poison| {
            let letter = Parked {
                incarnation: Bytes::copy_from_slice(&self.incarnation.0),
                offset: poison.offset,
                index: poison.index,
                reason: poison.reason.name().to_owned(),
                payload: poison.payload.slice(..poison.payload.len().min(MAX_PAYLOAD_BYTES)),
                partition,
            };
            Bytes::from(letter.encode_to_vec())
        });
        self.store.append(letters.collect()).await?;
        self.metrics.parked.inc_by(poison.len() as u64);
        Ok(())
    }
}

/// Why nothing was parked. Transient as far as anyone can tell.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ParkError(#[from] io::Error);
