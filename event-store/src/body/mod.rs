//! A request's body on a pool thread: bytes in, decoded, chunk by chunk. Memory holds a few chunks, however long the body.

mod charge;
mod compressed_blocks;
mod lz4_frames;
mod source;

pub use charge::Charge;
pub use source::{BodyReceiver, Source};

use crate::encoding::Encoding;
use crate::engine::{Exception, code};
use crate::limits::CHUNK_BYTES;
use bytes::Bytes;
use compressed_blocks::Blocks;
use lz4_frames::Frames;
use std::collections::VecDeque;
use std::io::{self, Read};

/// Bytes read at once by the Brotli decoder.
const BROTLI_BUFFER: usize = 16 << 10;

/// A body, decoded.
pub struct Body {
    front: VecDeque<Bytes>,
    rest: Rest,
}

enum Rest {
    Plain(Source),
    Decoded(Box<dyn Read + Send>),
}

impl Body {
    /// Undoes the encoding, and ClickHouse's blocks below it.
    pub fn new(source: Source, encoding: Encoding, blocks: bool) -> Result<Self, Exception> {
        let rest = match (encoding, blocks) {
            (Encoding::Identity, false) => Rest::Plain(source),
            (encoding, blocks) => {
                let bytes: Box<dyn Read + Send> = match encoding {
                    Encoding::Identity => Box::new(source),
                    Encoding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(source)),
                    Encoding::Deflate => Box::new(flate2::read::ZlibDecoder::new(source)),
                    Encoding::Brotli => Box::new(brotli::Decompressor::new(source, BROTLI_BUFFER)),
                    Encoding::Zstd => {
                        Box::new(zstd::stream::read::Decoder::new(source).map_err(|e| exception(&e))?)
                    }
                    Encoding::Lz4 => Box::new(Frames::new(source)),
                };
                Rest::Decoded(if blocks { Box::new(Blocks::new(bytes)) } else { bytes })
            }
        };
        Ok(Self { front: VecDeque::new(), rest })
    }

    /// The next bytes; `None` at the end. An error means that what came so far must not be kept.
    pub fn chunk(&mut self) -> Result<Option<Bytes>, Exception> {
        if let Some(chunk) = self.front.pop_front() {
            return Ok(Some(chunk));
        }
        match &mut self.rest {
            Rest::Plain(source) => source.next(),
            Rest::Decoded(bytes) => {
                let mut chunk = Vec::new();
                bytes.take(CHUNK_BYTES as u64).read_to_end(&mut chunk).map_err(|error| exception(&error))?;
                Ok((!chunk.is_empty()).then(|| chunk.into()))
            }
        }
    }

    /// Puts bytes back, to be read first.
    pub fn put_back(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.front.push_front(chunk);
        }
    }

    /// Reads on until the end, or until `text` holds more than `limit` bytes. `true`: the body has ended.
    pub fn read_text(&mut self, text: &mut Vec<u8>, limit: usize) -> Result<bool, Exception> {
        while text.len() <= limit {
            let Some(chunk) = self.chunk()? else {
                return Ok(true);
            };
            text.extend_from_slice(&chunk);
        }
        Ok(false)
    }
}

