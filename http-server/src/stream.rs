//! A connection's bytes, watched: when a head begins, and how long its client takes to take what is written.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::allowance::Allowance;
use crate::connection::Connection;
use crate::limits::Limits;

/// A watched connection.
pub(crate) struct Stream {
    inner: TcpStream,
    writing: Allowance,
    connection: Arc<Connection>,
}

impl Stream {
    pub(crate) fn new(inner: TcpStream, connection: Arc<Connection>, limits: &Limits) -> Self {
        let writing = Allowance::new(limits.patience.as_millis() as u64, limits.rate);
        Self { inner, writing, connection }
    }

    fn written(&mut self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Pending => {
                let deadline = self.writing.wait(self.connection.clock.now());
                self.connection.write_waits(Some(deadline));
            }
            Poll::Ready(moved) if self.writing.is_waiting() => {
                let bytes = moved.as_ref().copied().unwrap_or(0) as u64;
                self.writing.moved(self.connection.clock.now(), bytes);
                self.connection.write_waits(None);
            }
            Poll::Ready(_) => {}
        }
        result
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.connection.bytes_came();
        }
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.written(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.written(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
