//! A response's body: known whole, or streamed from the engine, with an exception block when the query fails on the way.

use super::Chunk;
use crate::pool::QueryGuard;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Sleep;

/// How long the connection stays open after an exception within a result, so that the exception leaves the socket.
const EXCEPTION_FLUSH_TIME: Duration = Duration::from_millis(100);

/// A response's body.
pub enum ResponseBody {
    /// Known whole.
    Whole(Option<Bytes>),
    /// Streamed from the engine.
    Streamed(Box<Streamed>),
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
            Self::Streamed(streamed) => streamed.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.as_ref().is_none_or(Bytes::is_empty))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
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
                Poll::Ready(Some(Chunk::Exception(block))) => {
                    self.end();
                    self.aborting = Some(Box::pin(tokio::time::sleep(EXCEPTION_FLUSH_TIME)));
                    Poll::Ready(Some(Ok(Frame::data(block))))
                }
                Poll::Ready(None) => {
                    self.end();
                    Poll::Ready(None)
                }
            };
        }
    }

    fn end(&mut self) {
        if let Some(query) = self.query.take() {
            query.finished();
        }
    }
}