/// The exception behind a decoder's error: its own, or one from the source that it reads.
fn exception(error: &io::Error) -> Exception {
    let mut source: Option<&(dyn std::error::Error + 'static)> =
        error.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static));
    while let Some(inner) = source {
        if let Some(exception) = inner.downcast_ref::<Exception>() {
            return exception.clone();
        }
        source = match inner.downcast_ref::<io::Error>() {
            Some(nested) => nested.get_ref().map(|deeper| deeper as &(dyn std::error::Error + 'static)),
            None => inner.source(),
        };
    }
    Exception::new(
        code::CANNOT_DECOMPRESS,
        "CANNOT_DECOMPRESS",
        format!("Cannot decompress the body: {error}"),
    )
}

#[cfg(test)]
mod a_body {
    use super::*;
    use crate::block;
    use crate::response::Encoder;
    use proptest::prelude::*;
    use tokio::sync::mpsc;

    fn all(body: &mut Body) -> Result<Vec<u8>, i32> {
        let mut read = Vec::new();
        while let Some(chunk) = body.chunk().map_err(|exception| exception.code)? {
            read.extend_from_slice(&chunk);
        }
        Ok(read)
    }

    const ENCODINGS: [Encoding; 6] = [
        Encoding::Identity,
        Encoding::Gzip,
        Encoding::Deflate,
        Encoding::Brotli,
        Encoding::Zstd,
        Encoding::Lz4,
    ];

    fn encoded(encoding: Encoding, plain: &[u8]) -> Vec<u8> {
        let mut encoder = Encoder::new(encoding).expect("opens");
        [
            encoder.chunk(Bytes::copy_from_slice(plain)).expect("in memory"),
            encoder.finish().expect("in memory"),
        ]
        .concat()
    }

    /// Where the blocks of an LZ4 frame (without content size, of incompressible data) end.
    fn block_ends(frame: &[u8]) -> Vec<usize> {
        let mut ends = vec![7];
        while let Some(size) = ends.last().and_then(|at| frame.get(*at..at + 4)) {
            let size = u32::from_le_bytes(size.try_into().expect("four bytes")) & 0x7fff_ffff;
            ends.push(ends[ends.len() - 1] + 4 + size as usize);
        }
        ends.retain(|end| *end < frame.len());
        ends
    }

    fn arriving(bytes: &[u8], chunk: usize) -> Source {
        let (sender, receiver) = mpsc::channel(bytes.len() / chunk.max(1) + 1);
        for chunk in bytes.chunks(chunk.max(1)) {
            sender.try_send(Ok(Bytes::copy_from_slice(chunk))).expect("room");
        }
        Source::new(Bytes::new(), Some(receiver))
    }

    #[test]
    fn is_decoded_whatever_its_encoding() {
        let plain: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        for encoding in ENCODINGS {
            let bytes = encoded(encoding, &plain);
            for (source, blocks) in [(arriving(&bytes, 1000), false), (arriving(&bytes, bytes.len()), false)]
            {
                let read = all(&mut Body::new(source, encoding, blocks).expect("opens"));
                assert!(read.as_ref() == Ok(&plain), "{encoding:?}");
            }
        }
        let blocks: Vec<u8> = plain.chunks(65_536).flat_map(block::encode).collect();
        let inside = encoded(Encoding::Gzip, &blocks);
        for (encoding, bytes) in [(Encoding::Identity, blocks), (Encoding::Gzip, inside)] {
            let read = all(&mut Body::new(arriving(&bytes, 1000), encoding, true).expect("opens"));
            assert!(read.as_ref() == Ok(&plain), "{encoding:?}");
        }
    }

    #[test]
    fn may_be_several_frames_one_after_the_other() {
        let (one, two) = (b"first ".repeat(50_000), b"second".to_vec());
        for encoding in [Encoding::Gzip, Encoding::Zstd, Encoding::Lz4] {
            let bytes = [encoded(encoding, &one), encoded(encoding, b""), encoded(encoding, &two)].concat();
            let read = all(&mut Body::new(arriving(&bytes, 777), encoding, false).expect("opens"));
            assert!(read == Ok([one.as_slice(), &two].concat()), "{encoding:?}");
        }
    }

    #[test]
    fn cut_anywhere_is_an_error_in_every_encoding() {
        // Incompressible and longer than a block, so that some cuts fall between two blocks.
        let plain: Vec<u8> =
            (0..40_000_u64).flat_map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()).collect();
        for encoding in ENCODINGS.into_iter().filter(|encoding| *encoding != Encoding::Identity) {
            let whole = encoded(encoding, &plain);
            let last = whole.len() - 1;
            for cut in
                (1..100).chain((100..last).step_by(997)).chain(last - 70..=last).chain(block_ends(&whole))
            {
                let source = Source::new(Bytes::copy_from_slice(&whole[..cut]), None);
                let read = all(&mut Body::new(source, encoding, false).expect("opens"));
                assert_eq!(
                    read.map(|bytes| bytes.len()),
                    Err(271),
                    "{encoding:?} cut at {cut} of {}",
                    whole.len()
                );
            }
        }
    }

    #[test]
    fn that_breaks_off_is_an_error_and_not_an_end() {
        let (sender, receiver) = mpsc::channel(4);
        sender.try_send(Ok(Bytes::from_static(b"abc"))).expect("room");
        sender.try_send(Err(Exception::new(95, "CANNOT_READ_FROM_SOCKET", "gone"))).expect("room");
        drop(sender);
        let source = Source::new(Bytes::new(), Some(receiver));
        assert_eq!(all(&mut Body::new(source, Encoding::Identity, false).expect("opens")), Err(95));

        let whole = block::encode(&[1; 1000]);
        for end in 1..whole.len() {
            let source = Source::new(Bytes::copy_from_slice(&whole[..end]), None);
            assert!(all(&mut Body::new(source, Encoding::Identity, true).expect("opens")).is_err(), "{end}");
        }
    }

    #[test]
    fn of_compressed_blocks_says_what_is_wrong() {
        let mut damaged = block::encode(b"abc");
        *damaged.last_mut().expect("not empty") ^= 1;
        let source = Source::new(damaged.into(), None);
        assert_eq!(all(&mut Body::new(source, Encoding::Identity, true).expect("opens")), Err(40));
    }

    proptest! {
        #[test]
        fn may_be_any_bytes_in_any_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..300), blocks: bool) {
            for encoding in ENCODINGS {
                let source = Source::new(Bytes::copy_from_slice(&bytes), None);
                let _ = all(&mut Body::new(source, encoding, blocks).expect("opens"));
            }
        }
    }
}
