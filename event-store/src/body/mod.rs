//! A request's body on a pool thread: bytes in, decoded, piece by piece. Memory holds a few pieces, however long the body.

mod blocks;
mod source;

pub use source::{Arriving, Source};

use crate::engine::{Fault, code};
use crate::limits::PIECE_BYTES;
use blocks::Blocks;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io::{self, Read};

/// How a body is encoded on the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    #[default]
    Identity,
    /// gzip, of any number of members.
    Gzip,
    /// zlib.
    Deflate,
    /// Zstandard.
    Zstd,
    /// LZ4 frames.
    Lz4,
}

impl Encoding {
    /// Reads a `Content-Encoding`.
    pub fn parse(value: &str) -> Result<Self, Fault> {
        Ok(match value.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Self::Identity,
            "gzip" | "x-gzip" => Self::Gzip,
            "deflate" => Self::Deflate,
            "zstd" => Self::Zstd,
            "lz4" => Self::Lz4,
            other => {
                let message = format!("Unknown Content-Encoding '{}'", other.escape_default());
                return Err(Fault::new(
                    code::UNKNOWN_COMPRESSION_METHOD,
                    "UNKNOWN_COMPRESSION_METHOD",
                    message,
                ));
            }
        })
    }
}

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
    pub fn new(source: Source, encoding: Encoding, blocks: bool) -> Result<Self, Fault> {
        let rest = match (encoding, blocks) {
            (Encoding::Identity, false) => Rest::Plain(source),
            (encoding, blocks) => {
                let bytes: Box<dyn Read + Send> = match encoding {
                    Encoding::Identity => Box::new(source),
                    Encoding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(source)),
                    Encoding::Deflate => Box::new(flate2::read::ZlibDecoder::new(source)),
                    Encoding::Zstd => {
                        Box::new(zstd::stream::read::Decoder::new(source).map_err(|e| fault(&e))?)
                    }
                    Encoding::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(source)),
                };
                Rest::Decoded(if blocks { Box::new(Blocks::new(bytes)) } else { bytes })
            }
        };
        Ok(Self { front: VecDeque::new(), rest })
    }

    /// The next bytes; `None` at the end. An error means that what came so far must not be kept.
    pub fn piece(&mut self) -> Result<Option<Bytes>, Fault> {
        if let Some(piece) = self.front.pop_front() {
            return Ok(Some(piece));
        }
        match &mut self.rest {
            Rest::Plain(source) => source.next(),
            Rest::Decoded(bytes) => {
                let mut piece = Vec::new();
                bytes.take(PIECE_BYTES as u64).read_to_end(&mut piece).map_err(|error| fault(&error))?;
                Ok((!piece.is_empty()).then(|| piece.into()))
            }
        }
    }

    /// Puts bytes back, to be read first.
    pub fn put_back(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.front.push_front(piece);
        }
    }

    /// Reads on until the end, or until `text` holds more than `limit` bytes. `true`: the body has ended.
    pub fn read_text(&mut self, text: &mut Vec<u8>, limit: usize) -> Result<bool, Fault> {
        while text.len() <= limit {
            let Some(piece) = self.piece()? else {
                return Ok(true);
            };
            text.extend_from_slice(&piece);
        }
        Ok(false)
    }
}

/// The fault that a decoder met, its own or one from below it.
fn fault(error: &io::Error) -> Fault {
    let mut source: Option<&(dyn std::error::Error + 'static)> =
        error.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static));
    while let Some(inner) = source {
        if let Some(fault) = inner.downcast_ref::<Fault>() {
            return fault.clone();
        }
        source = match inner.downcast_ref::<io::Error>() {
            Some(nested) => nested.get_ref().map(|deeper| deeper as &(dyn std::error::Error + 'static)),
            None => inner.source(),
        };
    }
    Fault::new(code::CANNOT_DECOMPRESS, "CANNOT_DECOMPRESS", format!("Cannot decompress the body: {error}"))
}

#[cfg(test)]
mod a_body {
    use super::*;
    use crate::block;
    use proptest::prelude::*;
    use std::io::Write;
    use tokio::sync::mpsc;

    fn all(body: &mut Body) -> Result<Vec<u8>, i32> {
        let mut read = Vec::new();
        while let Some(piece) = body.piece().map_err(|fault| fault.code)? {
            read.extend_from_slice(&piece);
        }
        Ok(read)
    }

    fn arriving(bytes: &[u8], piece: usize) -> Source {
        let (sender, receiver) = mpsc::channel(bytes.len() / piece.max(1) + 1);
        for piece in bytes.chunks(piece.max(1)) {
            sender.try_send(Ok(Bytes::copy_from_slice(piece))).expect("room");
        }
        Source::new(Bytes::new(), Some(receiver))
    }

    #[test]
    fn is_decoded_whatever_its_encoding() {
        let plain: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).expect("in memory");
        let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
        lz4.write_all(&plain).expect("in memory");
        let blocks: Vec<u8> = plain.chunks(65_536).flat_map(block::encode).collect();
        for (name, bytes, native) in [
            ("identity", plain.clone(), false),
            ("gzip", gzip.finish().expect("in memory"), false),
            ("zstd", zstd::encode_all(plain.as_slice(), 1).expect("in memory"), false),
            ("lz4", lz4.finish().expect("in memory"), false),
            ("identity", blocks, true),
        ] {
            let source = arriving(&bytes, 1000);
            let encoding = Encoding::parse(name).expect("known");
            let read = all(&mut Body::new(source, encoding, native).expect("opens"));
            assert!(read == Ok(plain.clone()), "{name} {native}");
        }
    }

    #[test]
    fn that_breaks_off_is_an_error_and_not_an_end() {
        let (sender, receiver) = mpsc::channel(4);
        sender.try_send(Ok(Bytes::from_static(b"abc"))).expect("room");
        sender.try_send(Err(Fault::new(95, "CANNOT_READ_FROM_SOCKET", "gone"))).expect("room");
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
            for name in ["gzip", "deflate", "zstd", "lz4", "identity"] {
                let source = Source::new(Bytes::copy_from_slice(&bytes), None);
                let encoding = Encoding::parse(name).expect("known");
                let _ = all(&mut Body::new(source, encoding, blocks).expect("opens"));
            }
        }
    }
}
