//! A body as it arrives from the network. Reading blocks: for pool threads only.

use crate::engine::Exception;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io::{self, Read};
use tokio::sync::mpsc;

/// Receives the body's bytes, or the exception that ended it.
pub type BodyReceiver = mpsc::Receiver<Result<Bytes, Exception>>;

/// A body as it arrives. Reading blocks: for pool threads only.
pub struct Source {
    front: VecDeque<Bytes>,
    rest: Option<BodyReceiver>,
}

impl Source {
    /// What has arrived already, and where the rest will.
    pub fn new(front: Bytes, rest: Option<BodyReceiver>) -> Self {
        Self { front: if front.is_empty() { VecDeque::new() } else { VecDeque::from([front]) }, rest }
    }

    /// The next bytes that have arrived already.
    pub fn front(&self) -> &[u8] {
        self.front.front().map_or(&[], |bytes| bytes)
    }

    pub(super) fn next(&mut self) -> Result<Option<Bytes>, Exception> {
        if let Some(chunk) = self.front.pop_front() {
            return Ok(Some(chunk));
        }
        let chunk = self.rest.as_mut().and_then(mpsc::Receiver::blocking_recv);
        if chunk.is_none() {
            self.rest = None;
        }
        chunk.transpose()
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(mut chunk) = self.next().map_err(io::Error::other)? else {
                return Ok(0);
            };
            let length = chunk.len().min(buffer.len());
            buffer[..length].copy_from_slice(&chunk.split_to(length));
            if !chunk.is_empty() {
                self.front.push_front(chunk);
            }
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
        }
    }
}
