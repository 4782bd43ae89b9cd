//! Writes a query's result into its HTTP response, from a pool thread: whole, or chunk by chunk.

use super::Allowance;
use super::encoder::Encoder;
use crate::block;
use crate::encoding::Encoding;
use crate::engine::{Exception, Progress, code};
use crate::limits::READ_PAUSE;
use bytes::Bytes;
use std::io;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// Bytes of a whole result compressed as one block.
const BLOCK: usize = 1 << 20;

/// The beginning of a response.
pub enum QueryResult {
    /// An exception before the first byte.
    Exception(Exception),
    /// Everything.
    Whole {
        /// The result's format.
        format: String,
        /// The result, encoded.
        bytes: Bytes,
        /// What it took.
        progress: Progress,
        /// Its share of what whole answers may hold together.
        held: Option<OwnedSemaphorePermit>,
    },
    /// The first bytes of a long result.
    Streamed {
        /// The result's format.
        format: String,
        /// Its first bytes, encoded.
        first: Bytes,
        /// The others.
        rest: mpsc::Receiver<Chunk>,
    },
}

/// A part of a long result after its first, encoded.
pub enum Chunk {
    /// Further bytes.
    Bytes(Bytes),
    /// The last ones. A result that ends without them is cut short.
    Last(Bytes),
    /// An exception block, after which there are no more.
    Exception(Bytes),
}

/// How a response is encoded.
#[derive(Debug, Clone)]
pub struct ResponseOptions {
    /// ClickHouse's own blocks around the result.
    pub compress: bool,
    /// HTTP's encoding around that.
    pub encoding: Encoding,
    /// Marks an exception amid the result.
    pub tag: String,
    /// Its bounds, where it has any.
    pub allowance: Option<Allowance>,
}

/// Writes one response. Dropped without a result, it leaves the request unanswered.
pub struct ResponseWriter {
    head: Option<oneshot::Sender<QueryResult>>,
    chunks: Option<(mpsc::Sender<Chunk>, Encoder)>,
    runtime: Handle,
    options: ResponseOptions,
}

impl ResponseWriter {
    /// A writer, and where the beginning of its response will arrive.
    pub fn new(runtime: Handle, options: ResponseOptions) -> (Self, oneshot::Receiver<QueryResult>) {
        let (head, result) = oneshot::channel();
        (Self { head: Some(head), chunks: None, runtime, options }, result)
    }

    fn send_first(&mut self, result: QueryResult) -> bool {
        self.head.take().is_some_and(|head| head.send(result).is_ok())
    }

    /// Sends the whole result. A request is answered once: by this, by [`Self::send_exception`], or by [`Self::start_stream`].
    pub fn send_whole(&mut self, format: &str, bytes: Bytes, progress: Progress) {
        let result = self.whole(format, bytes, progress).unwrap_or_else(QueryResult::Exception);
        self.send_first(result);
    }

    fn whole(&self, format: &str, bytes: Bytes, progress: Progress) -> Result<QueryResult, Exception> {
        if self.options.allowance.is_some() {
            Allowance::check_whole(bytes.len())?;
        }
        // Its share is taken before it is encoded, which makes another of it.
        let held = match &self.options.allowance {
            Some(allowance) => allowance.hold(&self.runtime, bytes.len())?,
            None => None,
        };
        let bytes = self.encoded(bytes).map_err(|error| cannot_compress(&error))?;
        // Copied, as the engine's buffer may be twice as large as what is in it.
        let bytes = if held.is_some() { Bytes::copy_from_slice(&bytes) } else { bytes };
        Ok(QueryResult::Whole { format: format.to_owned(), bytes, progress, held })
    }

    /// Charges further bytes of a long result. An exception: there may be no more of it.
    pub fn charge(&mut self, bytes: usize) -> Result<(), Exception> {
        self.options.allowance.as_mut().map_or(Ok(()), |allowance| allowance.charge(bytes))
    }

    /// What the caller may read of an exception.
    fn told(&self, exception: Exception) -> Exception {
        match &self.options.allowance {
            Some(allowance) => allowance.conceal(exception),
            None => exception,
        }
    }

    /// Sends an exception instead of a result.
    pub fn send_exception(&mut self, exception: Exception) {
        let exception = self.told(exception);
        self.send_first(QueryResult::Exception(exception));
    }

