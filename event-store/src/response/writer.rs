//! A thread's end of an answer: what it says first, and piece by piece.

use super::encoder::Encoder;
use crate::block;
use crate::encoding::Encoding;
use crate::engine::{Fault, Progress, code};
use crate::limits::READ_PAUSE;
use bytes::Bytes;
use std::io;
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
        /// The result, encoded.
        bytes: Bytes,
        /// What it took.
        progress: Progress,
    },
    /// The first bytes of a long result.
    Streamed {
        /// The result's format.
        format: String,
        /// Its first bytes, encoded.
        first: Bytes,
        /// The others.
        rest: mpsc::Receiver<Piece>,
    },
}

/// A part of a long result after its first, encoded.
pub enum Piece {
    /// Further bytes.
    Bytes(Bytes),
    /// The last ones, which say why there are no more.
    LastWords(Bytes),
}

/// How an answer goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    /// ClickHouse's own blocks around the result.
    pub blocks: bool,
    /// HTTP's encoding around that.
    pub encoding: Encoding,
    /// Marks an exception amid the result.
    pub tag: String,
}

/// A thread's end of an answer.
pub struct Answerer {
    head: Option<oneshot::Sender<Reply>>,
    pieces: Option<(mpsc::Sender<Piece>, Encoder)>,
    runtime: Handle,
    style: Style,
}

impl Answerer {
    /// An answer not yet given, and where it will arrive.
    pub fn new(runtime: Handle, style: Style) -> (Self, oneshot::Receiver<Reply>) {
        let (head, reply) = oneshot::channel();
        (Self { head: Some(head), pieces: None, runtime, style }, reply)
    }

    fn say(&mut self, reply: Reply) -> bool {
        self.head.take().is_some_and(|head| head.send(reply).is_ok())
    }

    /// The whole answer. A request is answered once: by this, by [`Self::refuse`], or by [`Self::begin`] and its pieces.
    pub fn whole(&mut self, format: &str, bytes: Bytes, progress: Progress) {
        let reply = match self.packed(bytes) {
            Ok(bytes) => Reply::Whole { format: format.to_owned(), bytes, progress },
            Err(error) => Reply::Refused(unencodable(&error)),
        };
        self.say(reply);
    }

    /// It failed before its first byte.
    pub fn refuse(&mut self, fault: Fault) {
        self.say(Reply::Refused(fault));
    }

    /// Its first bytes; more will come, and [`Self::end`] after them. `false`: nobody reads it.
    pub fn begin(&mut self, format: &str, first: Bytes) -> bool {
        let begun = Encoder::new(self.style.encoding).and_then(|mut encoder| {
            let first = encoder.piece(self.blocked(first))?;
            Ok((first, encoder))
        });
        match begun {
            Ok((first, encoder)) => {
                let (pieces, rest) = mpsc::channel(1);
                self.pieces = Some((pieces, encoder));
                self.say(Reply::Streamed { format: format.to_owned(), first, rest })
            }
            Err(error) => {
                self.refuse(unencodable(&error));
                false
            }
        }
    }

    /// Further bytes. Blocks while the reader is behind. `false`: nobody reads it.
    pub fn piece(&mut self, bytes: Bytes) -> bool {
        let bytes = self.blocked(bytes);
        let Some((_, encoder)) = &mut self.pieces else {
            return false;
        };
        match encoder.piece(bytes) {
            Ok(bytes) => self.send(Piece::Bytes(bytes)),
            Err(error) => {
                self.break_off(&unencodable(&error));
                false
            }
        }
    }

    /// There are no more bytes.
    pub fn end(&mut self) {
        if let Some((pieces, encoder)) = self.pieces.take() {
            match encoder.finish() {
                Ok(rest) => self.hand(&pieces, Piece::Bytes(rest)),
                Err(error) => {
                    self.hand(&pieces, Piece::LastWords(last_words(&unencodable(&error), &self.style.tag)))
                }
            };
        }
    }

    /// There are no more bytes, because it failed. The exception goes through the encoder too, as ClickHouse has it.
    pub fn break_off(&mut self, fault: &Fault) {
        let words = self.blocked(last_words(fault, &self.style.tag));
        if let Some((pieces, mut encoder)) = self.pieces.take() {
            // An encoder that fails now leaves a body that breaks off, which says enough.
            let encoded = encoder.piece(words).and_then(|words| Ok([words, encoder.finish()?].concat()));
            self.hand(&pieces, Piece::LastWords(encoded.unwrap_or_default().into()));
        }
    }

    fn send(&self, piece: Piece) -> bool {
        self.pieces.as_ref().is_some_and(|(pieces, _)| self.hand(pieces, piece))
    }

    /// A reader that stands still holds a thread of the pool: it is given up after a while.
    fn hand(&self, pieces: &mpsc::Sender<Piece>, piece: Piece) -> bool {
        let sent =
            self.runtime.block_on(async { tokio::time::timeout(READ_PAUSE, pieces.send(piece)).await });
        matches!(sent, Ok(Ok(())))
    }

    fn blocked(&self, bytes: Bytes) -> Bytes {
        if self.style.blocks && !bytes.is_empty() {
            bytes.chunks(BLOCK).flat_map(block::encode).collect::<Vec<u8>>().into()
        } else {
            bytes
        }
    }

    /// A whole body. An empty one stays empty: it says so without an encoding.
    fn packed(&self, bytes: Bytes) -> io::Result<Bytes> {
        let bytes = self.blocked(bytes);
        if bytes.is_empty() || self.style.encoding == Encoding::Identity {
            return Ok(bytes);
        }
        let mut encoder = Encoder::new(self.style.encoding)?;
        Ok([encoder.piece(bytes)?, encoder.finish()?].concat().into())
    }
}

/// An exception block amid a body: the reader knows it by the tag, and by the chunked body that never ends.
fn last_words(fault: &Fault, tag: &str) -> Bytes {
    let message = format!("{}\n", fault.text);
    format!("\r\n__exception__\r\n{tag}\r\n{message}{} {tag}\r\n__exception__\r\n", message.len()).into()
}

fn unencodable(error: &io::Error) -> Fault {
    Fault::new(code::CANNOT_COMPRESS, "CANNOT_COMPRESS", format!("Cannot compress the answer: {error}"))
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
