//! Undoing `Content-Encoding`, bounded by what a body is when it arrives and by what it becomes: a bomb costs little. Pure.

use std::io::{self, Read};

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use bytes::Bytes;
use flate2::bufread::GzDecoder;

use crate::memory_budget::{Exhausted, Reservation};

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

/// Undoes Brotli as RFC 7932 has it, in a window that is no larger than what the body may become: the decoder fills its window before it
/// gives anything out, and a few dozen bytes can fill 16 MiB.
struct Brotli<'a> {
    /// The first byte, which names the window.
    first: [u8; 1],
    body: &'a [u8],
    /// Bytes taken of the body.
    at: usize,
    total: usize,
    window_log: u32,
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
}

impl<'a> Brotli<'a> {
    /// `None` if the body names no window.
    fn new(body: &'a [u8], most: usize) -> Option<Self> {
        let (mut first, mut window_log) = (*body.first()?, brotli_window_log(*body.first()?)?);
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
fn brotli_window_log(first: u8) -> Option<u32> {
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
mod tests {
    use super::*;
    use crate::memory_budget::MemoryBudget;
    use proptest::prelude::*;
    use std::io::Write;

    const LIMIT: usize = 2 << 20;
    const ALL: [Encoding; 3] = [Encoding::Gzip, Encoding::Zstd, Encoding::Brotli];

    fn deflate(encoding: Encoding, plain: &[u8]) -> Bytes {
        let packed = match encoding {
            Encoding::Identity => plain.to_vec(),
            Encoding::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(plain).expect("memory");
                encoder.finish().expect("memory")
            }
            Encoding::Zstd => zstd::encode_all(plain, 3).expect("memory"),
            Encoding::Brotli => {
                let mut packed = Vec::new();
                brotli::CompressorWriter::new(&mut packed, 4096, 5, 20).write_all(plain).expect("memory");
                packed
            }
        };
        packed.into()
    }

    #[test]
    fn a_brotli_body_is_the_same_in_the_window_that_it_needs() {
        // Repeats that are far apart, so that the window is used.
        let unit: Vec<u8> =
            (0..90_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for plain in [unit.repeat(3), unit[..60_000].to_vec(), b"abcdefgh".repeat(1000)] {
            for log in 10..=24 {
                let mut packed = Vec::new();
                brotli::CompressorWriter::new(&mut packed, 4096, 9, log).write_all(&plain).expect("memory");
                assert_eq!(brotli_window_log(packed[0]), Some(log));
                assert!(inflate(Encoding::Brotli, packed.into(), LIMIT).expect("whole") == plain, "{log}");
            }
        }
        for (most, log) in [(64 << 10, 18), (1 << 18, 19), (LIMIT, 22)] {
            assert_eq!(Brotli::new(&[0x0f], most).expect("the largest").window_log, log);
            assert_eq!(Brotli::new(&[0x00], most).expect("the default").window_log, 16);
        }
    }

    /// As the edge calls it, with a budget of its own that must be as it was afterwards.
    fn inflate(encoding: Encoding, body: Bytes, limit: usize) -> Result<Bytes, InflateError> {
        let budget = MemoryBudget::new(64 << 20);
        let mut memory = budget.reservation();
        memory.grow(body.len()).expect("free");
        let plain = super::inflate(encoding, body, limit, &mut memory);
        if let Ok(plain) = &plain {
            assert!((plain.len()..=plain.len() * 2 + FIRST_BYTES).contains(&memory.bytes()), "{encoding:?}");
        }
        drop(memory);
        assert_eq!(budget.held(), 0);
        plain
    }

    #[test]
    fn bombs_are_refused_before_they_have_grown() {
        let (large, within) = (vec![b'['; 64 << 20], b"[],".repeat(LIMIT / 3 - 10));
        for encoding in ALL {
            let packed = deflate(encoding, &large);
            assert!(packed.len() < 100_000, "{encoding:?} {}", packed.len());
            let refused = inflate(encoding, packed, LIMIT);
            assert!(
                matches!(refused, Err(InflateError::Expands | InflateError::TooLarge { .. })),
                "{encoding:?}"
            );
            let refused = inflate(encoding, deflate(encoding, &within), LIMIT);
            assert!(matches!(refused, Err(InflateError::Expands)), "{encoding:?} {refused:?}");
        }
        assert!(matches!(
            inflate(Encoding::Identity, vec![0; LIMIT + 1].into(), LIMIT),
            Err(InflateError::TooLarge { .. })
        ));
    }

    #[test]
    fn small_bodies_may_expand_as_they_like_and_large_ones_within_reason() {
        for encoding in ALL {
            let floor = vec![b' '; FLOOR_BYTES];
            assert_eq!(
                inflate(encoding, deflate(encoding, &floor), LIMIT).expect("small").len(),
                FLOOR_BYTES
            );
            let more = vec![b' '; FLOOR_BYTES + 1];
            assert!(matches!(inflate(encoding, deflate(encoding, &more), LIMIT), Err(InflateError::Expands)));
        }
    }

    #[test]
    fn a_decoder_takes_no_more_memory_than_there_is() {
        let body = deflate(Encoding::Zstd, &"abc".repeat(10_000).into_bytes());
        let budget = MemoryBudget::new(400_000);
        let mut memory = budget.reservation();
        assert!(matches!(
            super::inflate(Encoding::Zstd, body, LIMIT, &mut memory),
            Err(InflateError::Overloaded(_))
        ));
    }

    #[test]
    fn a_body_has_few_parts() {
        for encoding in [Encoding::Gzip, Encoding::Zstd] {
            let part = deflate(encoding, b"abc");
            let parts = |count: usize| inflate(encoding, part.repeat(count).into(), LIMIT);
            assert_eq!(parts(MOST_PARTS).expect("few").len(), MOST_PARTS * 3);
            assert!(matches!(parts(MOST_PARTS + 1), Err(InflateError::Damaged(_))));
        }
        for encoding in ALL {
            let followed = [&deflate(encoding, b"abc")[..], b"rubbish"].concat();
            assert!(matches!(inflate(encoding, followed.into(), LIMIT), Err(InflateError::Damaged(_))));
        }
    }

    #[test]
    fn a_brotli_window_beyond_the_standards_is_refused() {
        // A large window of 2^30 bytes, as `brotli --large_window=30` begins.
        let refused = inflate(
            Encoding::Brotli,
            Bytes::from_static(&[0x11, 0x1e, 0x0b, 0x02, 0x80, 0x61, 0x62, 0x63, 0x03]),
            LIMIT,
        );
        assert!(matches!(refused, Err(InflateError::Damaged(_))), "{refused:?}");
    }

    /// The most repetitive that people send: one event again and again, without ids, with nothing but the time changing,
    /// packed as tightly as it can be. Beyond the floor the bound lies above what that reaches.
    #[test]
    fn honest_batches_pass() {
        let event = |number: usize| {
            format!(
                r#"{{"event_type":"pageview","page_url":"https://www.example.org/shop/shoes?page=2","page_title":"Shoes","client_timestamp":{}}}"#,
                1_796_018_400_000_u64 + number as u64 * 1_000
            )
        };
        for count in [100, 500] {
            let events: Vec<_> = (0..count).map(event).collect();
            let plain = format!(r#"{{"tracking_id":"FF-1","events":[{}]}}"#, events.join(",")).into_bytes();
            for encoding in ALL {
                let packed = tightest(encoding, &plain);
                let times = plain.len() / packed.len();
                println!("{encoding:?}: {} bytes in {}: {times} times", plain.len(), packed.len());
                assert!(2 * times < MOST_EXPANSION, "{encoding:?} {times}");
                assert_eq!(inflate(encoding, packed, LIMIT).expect("honest").len(), plain.len());
            }
        }
    }

    fn tightest(encoding: Encoding, plain: &[u8]) -> Bytes {
        let packed = match encoding {
            Encoding::Identity => plain.to_vec(),
            Encoding::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
                encoder.write_all(plain).expect("memory");
                encoder.finish().expect("memory")
            }
            Encoding::Zstd => zstd::encode_all(plain, 22).expect("memory"),
            Encoding::Brotli => {
                let mut packed = Vec::new();
                brotli::CompressorWriter::new(&mut packed, 4096, 11, 22).write_all(plain).expect("memory");
                packed
            }
        };
        packed.into()
    }

    #[test]
    fn headers_name_encodings() {
        assert_eq!(Encoding::parse(" GZIP "), Some(Encoding::Gzip));
        assert_eq!(Encoding::parse("deflate"), None);
        assert_eq!(Encoding::parse("gzip, br"), None);
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_back(plain in prop::collection::vec(any::<u8>(), 0..5000)) {
            for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Zstd, Encoding::Brotli] {
                prop_assert_eq!(&inflate(encoding, deflate(encoding, &plain), LIMIT).expect("whole")[..], &plain[..]);
            }
        }

        #[test]
        fn a_body_cut_short_is_damaged(plain in prop::collection::vec(any::<u8>(), 100..1000), cut in 1_usize..90) {
            for encoding in ALL {
                let packed = deflate(encoding, &plain);
                prop_assert!(inflate(encoding, packed.slice(..packed.len() - cut), LIMIT).is_err(), "{encoding:?}");
            }
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            for encoding in ALL {
                let _ = inflate(encoding, bytes.clone().into(), LIMIT);
            }
        }
    }
}
