//! One record as bytes: a header of 24 bytes, the payload, zeros up to a multiple of eight. Does no I/O.
//!
//! | at | bytes | what |
//! | --- | --- | --- |
//! | 0 | 4 | magic `FfR1` |
//! | 4 | 4 | length of the payload, little endian as all numbers here |
//! | 8 | 8 | offset |
//! | 16 | 4 | CRC32C of the payload |
//! | 20 | 4 | CRC32C of the twenty bytes before |
//!
//! Both checksums start from a seed made of the epoch. The header's own checksum lets a scan trust the length of a record
//! whose payload is damaged; the seed keeps payloads that look like records (whoever sent them does not know the epoch), and
//! records of other openings, from being taken for records when a scan looks for the next sound one.

use crate::epoch::Epoch;

/// Bytes before the payload.
pub(crate) const HEADER: usize = 24;
/// Every record begins at a multiple of this, so that a scan for the next one can take steps of it.
pub(crate) const ALIGN: usize = 8;

const MAGIC: [u8; 4] = *b"FfR1";
/// Bytes of the header that its own checksum covers.
const COVERED: usize = 20;

/// What the checksums of one opening's records start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seed(u32);

impl Seed {
    pub(crate) fn of(epoch: Epoch) -> Self {
        Self(crc32c::crc32c(&epoch.0))
    }
}

/// Bytes that a record with a payload of `length` bytes takes in a segment.
pub(crate) fn size(length: usize) -> usize {
    (HEADER + length).next_multiple_of(ALIGN)
}

/// Appends a record to `out`, whose length must be a multiple of [`ALIGN`].
pub(crate) fn encode(seed: Seed, offset: u64, payload: &[u8], out: &mut Vec<u8>) {
    debug_assert!(out.len().is_multiple_of(ALIGN), "records are aligned");
    let length = u32::try_from(payload.len()).expect("a record is checked against max_record_bytes, a u32");
    let start = out.len();
    out.reserve(size(payload.len()));
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&offset.to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c_append(seed.0, payload).to_le_bytes());
    let check = crc32c::crc32c_append(seed.0, &out[start..]);
    out.extend_from_slice(&check.to_le_bytes());
    out.extend_from_slice(payload);
    out.resize(start + size(payload.len()), 0);
}

/// A header whose checksum is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) offset: u64,
    pub(crate) length: usize,
    payload_crc: u32,
}

impl Header {
    /// The header that stands at the beginning of `bytes`, if a sound one does.
    pub(crate) fn decode(seed: Seed, bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<HEADER>()?;
        if bytes[..4] != MAGIC {
            return None;
        }
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if crc32c::crc32c_append(seed.0, &bytes[..COVERED]) != word(20) {
            return None;
        }
        let offset = u64::from(word(8)) | u64::from(word(12)) << 32;
        Some(Self { offset, length: word(4) as usize, payload_crc: word(16) })
    }

    /// Bytes of the whole record, padding included.
    pub(crate) fn size(&self) -> usize {
        size(self.length)
    }

    /// Whether `payload` is the one that this header was written for.
    pub(crate) fn vouches_for(&self, seed: Seed, payload: &[u8]) -> bool {
        payload.len() == self.length && crc32c::crc32c_append(seed.0, payload) == self.payload_crc
    }
}

#[cfg(test)]
mod a_record {
    use proptest::prelude::*;

    use super::*;

    fn seed() -> Seed {
        Seed::of(Epoch([7; 16]))
    }

    proptest! {
        #[test]
        fn comes_back_as_it_was(offset: u64, payload in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut bytes = Vec::new();
            encode(seed(), offset, &payload, &mut bytes);
            prop_assert_eq!(bytes.len(), size(payload.len()));
            let header = Header::decode(seed(), &bytes).unwrap();
            prop_assert_eq!((header.offset, header.length, header.size()), (offset, payload.len(), bytes.len()));
            prop_assert!(header.vouches_for(seed(), &bytes[HEADER..HEADER + payload.len()]));
        }

        #[test]
        fn is_not_taken_for_one_of_another_epoch(offset: u64, payload in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut bytes = Vec::new();
            encode(Seed::of(Epoch([8; 16])), offset, &payload, &mut bytes);
            prop_assert_eq!(Header::decode(seed(), &bytes), None);
        }

        #[test]
        fn is_never_found_in_random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(Header::decode(seed(), &bytes), None);
        }
    }

    #[test]
    fn is_refused_after_any_single_flipped_bit_outside_the_padding() {
        let payload = b"thirteen byte";
        let mut bytes = Vec::new();
        encode(seed(), 5, payload, &mut bytes);
        for bit in 0..(HEADER + payload.len()) * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let accepted = Header::decode(seed(), &flipped)
                .is_some_and(|header| header.vouches_for(seed(), &flipped[HEADER..HEADER + payload.len()]));
            assert!(!accepted, "bit {bit}");
        }
    }
}
