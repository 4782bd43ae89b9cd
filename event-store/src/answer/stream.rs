//! An answer's body: known whole, or as the engine gives it, with an exception in its middle if it comes to that.

use crate::engine::Fault;
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

/// An exception block in the middle of a body: the reader knows it by the tag, and by the chunked body that never ends.
fn last_words(fault: &Fault, tag: &str) -> Bytes {
    let message = format!("{}\n", fault.text);
    format!("\r\n__exception__\r\n{tag}\r\n{message}{} {tag}\r\n__exception__\r\n", message.len()).into()
}

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
    rest: mpsc::Receiver<Result<Bytes, Fault>>,
    running: Option<Running>,
    tag: String,
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
    /// A result whose first bytes are there; `tag` marks an exception among the rest.
    pub fn new(
        first: Bytes,
        rest: mpsc::Receiver<Result<Bytes, Fault>>,
        running: Running,
        tag: &str,
    ) -> Self {
        Self { first: Some(first), rest, running: Some(running), tag: tag.to_owned(), broken: None }
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
                Poll::Ready(Some(Ok(bytes))) if bytes.is_empty() => continue,
                Poll::Ready(Some(Ok(bytes))) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Poll::Ready(Some(Err(fault))) => {
                    self.end();
                    self.broken = Some(Box::pin(tokio::time::sleep(LAST_WORDS)));
                    Poll::Ready(Some(Ok(Frame::data(last_words(&fault, &self.tag)))))
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

#[cfg(test)]
mod a_broken_result {
    use super::*;

    #[test]
    fn tells_its_last_words_with_their_length() {
        let fault = Fault { code: 395, text: "Code: 395. DB::Exception: boom".to_owned() };
        assert_eq!(
            last_words(&fault, "abcdefghijklmnop"),
            "\r\n__exception__\r\nabcdefghijklmnop\r\nCode: 395. DB::Exception: boom\n31 abcdefghijklmnop\r\n__exception__\r\n"
        );
    }
}
