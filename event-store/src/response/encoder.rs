//! An answer's bytes, encoded as the client accepts them.

use crate::encoding::Encoding;
use bytes::Bytes;
use flate2::write::{GzEncoder, ZlibEncoder};
use lz4_flex::frame::FrameEncoder;
use std::io::{self, Write};

/// ClickHouse's default of `http_zlib_compression_level`, which it uses for every method.
const LEVEL: u32 = 3;

/// Bytes that the Brotli encoder hands on at once, and the logarithm of its window.
const BROTLI_BUFFER: usize = 16 << 10;
const BROTLI_WINDOW: u32 = 20;

/// Encodes one body chunk by chunk: what has gone in comes out at once, so that a result can be read while it grows.
pub struct Encoder(Option<Box<dyn Method>>);

trait Method: Write + Send {
    /// What has been encoded and not yet been taken.
    fn out(&mut self) -> &mut Vec<u8>;
    /// The rest, after which there is no more.
    fn end(self: Box<Self>) -> io::Result<Vec<u8>>;
}

macro_rules! methods {
    ($($encoder:ty: $end:expr;)*) => {
        $(impl Method for $encoder {
            fn out(&mut self) -> &mut Vec<u8> {
                self.get_mut()
            }
            fn end(self: Box<Self>) -> io::Result<Vec<u8>> {
                let end: fn(Self) -> io::Result<Vec<u8>> = $end;
                end(*self)
            }
        })*
    };
}

methods! {
    GzEncoder<Vec<u8>>: GzEncoder::finish;
    ZlibEncoder<Vec<u8>>: ZlibEncoder::finish;
    brotli::CompressorWriter<Vec<u8>>: |encoder| Ok(encoder.into_inner());
    zstd::stream::write::Encoder<'static, Vec<u8>>: zstd::stream::write::Encoder::finish;
    FrameEncoder<Vec<u8>>: |encoder| encoder.finish().map_err(io::Error::other);
}

impl Encoder {
    /// An encoder for one body.
    pub fn new(encoding: Encoding) -> io::Result<Self> {
        let (out, level) = (Vec::new(), flate2::Compression::new(LEVEL));
        Ok(Self(match encoding {
            Encoding::Identity => None,
            Encoding::Gzip => Some(Box::new(GzEncoder::new(out, level))),
            Encoding::Deflate => Some(Box::new(ZlibEncoder::new(out, level))),
            Encoding::Brotli => {
                Some(Box::new(brotli::CompressorWriter::new(out, BROTLI_BUFFER, LEVEL, BROTLI_WINDOW)))
            }
            Encoding::Zstd => Some(Box::new(zstd::stream::write::Encoder::new(out, LEVEL.cast_signed())?)),
            Encoding::Lz4 => Some(Box::new(FrameEncoder::new(out))),
        }))
    }

    /// Encodes a chunk.
    pub fn chunk(&mut self, plain: Bytes) -> io::Result<Bytes> {
        let Some(method) = &mut self.0 else {
            return Ok(plain);
        };
        method.write_all(&plain)?;
        method.flush()?;
        Ok(std::mem::take(method.out()).into())
    }

    /// What follows the last chunk.
    pub fn finish(self) -> io::Result<Bytes> {
        self.0.map_or_else(|| Ok(Bytes::new()), |method| method.end().map(Bytes::from))
    }
}
