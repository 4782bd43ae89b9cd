//! A response's body: known whole, or streamed from the engine, with an exception block when the query fails on the way.

use super::{Allowance, Chunk};
use crate::pool::QueryGuard;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Sleep;

/// How long the connection stays open after an exception within a result, so that the exception leaves the socket.
const EXCEPTION_FLUSH_TIME: Duration = Duration::from_millis(100);

/// A response's body.
pub enum ResponseBody {
    /// Known whole.
    Whole(Option<Bytes>),
    /// Known whole, and held by a task that gives it up when it is not read.
    Held(Held),
    /// Streamed from the engine.
    Streamed(Box<Streamed>),
}

/// Bytes of a held result that are handed on at once.
const PIECE: usize = 256 << 10;

/// A whole result that is handed on piece by piece.
pub struct Held {
    left: u64,
    pieces: mpsc::Receiver<Bytes>,
}

impl Held {
    /// Holds the result until it is read or its time is over, in a task of its own: what a connection holds of it is a piece.
    pub fn new(bytes: Bytes, permit: OwnedSemaphorePermit, allowance: Allowance) -> Self {
        let (sender, pieces) = mpsc::channel(1);
        let left = bytes.len() as u64;
        tokio::spawn(async move {
            let _permit = permit;
            for piece in bytes.chunks(PIECE) {
                // Copied: a slice would keep the whole.
                let sent =
                    tokio::time::timeout(allowance.pause(), sender.send(Bytes::copy_from_slice(piece)));
                if !matches!(sent.await, Ok(Ok(()))) {
                    return;
                }
            }
        });
        Self { left, pieces }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StreamAborted>>> {
        match self.pieces.poll_recv(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(piece)) => {
                self.left = self.left.saturating_sub(piece.len() as u64);
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Poll::Ready(None) => Poll::Ready((self.left > 0).then_some(Err(StreamAborted))),
        }
    }
}

/// A streamed result. Dropped before its end, it cancels its query.
pub struct Streamed {
    first: Option<Bytes>,
    rest: mpsc::Receiver<Chunk>,
    query: Option<QueryGuard>,
    aborting: Option<Pin<Box<Sleep>>>,
}

/// The body ends without the last chunk of its transfer encoding, as ClickHouse does it after an exception.
#[derive(Debug, thiserror::Error)]
#[error("the query failed after its response had begun")]
pub struct StreamAborted;

impl hyper::body::Body for ResponseBody {
    type Data = Bytes;
    type Error = StreamAborted;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamAborted>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(
                bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes))),
            ),
            Self::Held(held) => held.poll(context),
            Self::Streamed(streamed) => streamed.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Self::Held(held) => held.left == 0,
            Self::Streamed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Held(held) => SizeHint::with_exact(held.left),
            Self::Streamed(_) => SizeHint::default(),
        }
    }
}

impl Streamed {
    /// A result whose first bytes are there.
    pub fn new(first: Bytes, rest: mpsc::Receiver<Chunk>, query: QueryGuard) -> Self {
        Self { first: Some(first), rest, query: Some(query), aborting: None }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StreamAborted>>> {
        if let Some(pause) = &mut self.aborting {
            return pause.as_mut().poll(context).map(|()| Some(Err(StreamAborted)));
        }
        if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        loop {
            return match self.rest.poll_recv(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Some(Chunk::Bytes(bytes))) if bytes.is_empty() => continue,
                Poll::Ready(Some(Chunk::Bytes(bytes))) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Poll::Ready(Some(Chunk::Last(bytes))) => {
                    self.end();
                    Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
                }
                Poll::Ready(Some(Chunk::Exception(block))) => {
                    self.end();
                    self.aborting = Some(Box::pin(tokio::time::sleep(EXCEPTION_FLUSH_TIME)));
                    Poll::Ready(Some(Ok(Frame::data(block))))
                }
                // After the last bytes there are no more; without them the result is cut short.
                Poll::Ready(None) => Poll::Ready(self.query.take().map(|query| {
                    query.finished();
                    Err(StreamAborted)
                })),
            };
        }
    }

    fn end(&mut self) {
        if let Some(query) = self.query.take() {
            query.finished();
        }
    }
}
