//! Undoing `Content-Encoding`, bounded by what a body is when it arrives and by what it becomes: a bomb costs little. Pure.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::GzDecoder;

use crate::memory_budget::{Exhausted, Reservation};
use window::Brotli;

mod window;

/// Encodings that the edge undoes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// Brotli.
    Brotli,
}

impl Encoding {
    /// What a `Content-Encoding` header names; `None` for one that is not undone here.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        Some(match header.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Self::Identity,
            "gzip" | "x-gzip" => Self::Gzip,
            "zstd" => Self::Zstd,
            "br" => Self::Brotli,
            _ => return None,
        })
    }
}

/// Largest window that a zstd frame may ask for, as a power of two: 8 MiB, what browsers allow themselves.
const ZSTD_WINDOW_LOG: u32 = 23;
/// What any compressed body may hold, however small it is: a page's script sends less at once, and it costs less than a
/// tenth of a millisecond.
const FLOOR_BYTES: usize = 64 * 1024;
/// How many times as large as it arrived a body may become beyond that. 64 KiB of one event again and again, without an id and with
/// nothing changing but its time, reach 41 (gzip), 76 (zstd) and 74 (Brotli) at their slowest settings (`honest_batches_pass`).
const MOST_EXPANSION: usize = 250;
/// Most members (gzip) or frames (zstd) of a body. Each may be empty and costs a decoder of its own; programs write one.
const MOST_PARTS: usize = 8;
/// What a decoder takes beside its window, bytes.
const DECODER_BYTES: usize = 128 * 1024;
/// What is taken for the first plain bytes.
const FIRST_BYTES: usize = 4 * 1024;

/// The plain body, of `limit` bytes at most. `memory` stands for the body before, and for the plain one afterwards; what is taken
/// meanwhile is charged to it as well.
///
/// # Errors
/// [`InflateError`].
pub fn inflate(
    encoding: Encoding,
    body: Bytes,
    limit: usize,
    memory: &mut Reservation,
) -> Result<Bytes, InflateError> {
    if encoding == Encoding::Identity {
        return if body.len() > limit { Err(InflateError::TooLarge { limit }) } else { Ok(body) };
    }
    memory.grow(DECODER_BYTES)?;
    let most = limit.min(FLOOR_BYTES.max(body.len().saturating_mul(MOST_EXPANSION)));
    let mut plain = Plain { bytes: Vec::new(), most, limit, memory };
    match encoding {
        Encoding::Identity => {}
        Encoding::Gzip => by_parts(&body, |part| {
            let mut decoder = GzDecoder::new(part);
            plain.read(&mut decoder)?;
            Ok(decoder.into_inner())
        })?,
        Encoding::Zstd => by_parts(&body, |part| {
            let mut decoder = zstd::Decoder::with_buffer(part).map_err(InflateError::Damaged)?.single_frame();
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(InflateError::Damaged)?;
            plain.read(&mut decoder)?;
            Ok(decoder.finish())
        })?,
        Encoding::Brotli => {
            let mut decoder = Brotli::new(&body, most).ok_or_else(|| invalid("it begins with no window"))?;
            plain.memory.grow(1 << decoder.window_log)?;
            plain.read(&mut decoder)?;
        }
    }
    let Plain { bytes, memory, .. } = plain;
    memory.shrink_to(bytes.capacity());
    Ok(bytes.into())
}

/// Undoes each part of a body, of which `undo` gives back what follows it.
fn by_parts<'a>(
    body: &'a [u8],
    mut undo: impl FnMut(&'a [u8]) -> Result<&'a [u8], InflateError>,
) -> Result<(), InflateError> {
    let mut rest = body;
    for _ in 0..MOST_PARTS {
        rest = undo(rest)?;
        if rest.is_empty() {
            return Ok(());
        }
    }
    Err(invalid("it consists of too many parts"))
}

fn invalid(what: &'static str) -> InflateError {
    InflateError::Damaged(io::Error::new(io::ErrorKind::InvalidData, what))
}

/// A plain body under way.
struct Plain<'m> {
    bytes: Vec<u8>,
    /// What it may become, by its size as it arrived.
    most: usize,
    /// What any body may become.
    limit: usize,
    memory: &'m mut Reservation,
}

impl Plain<'_> {
    /// Takes all that a decoder gives.
    fn read(&mut self, decoder: &mut impl Read) -> Result<(), InflateError> {
        loop {
            if self.bytes.len() == self.bytes.capacity() {
                self.grow()?;
            }
            let room = self.bytes.capacity() - self.bytes.len();
            let read = Read::take(&mut *decoder, room as u64).read_to_end(&mut self.bytes);
            let read = read.map_err(InflateError::Damaged)?;
            if self.bytes.len() > self.most {
                return Err(match self.limit {
                    limit if self.most < limit => InflateError::Expands,
                    limit => InflateError::TooLarge { limit },
                });
            }
            if read < room {
                return Ok(());
            }
        }
    }

    /// Makes room, up to one byte more than the body may have, which tells that it has too many.
    fn grow(&mut self) -> Result<(), InflateError> {
        let capacity = (2 * self.bytes.capacity()).max(FIRST_BYTES).min(self.most + 1);
        // Once for the bytes, and once for the window in which the decoder holds them, too.
        self.memory.grow(2 * (capacity - self.bytes.capacity()))?;
        self.bytes.reserve_exact(capacity - self.bytes.len());
        Ok(())
    }
}

/// Why a body has no plain form.
#[derive(Debug, thiserror::Error)]
pub enum InflateError {
    /// Not what the header says it is, or cut short. Permanent: the same bytes fail again.
    #[error("the compressed body is damaged: {0}")]
    Damaged(#[source] io::Error),
    /// More than a body may be. Permanent.
    #[error("the body is larger than {limit} bytes when decompressed")]
    TooLarge {
        /// What a plain body may be, bytes.
        limit: usize,
    },
    /// Much more than its size lets expect. Permanent.
    #[error("the body is more than {MOST_EXPANSION} times as large when decompressed")]
    Expands,
    /// There is no memory for it now. Transient.
    #[error(transparent)]
    Overloaded(#[from] Exhausted),
}

#[cfg(test)]
mod tests;
