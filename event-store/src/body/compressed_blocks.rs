//! Decodes a stream of ClickHouse's compressed blocks.

use crate::block::{self, HEADER, Header, Malformed};
use crate::engine::{Exception, code};
use std::io::{self, Read};

/// Reads compressed blocks; holds one decoded block in memory.
pub(super) struct Blocks<R> {
    bytes: R,
    plain: io::Cursor<Vec<u8>>,
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(bytes: R) -> Self {
        Self { bytes, plain: io::Cursor::new(Vec::new()) }
    }

    /// Reads a further block; `false` at the end.
    fn advance(&mut self) -> io::Result<bool> {
        let mut head = [0; HEADER];
        let mut filled = 0;
        while filled < HEADER {
            match self.bytes.read(&mut head[filled..])? {
                0 if filled == 0 => return Ok(false),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => filled += length,
            }
        }
        let header = Header::parse(&head).map_err(|error| malformed(&error))?;
        let mut block = head.to_vec();
        // Only as much is allocated as has arrived, whatever size the header says.
        let arrived = (&mut self.bytes).take(header.follows as u64).read_to_end(&mut block)?;
        if arrived < header.follows {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.plain = io::Cursor::new(block::decode(&block).map_err(|error| malformed(&error))?);
        Ok(true)
    }
}

impl<R: Read> Read for Blocks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.plain.read(buffer)?;
            if length > 0 || buffer.is_empty() || !self.advance()? {
                return Ok(length);
            }
        }
    }
}

fn malformed(error: &Malformed) -> io::Error {
    let (code, name) = match error {
        Malformed::Checksum => (code::CHECKSUM_DOESNT_MATCH, "CHECKSUM_DOESNT_MATCH"),
        Malformed::Method(_) => (code::UNKNOWN_COMPRESSION_METHOD, "UNKNOWN_COMPRESSION_METHOD"),
        Malformed::Size(_) => (code::TOO_LARGE_SIZE_COMPRESSED, "TOO_LARGE_SIZE_COMPRESSED"),
        Malformed::Data(_) => (code::CANNOT_DECOMPRESS, "CANNOT_DECOMPRESS"),
    };
    io::Error::other(Exception::new(code, name, error.to_string()))
}
