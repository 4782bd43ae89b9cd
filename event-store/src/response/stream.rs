//! An answer's body: known whole, or as the engine gives it, with an exception in its middle if it comes to that.

use super::Piece;
use crate::pool::Running;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Sleep;

/// How long after an exception in mid-result the connection stays open, so that the exception leaves the socket.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// An answer's body.
pub enum AnswerBody {
    /// Known whole.
    Whole(Option<Bytes>),
    /// As the engine gives it.
    Streamed(Box<Streamed>),
}

/// A long result under way. Dropped before its end, it cancels its statement.
pub struct Streamed {
    first: Option<Bytes>,
    rest: mpsc::Receiver<Piece>,
    running: Option<Running>,
    broken: Option<Pin<Box<Sleep>>>,
}

/// The body ends without its last chunk, on purpose: the exception has been sent.
#[derive(Debug, thiserror::Error)]
#[error("the statement failed after its answer had begun")]
pub struct BrokenOff;

impl hyper::body::Body for AnswerBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
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
    pub fn new(first: Bytes, rest: mpsc::Receiver<Piece>, running: Running) -> Self {
        Self { first: Some(first), rest, running: Some(running), broken: None }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if let Some(pause) = &mut self.broken {
            return pause.as_mut().poll(context).map(|()| Some(Err(BrokenOff)));
        }
        if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        loop {
            return match self.rest.poll_recv(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Some(Piece::Bytes(bytes))) if bytes.is_empty() => continue,
                Poll::Ready(Some(Piece::Bytes(bytes))) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Poll::Ready(Some(Piece::LastWords(words))) => {
                    self.end();
                    self.broken = Some(Box::pin(tokio::time::sleep(LAST_WORDS)));
                    Poll::Ready(Some(Ok(Frame::data(words))))
                }
                Poll::Ready(None) => {
                    self.end();
                    Poll::Ready(None)
                }
            };
        }
    }

    fn end(&mut self) {
        if let Some(running) = self.running.take() {
            running.finished();
        }
    }
}
