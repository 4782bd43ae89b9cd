//! A body as it arrives from the network side. Reading blocks: for pool threads only.

use crate::engine::Fault;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io::{self, Read};
use tokio::sync::mpsc;

/// What the network side hands over: bytes, or why there are no more.
pub type Arriving = mpsc::Receiver<Result<Bytes, Fault>>;

/// A body as it arrives. Reading blocks: for pool threads only.
pub struct Source {
    front: VecDeque<Bytes>,
    rest: Option<Arriving>,
}

impl Source {
    /// What has arrived already, and where the rest will.
    pub fn new(front: Bytes, rest: Option<Arriving>) -> Self {
        Self { front: if front.is_empty() { VecDeque::new() } else { VecDeque::from([front]) }, rest }
    }

    pub(super) fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        if let Some(piece) = self.front.pop_front() {
            return Ok(Some(piece));
        }
        let piece = self.rest.as_mut().and_then(mpsc::Receiver::blocking_recv);
        if piece.is_none() {
            self.rest = None;
        }
        piece.transpose()
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(mut piece) = self.next().map_err(io::Error::other)? else {
                return Ok(0);
            };
            let length = piece.len().min(buffer.len());
            buffer[..length].copy_from_slice(&piece.split_to(length));
            if !piece.is_empty() {
                self.front.push_front(piece);
            }
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
        }
    }
}
