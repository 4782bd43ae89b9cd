//! The two bodies of an exchange: the request's, whose sender is waited for only so long, and the answer's, whose end makes the
//! connection idle.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::allowance::Allowance;
use crate::connection::Connection;
use crate::limits::Limits;

/// A request's body.
#[derive(Debug)]
pub struct RequestBody {
    incoming: Incoming,
    allowance: Allowance,
    connection: Arc<Connection>,
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, connection: Arc<Connection>, limits: &Limits) -> Self {
        let allowance = Allowance::new(limits.patience.as_millis() as u64, limits.rate);
        Self { incoming, allowance, connection }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(context);
        if polled.is_pending() {
            if self.connection.body_is_slow(context.waker()) {
                return Poll::Ready(Some(Err(BodyError::Slow)));
            }
            let now = self.connection.clock.now();
            let deadline = self.allowance.wait(now);
            self.connection.body_waits(Some(deadline));
        } else if self.allowance.is_waiting() {
            let bytes = match &polled {
                Poll::Ready(Some(Ok(frame))) => frame.data_ref().map_or(0, Bytes::len),
                _ => 0,
            };
            let now = self.connection.clock.now();
            self.allowance.moved(now, bytes as u64);
            self.connection.body_waits(None);
        }
        polled.map(|frame| frame.map(|frame| frame.map_err(BodyError::Broken)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.connection.body_waits(None);
    }
}

/// Why a body does not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Its sender is too slow. Transient.
    #[error("the body came too slowly")]
    Slow,
    /// The connection broke, or its framing is wrong. Transient.
    #[error("the body broke off: {0}")]
    Broken(#[source] hyper::Error),
}

/// An answer's body; when it is dropped, the answer is over.
pub(crate) struct ResponseBody<B> {
    inner: B,
    connection: Arc<Connection>,
}

impl<B> ResponseBody<B> {
    pub(crate) fn new(inner: B, connection: Arc<Connection>) -> Self {
        Self { inner, connection }
    }
}

impl<B: Body + Unpin> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> Drop for ResponseBody<B> {
    fn drop(&mut self) {
        self.connection.response_ends();
    }
}
