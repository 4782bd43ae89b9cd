//! Appends that wait for the writer, and whether one more may. Does no I/O and waits for nothing.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::epoch::Epoch;
use crate::error::AppendError;

/// Most bytes that may wait in memory, whatever the disk has room for.
const IN_MEMORY: u64 = 64 << 20;
/// What an append costs in memory besides its records.
const OVERHEAD: u64 = 128;

/// Where an append went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The epoch of the opening.
    pub epoch: Epoch,
    /// Offset of its first record.
    pub first: u64,
    /// How many records, under contiguous offsets.
    pub count: u32,
}

/// The answer to an append; resolves after the records are on disk, or after they were refused. Dropping it does not take the
/// append back.
#[derive(Debug)]
#[must_use = "nothing is acknowledged before this resolves"]
pub struct Pending(oneshot::Receiver<Result<Appended, AppendError>>);

impl Future for Pending {
    type Output = Result<Appended, AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(AppendError::Closed)))
    }
}

/// One append on its way to the disk.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) records: Vec<Bytes>,
    /// What the records take on disk.
    pub(crate) bytes: u64,
    answer: oneshot::Sender<Result<Appended, AppendError>>,
}

impl Request {
    pub(crate) fn new(records: Vec<Bytes>, bytes: u64) -> (Self, Pending) {
        let (answer, receiver) = oneshot::channel();
        (Self { records, bytes, answer }, Pending(receiver))
    }

    /// Answers; whoever dropped the [`Pending`] does not want to know.
    pub(crate) fn answer(self, answer: Result<Appended, AppendError>) {
        drop(self.answer.send(answer));
    }

    fn weight(&self) -> u64 {
        self.bytes + OVERHEAD
    }
}

/// Appends that were admitted and are not answered yet.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Vec<Request>,
    /// Bytes of records of all unanswered requests, those being written included.
    bytes: u64,
    /// The same with overhead.
    weight: u64,
    closed: bool,
}

impl Queue {
    /// Whether an append of `bytes` may be queued while `unreleased` bytes on disk await their release.
    pub(crate) fn admit(&self, bytes: u64, unreleased: u64, max_bytes: u64) -> Result<(), AppendError> {
        if self.closed {
            return Err(AppendError::Closed);
        }
        if unreleased + self.bytes + bytes > max_bytes {
            return Err(AppendError::Full { held: unreleased + self.bytes, limit: max_bytes });
        }
        if self.weight > 0 && self.weight + bytes + OVERHEAD > IN_MEMORY {
            return Err(AppendError::Full { held: self.weight, limit: IN_MEMORY });
        }
        Ok(())
    }

    /// Queues what was admitted; says whether the queue was empty.
    pub(crate) fn push(&mut self, request: Request) -> bool {
        self.bytes += request.bytes;
        self.weight += request.weight();
        self.waiting.push(request);
        self.waiting.len() == 1
    }

    /// All that waits, in order. It counts as queued until it is [settled](Queue::settle).
    pub(crate) fn take(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.waiting)
    }

    /// Takes answered requests out of the count.
    pub(crate) fn settle(&mut self, requests: &[Request]) {
        for request in requests {
            self.bytes -= request.bytes;
            self.weight -= request.weight();
        }
    }

    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Bytes in memory that wait for the disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod a_queue {
    use super::*;

    fn request(bytes: u64) -> Request {
        Request::new(Vec::new(), bytes).0
    }

    #[test]
    fn counts_what_is_being_written_until_it_is_answered() {
        let mut queue = Queue::default();
        assert!(queue.push(request(60)));
        assert!(!queue.push(request(20)));
        let taken = queue.take();
        assert!(queue.is_empty() && queue.bytes() == 80);
        assert!(matches!(queue.admit(30, 0, 100), Err(AppendError::Full { held: 80, limit: 100 })));
        queue.settle(&taken);
        assert!(queue.admit(30, 0, 100).is_ok());
    }

    #[test]
    fn counts_unreleased_bytes_against_the_bound() {
        let queue = Queue::default();
        assert!(queue.admit(30, 70, 100).is_ok());
        assert!(queue.admit(31, 70, 100).is_err());
    }

    #[test]
    fn is_bounded_in_memory_even_for_appends_without_records() {
        let mut queue = Queue::default();
        while queue.admit(0, 0, u64::MAX).is_ok() {
            queue.push(request(0));
        }
        assert_eq!(queue.weight, IN_MEMORY, "the bound can be reached");
        queue.waiting.clear();
        queue.weight = 0;
        assert!(queue.admit(IN_MEMORY * 2, 0, u64::MAX).is_ok(), "a large append goes alone");
    }

    #[test]
    fn refuses_when_closed() {
        let mut queue = Queue::default();
        queue.close();
        assert!(matches!(queue.admit(0, 0, 100), Err(AppendError::Closed)));
    }
}
