//! Brotli in the smallest window that a body needs. Pure.

use std::io::{self, Read};

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};

/// Undoes Brotli as RFC 7932 has it, in a window that is no larger than what the body may become: the decoder fills its window before it
/// gives anything out, and a few dozen bytes can fill 16 MiB.
pub(super) struct Brotli<'a> {
    /// The first byte, which names the window.
    first: [u8; 1],
    body: &'a [u8],
    /// Bytes taken of the body.
    at: usize,
    total: usize,
    /// The window that it has, as a power of two.
    pub(super) window_log: u32,
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
}

impl<'a> Brotli<'a> {
    /// `None` if the body names no window.
    pub(super) fn new(body: &'a [u8], most: usize) -> Option<Self> {
        let (mut first, mut window_log) = (*body.first()?, window_log(*body.first()?)?);
        // Bytes that are further behind than there are bytes are not asked for: a body that fits reads the same in both windows. The
        // larger ones are named by four bits each.
        for smaller in SMALLEST_NAMED_BY_FOUR_BITS..window_log {
            if (1 << smaller) - WINDOW_GAP > most {
                first = first & 0xf0 | 1 | ((smaller - 17) << 1) as u8;
                window_log = smaller;
                break;
            }
        }
        let alloc = StandardAlloc::default;
        let state = BrotliState::new_strict(alloc(), alloc(), alloc());
        Some(Self { first: [first], body, at: 0, total: 0, window_log, state })
    }
}

/// Windows from 256 KiB on.
const SMALLEST_NAMED_BY_FOUR_BITS: u32 = 18;
/// By so many bytes a window is smaller than a power of two.
const WINDOW_GAP: usize = 16;

/// The window that a body's first byte names (RFC 7932, 9.1), as a power of two; `None` for the extension to a gigabyte.
pub(super) fn window_log(first: u8) -> Option<u32> {
    match (first & 1, first >> 1 & 7, first >> 4 & 7) {
        (0, ..) => Some(16),
        (_, 0, 0) => Some(17),
        (_, 0, 1) => None,
        (_, 0, low) => Some(8 + u32::from(low)),
        (_, high, _) => Some(17 + u32::from(high)),
    }
}

impl Read for Brotli<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            let input = if self.at == 0 { &self.first[..] } else { self.body };
            let (mut left, mut free, mut written) = (input.len() - self.at, room.len(), 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut self.at,
                input,
                &mut free,
                &mut written,
                room,
                &mut self.total,
                &mut self.state,
            );
            let rest = self.body.len() - self.at;
            return match result {
                BrotliResult::NeedsMoreInput if written == 0 && left == 0 && rest > 0 => continue,
                BrotliResult::ResultSuccess if written == 0 && rest > 0 => {
                    Err(io::Error::new(io::ErrorKind::InvalidData, "something follows its end"))
                }
                BrotliResult::ResultSuccess | BrotliResult::NeedsMoreOutput => Ok(written),
                // What was written is told first; the next call ends the same way.
                BrotliResult::NeedsMoreInput if written > 0 => Ok(written),
                BrotliResult::NeedsMoreInput => Err(io::ErrorKind::UnexpectedEof.into()),
                BrotliResult::ResultFailure => Err(io::ErrorKind::InvalidData.into()),
            };
        }
    }
}