    /// Sends the first bytes; [`Self::send_chunk`] and [`Self::finish`] follow. `false`: the client has gone.
    pub fn start_stream(&mut self, format: &str, first: Bytes) -> bool {
        let begun = Encoder::new(self.options.encoding).and_then(|mut encoder| {
            let first = encoder.chunk(self.compressed(first))?;
            Ok((first, encoder))
        });
        match begun {
            Ok((first, encoder)) => {
                let (chunks, rest) = mpsc::channel(1);
                self.chunks = Some((chunks, encoder));
                self.send_first(QueryResult::Streamed { format: format.to_owned(), first, rest })
            }
            Err(error) => {
                self.send_exception(cannot_compress(&error));
                false
            }
        }
    }

    /// Sends further bytes. Blocks while the client reads too slowly. `false`: the client has gone.
    pub fn send_chunk(&mut self, bytes: Bytes) -> bool {
        let bytes = self.compressed(bytes);
        let Some((_, encoder)) = &mut self.chunks else {
            return false;
        };
        match encoder.chunk(bytes) {
            Ok(bytes) => self.send_next(Chunk::Bytes(bytes)),
            Err(error) => {
                self.fail(&cannot_compress(&error));
                false
            }
        }
    }

    /// Ends the result where it is: its client has not read it, and shall not take it for whole if it reads on.
    pub fn abandon(&mut self) {
        self.chunks = None;
    }

    /// Ends the result.
    pub fn finish(&mut self) {
        if let Some((chunks, encoder)) = self.chunks.take() {
            match encoder.finish() {
                Ok(rest) => self.send_or_give_up(&chunks, Chunk::Last(rest)),
                Err(error) => self.send_or_give_up(
                    &chunks,
                    Chunk::Exception(exception_block(&cannot_compress(&error), &self.options.tag)),
                ),
            };
        }
    }

    /// Ends the result with an exception, which is encoded like the result, as ClickHouse does it.
    pub fn fail(&mut self, exception: &Exception) {
        let exception = self.told(exception.clone());
        let block = self.compressed(exception_block(&exception, &self.options.tag));
        if let Some((chunks, mut encoder)) = self.chunks.take() {
            // If the encoder fails as well, the body ends early without the exception.
            let encoded = encoder.chunk(block).and_then(|block| Ok([block, encoder.finish()?].concat()));
            self.send_or_give_up(&chunks, Chunk::Exception(encoded.unwrap_or_default().into()));
        }
    }

    fn send_next(&self, chunk: Chunk) -> bool {
        self.chunks.as_ref().is_some_and(|(chunks, _)| self.send_or_give_up(chunks, chunk))
    }

    /// Gives up after a while: a client that does not read would hold a thread of the pool.
    fn send_or_give_up(&self, chunks: &mpsc::Sender<Chunk>, chunk: Chunk) -> bool {
        let pause = self.options.allowance.as_ref().map_or(READ_PAUSE, Allowance::pause);
        let sent = self.runtime.block_on(async { tokio::time::timeout(pause, chunks.send(chunk)).await });
        matches!(sent, Ok(Ok(())))
    }

    fn compressed(&self, bytes: Bytes) -> Bytes {
        if self.options.compress && !bytes.is_empty() {
            bytes.chunks(BLOCK).flat_map(block::encode).collect::<Vec<u8>>().into()
        } else {
            bytes
        }
    }

    /// Encodes a whole body. An empty one stays empty.
    fn encoded(&self, bytes: Bytes) -> io::Result<Bytes> {
        let bytes = self.compressed(bytes);
        if bytes.is_empty() || self.options.encoding == Encoding::Identity {
            return Ok(bytes);
        }
        let mut encoder = Encoder::new(self.options.encoding)?;
        Ok([encoder.chunk(bytes)?, encoder.finish()?].concat().into())
    }
}

/// ClickHouse's exception block within a body: clients recognise it by the tag, and by the chunked body that has no end.
fn exception_block(exception: &Exception, tag: &str) -> Bytes {
    let message = format!("{}\n", exception.text);
    format!("\r\n__exception__\r\n{tag}\r\n{message}{} {tag}\r\n__exception__\r\n", message.len()).into()
}

fn cannot_compress(error: &io::Error) -> Exception {
    Exception::new(code::CANNOT_COMPRESS, "CANNOT_COMPRESS", format!("Cannot compress the response: {error}"))
}

#[cfg(test)]
mod an_exception_within_a_result {
    use super::*;

    #[test]
    fn is_written_with_its_length() {
        let exception = Exception { code: 395, text: "Code: 395. DB::Exception: boom".to_owned() };
        assert_eq!(
            exception_block(&exception, "abcdefghijklmnop"),
            "\r\n__exception__\r\nabcdefghijklmnop\r\nCode: 395. DB::Exception: boom\n31 abcdefghijklmnop\r\n__exception__\r\n"
        );
    }
}
