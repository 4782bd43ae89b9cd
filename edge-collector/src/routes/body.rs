//! Reading a request's body: bounded in bytes, in time per frame and in all, and in what all requests hold together.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::timeout;

use crate::memory_budget::{Exhausted, MemoryBudget, Reservation};

/// Longest silence within a body.
const FRAME_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time for a whole body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long, and how many bytes, of a refused body are read and discarded.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(2);
const DISCARD_BYTES: usize = 16 << 20;

/// Reads a whole body of `limit` bytes at most. The reservation is to be kept as long as the bytes.
///
/// # Errors
/// [`BodyError`].
pub async fn read(
    mut body: Incoming,
    limit: usize,
    budget: &Arc<MemoryBudget>,
) -> Result<(Bytes, Reservation), BodyError> {
    let read = read_within(&mut body, limit, budget).await;
    if matches!(read, Err(BodyError::TooLarge { .. } | BodyError::Overloaded(_))) {
        discard(body).await;
    }
    read
}

/// Reads a refused body to its end, within bounds, before the answer: a client that still sends when the connection is closed
/// sees a broken pipe and never reads why it was refused.
pub async fn discard(mut body: Incoming) {
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
    body: &mut Incoming,
    limit: usize,
    budget: &Arc<MemoryBudget>,
) -> Result<(Bytes, Reservation), BodyError> {
    // What is announced may be refused for its size; nothing is set aside for it, as it may never come.
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyError::TooLarge { limit });
    }
    let mut reservation = budget.reservation();
    let bytes = timeout(BODY_TIMEOUT, collect(body, limit, &mut reservation))
        .await
        .map_err(|_| BodyError::Slow)??;
    Ok((bytes, reservation))
}

async fn collect(
    body: &mut Incoming,
    limit: usize,
    reservation: &mut Reservation,
) -> Result<Bytes, BodyError> {
    // Most bodies are one frame, which is passed on as it is.
    let mut first = Bytes::new();
    let mut rest = Vec::new();
    while let Some(frame) = timeout(FRAME_TIMEOUT, body.frame()).await.map_err(|_| BodyError::Slow)? {
        let Ok(data) = frame.map_err(BodyError::Broken)?.into_data() else { continue };
        let length = first.len() + rest.len() + data.len();
        if length > limit {
            return Err(BodyError::TooLarge { limit });
        }
        if first.is_empty() && rest.is_empty() {
            reservation.grow(length)?;
            first = data;
            continue;
        }
        if rest.capacity() < length {
            let capacity = (2 * length).min(limit);
            reservation.grow(capacity - reservation.bytes())?;
            rest.reserve_exact(capacity - rest.len());
        }
        rest.extend_from_slice(&std::mem::take(&mut first));
        rest.extend_from_slice(&data);
    }
    Ok(if rest.is_empty() { first } else { rest.into() })
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
    /// The sender paused for too long. Transient.
    #[error("the body came too slowly")]
    Slow,
    /// The connection broke, or its framing is wrong. Transient.
    #[error("the body broke off: {0}")]
    Broken(#[source] hyper::Error),
    /// All requests together hold as much as they may. Transient.
    #[error(transparent)]
    Overloaded(#[from] Exhausted),
}
