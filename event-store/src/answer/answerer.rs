//! A thread's end of an answer: what it says first, and piece by piece.

use crate::block;
use crate::engine::{Fault, Progress};
use crate::limits::READ_PAUSE;
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// Bytes of a whole result compressed as one block.
const BLOCK: usize = 1 << 20;

/// What a thread says first.
pub enum Reply {
    /// An exception before the first byte.
    Refused(Fault),
    /// Everything.
    Whole {
        /// The result's format.
        format: String,
        /// The result.
        bytes: Bytes,
        /// What it took.
        progress: Progress,
    },
    /// The first bytes of a long result.
    Streamed {
        /// The result's format.
        format: String,
        /// Its first bytes.
        first: Bytes,
        /// The others.
        rest: mpsc::Receiver<Result<Bytes, Fault>>,
    },
}

/// A thread's end of an answer.
pub struct Answerer {
    head: Option<oneshot::Sender<Reply>>,
    pieces: Option<mpsc::Sender<Result<Bytes, Fault>>>,
    runtime: Handle,
    compress: bool,
}

impl Answerer {
    /// An answer not yet given, and where it will arrive.
    pub fn new(runtime: Handle, compress: bool) -> (Self, oneshot::Receiver<Reply>) {
        let (head, reply) = oneshot::channel();
        (Self { head: Some(head), pieces: None, runtime, compress }, reply)
    }

    fn say(&mut self, reply: Reply) -> bool {
        self.head.take().is_some_and(|head| head.send(reply).is_ok())
    }

    fn packed(&self, bytes: Bytes) -> Bytes {
        if self.compress && !bytes.is_empty() {
            bytes.chunks(BLOCK).flat_map(block::encode).collect::<Vec<u8>>().into()
        } else {
            bytes
        }
    }

    /// The whole answer. A request is answered once: by this, by [`Self::refuse`], or by [`Self::begin`] and its pieces.
    pub fn whole(&mut self, format: &str, bytes: Bytes, progress: Progress) {
        let bytes = self.packed(bytes);
        self.say(Reply::Whole { format: format.to_owned(), bytes, progress });
    }

    /// It failed before its first byte.
    pub fn refuse(&mut self, fault: Fault) {
        self.say(Reply::Refused(fault));
    }

    /// Its first bytes; more will come. `false`: nobody reads it.
    pub fn begin(&mut self, format: &str, first: Bytes) -> bool {
        let (pieces, rest) = mpsc::channel(1);
        self.pieces = Some(pieces);
        let first = self.packed(first);
        self.say(Reply::Streamed { format: format.to_owned(), first, rest })
    }

    /// Further bytes, or why there are no more. Blocks while the reader is behind. `false`: nobody reads it.
    pub fn piece(&mut self, piece: Result<Bytes, Fault>) -> bool {
        let piece = piece.map(|bytes| self.packed(bytes));
        match &self.pieces {
            // A reader that stands still holds a thread of the pool: it is given up after a while.
            Some(pieces) => matches!(
                self.runtime.block_on(async { tokio::time::timeout(READ_PAUSE, pieces.send(piece)).await }),
                Ok(Ok(()))
            ),
            None => false,
        }
    }
}
