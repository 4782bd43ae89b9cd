//! Reading a request's body: bounded in bytes, and in what all requests hold together. How long it may take is the listener's to say.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use footfall_http_server::{BodyError as Failed, RequestBody};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::time::timeout;

/// How long, and how many bytes, of a refused body are read and discarded.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(2);
const DISCARD_BYTES: usize = 16 << 20;

/// Bytes of bodies that all requests together may hold in memory.
#[derive(Debug)]
pub struct MemoryBudget {
    held: AtomicUsize,
    limit: usize,
}

/// Bytes taken from a [`MemoryBudget`], given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Arc<MemoryBudget>,
    bytes: usize,
}

impl MemoryBudget {
    /// A budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { held: AtomicUsize::new(0), limit })
    }

    fn reserve(self: &Arc<Self>, reservation: &mut Reservation, bytes: usize) -> Result<(), BodyError> {
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > self.limit {
            self.held.fetch_sub(bytes, Ordering::Relaxed);
            return Err(BodyError::Overloaded);
        }
        reservation.bytes += bytes;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Reads a whole body of `limit` bytes at most. The reservation is to be kept as long as the bytes.
///
/// # Errors
/// [`BodyError`].
pub async fn read(
    mut body: RequestBody,
    limit: usize,
    budget: &Arc<MemoryBudget>,
) -> Result<(Bytes, Reservation), BodyError> {
    let read = read_within(&mut body, limit, budget).await;
    if matches!(read, Err(BodyError::TooLarge { .. } | BodyError::Overloaded)) {
        discard(body).await;
    }
    read
}

/// Reads a refused body to its end, within bounds, before the answer: a client that still sends when the connection is closed
/// sees a broken pipe and never reads why it was refused.
pub async fn discard(mut body: RequestBody) {
    let mut bytes = 0;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > DISCARD_BYTES {
                break;
            }
        }
    };
    // Whoever sends more, or more slowly, is answered all the same.
    let _ = timeout(DISCARD_TIMEOUT, reading).await;
}

async fn read_within(
    body: &mut RequestBody,
    limit: usize,
    budget: &Arc<MemoryBudget>,
) -> Result<(Bytes, Reservation), BodyError> {
    let declared = body.size_hint().lower();
    if declared > limit as u64 {
        return Err(BodyError::TooLarge { limit });
    }
    let mut reservation = Reservation { budget: Arc::clone(budget), bytes: 0 };
    budget.reserve(&mut reservation, declared as usize)?;
    let bytes = collect(body, limit, budget, &mut reservation).await?;
    Ok((bytes, reservation))
}

async fn collect(
    body: &mut RequestBody,
    limit: usize,
    budget: &Arc<MemoryBudget>,
    reservation: &mut Reservation,
) -> Result<Bytes, BodyError> {
    // Most bodies are one frame, which is passed on as it is.
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let length = first.len() + rest.len() + data.len();
        if length > limit {
            return Err(BodyError::TooLarge { limit });
        }
        if length > reservation.bytes {
            budget.reserve(reservation, length - reservation.bytes)?;
        }
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.reserve(length.max(reservation.bytes));
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// More than a body may be. Permanent.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// What a body may be, bytes.
        limit: usize,
    },
    /// It came too slowly, or broke off. Transient.
    #[error(transparent)]
    Failed(#[from] Failed),
    /// All requests together hold as much as they may. Transient.
    #[error("too many bodies are being read")]
    Overloaded,
}
