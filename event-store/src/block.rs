//! ClickHouse's compressed blocks (`decompress=1`, `compress=1`). Pure; nothing is trusted before its checksum.
//!
//! A block is 16 bytes of CityHash128 (version 1.0.2) over the rest, one byte of method, the sizes of the rest without the
//! hash and of the plain bytes as little-endian u32, and the compressed bytes.

use crate::limits::BLOCK_BYTES;

/// Bytes before the compressed ones: hash, method, two sizes.
pub const HEADER: usize = 16 + METHOD_AND_SIZES;
const METHOD_AND_SIZES: usize = 9;

const NONE: u8 = 0x02;
const LZ4: u8 = 0x82;
const ZSTD: u8 = 0x90;

/// What a block's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes that follow the header.
    pub follows: usize,
    method: u8,
    plain: usize,
}

impl Header {
    /// Reads a header, and bounds what it claims.
    pub fn parse(bytes: &[u8; HEADER]) -> Result<Self, Malformed> {
        let size =
            |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize;
        let (method, sized, plain) = (bytes[16], size(17), size(21));
        if !matches!(method, NONE | LZ4 | ZSTD) {
            return Err(Malformed::Method(method));
        }
        let follows = sized.checked_sub(METHOD_AND_SIZES).ok_or(Malformed::Size(sized))?;
        match sized.max(plain) {
            claimed if claimed > BLOCK_BYTES => Err(Malformed::Size(claimed)),
            _ => Ok(Self { follows, method, plain }),
        }
    }
}

/// The plain bytes of a whole block, header included.
pub fn decode(block: &[u8]) -> Result<Vec<u8>, Malformed> {
    let (head, body) = block.split_first_chunk::<HEADER>().ok_or(Malformed::Size(block.len()))?;
    let header = Header::parse(head)?;
    if body.len() != header.follows {
        return Err(Malformed::Size(body.len()));
    }
    if checksum(&block[16..]) != block[..16] {
        return Err(Malformed::Checksum);
    }
    let plain = match header.method {
        NONE => body.to_vec(),
        LZ4 => lz4_flex::block::decompress(body, header.plain)
            .map_err(|error| Malformed::Data(error.to_string()))?,
        _ => {
            zstd::bulk::decompress(body, header.plain).map_err(|error| Malformed::Data(error.to_string()))?
        }
    };
    if plain.len() == header.plain { Ok(plain) } else { Err(Malformed::Size(plain.len())) }
}

/// One LZ4 block holding `plain`, which must be no larger than a block may be.
pub fn encode(plain: &[u8]) -> Vec<u8> {
    let mut block = vec![0; HEADER + lz4_flex::block::get_maximum_output_size(plain.len())];
    let length =
        lz4_flex::block::compress_into(plain, &mut block[HEADER..]).expect("the buffer has the maximum size");
    block.truncate(HEADER + length);
    block[16] = LZ4;
    block[17..21].copy_from_slice(&((length + METHOD_AND_SIZES) as u32).to_le_bytes());
    block[21..25].copy_from_slice(&(plain.len() as u32).to_le_bytes());
    let sum = checksum(&block[16..]);
    block[..16].copy_from_slice(&sum);
    block
}

/// CityHash128 1.0.2 as ClickHouse lays it out: the high half of `cityhash-rs`' number first, each half little-endian.
fn checksum(bytes: &[u8]) -> [u8; 16] {
    let hash = cityhash_rs::cityhash_102_128(bytes);
    let mut sum = [0; 16];
    sum[..8].copy_from_slice(&((hash >> 64) as u64).to_le_bytes());
    sum[8..].copy_from_slice(&(hash as u64).to_le_bytes());
    sum
}

/// Why a block is refused. Poison: the same bytes will always be refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Damaged on the way, or no block.
    #[error("Checksum doesn't match: corrupted data")]
    Checksum,
    /// Not LZ4, ZSTD or NONE.
    #[error("Unknown codec family code: {0:#04x}")]
    Method(u8),
    /// A size that does not fit, or is beyond the bound.
    #[error("Too large or impossible size of a compressed block: {0}")]
    Size(usize),
    /// The compressed bytes are not what the method wants.
    #[error("Cannot decompress: {0}")]
    Data(String),
}

#[cfg(test)]
mod a_block {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn comes_back_whole() {
        for plain in [Vec::new(), b"a".to_vec(), vec![7; 100_000], (0..=255).cycle().take(70_000).collect()] {
            assert_eq!(decode(&encode(&plain)), Ok(plain));
        }
    }

    #[test]
    fn of_every_method_is_read() {
        let plain = b"plain plain plain plain".repeat(10);
        for (method, body) in [
            (NONE, plain.clone()),
            (LZ4, lz4_flex::block::compress(&plain)),
            (ZSTD, zstd::bulk::compress(&plain, 1).expect("compresses")),
        ] {
            let mut block = vec![0; HEADER];
            block[16] = method;
            block[17..21].copy_from_slice(&((body.len() + METHOD_AND_SIZES) as u32).to_le_bytes());
            block[21..25].copy_from_slice(&(plain.len() as u32).to_le_bytes());
            block.extend_from_slice(&body);
            let sum = checksum(&block[16..]);
            block[..16].copy_from_slice(&sum);
            assert_eq!(decode(&block).as_deref(), Ok(plain.as_slice()), "{method:#x}");
        }
    }

    #[test]
    fn with_any_bit_flipped_is_refused() {
        let block = encode(b"some plain text, some plain text");
        for bit in 0..block.len() * 8 {
            let mut damaged = block.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn claiming_too_much_is_refused_before_memory_is_taken() {
        let mut head = [0; HEADER];
        head[16] = LZ4;
        head[17..21].copy_from_slice(&20_u32.to_le_bytes());
        head[21..25].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Header::parse(&head), Err(Malformed::Size(u32::MAX as usize)));
    }

    proptest! {
        #[test]
        fn may_be_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(decode(&bytes).is_err());
        }

        #[test]
        fn of_any_bytes_comes_back(plain in proptest::collection::vec(any::<u8>(), 0..5000)) {
            prop_assert_eq!(decode(&encode(&plain)), Ok(plain));
        }
    }
}
