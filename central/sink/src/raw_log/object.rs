//! Consecutive records of the log as bytes that anybody can read without us: see `docs/raw-log.md`. Pure.

use bytes::{Buf as _, BufMut as _, Bytes};

use footfall_log::RawEntry;

/// What the unpacked bytes begin with: the format's name and its version.
const MAGIC: &[u8; 8] = b"FFRAW\x00\x00\x01";
/// Magic, incarnation, partition.
const HEADER_BYTES: usize = 8 + 16 + 4;
/// Offset and length, before each record.
const FRAME_BYTES: usize = 8 + 4;
/// How hard zstd tries.
const LEVEL: i32 = 3;
/// Nothing that we wrote unpacks to more, bytes: a batch's bound, a record that exceeds it, and what goes around them.
const MAX_PLAIN_BYTES: usize = 1 << 30;

/// Packed records, and what their object's name has to say about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// How many records.
    pub count: u64,
    /// CRC-32C of the unpacked bytes.
    pub crc32c: u32,
    /// One zstd frame, with zstd's own checksum.
    pub bytes: Bytes,
}

/// Packs records, given in the order of the log.
pub fn pack(incarnation: [u8; 16], partition: u32, entries: &[RawEntry]) -> Packed {
    let size = entries.iter().map(|entry| FRAME_BYTES + entry.payload.len()).sum::<usize>();
    let mut plain = Vec::with_capacity(HEADER_BYTES + size);
    plain.put_slice(MAGIC);
    plain.put_slice(&incarnation);
    plain.put_u32_le(partition);
    for entry in entries {
        plain.put_u64_le(entry.offset);
        plain.put_u32_le(entry.payload.len() as u32);
        plain.put_slice(&entry.payload);
    }
    let mut packer = zstd::bulk::Compressor::new(LEVEL).expect("the level exists");
    packer.include_checksum(true).expect("every zstd knows checksums");
    let bytes = packer.compress(&plain).expect("the compressor makes itself room").into();
    Packed { count: entries.len() as u64, crc32c: crc32c::crc32c(&plain), bytes }
}

/// Unpacks what [`pack`] made, and checks it against what its name says.
///
/// # Errors
/// [`Unreadable`].
pub fn unpack(
    bytes: &[u8],
    incarnation: [u8; 16],
    partition: u32,
    count: u64,
    crc: u32,
) -> Result<Vec<RawEntry>, Unreadable> {
    let size = zstd::bulk::Decompressor::upper_bound(bytes).ok_or(Unreadable::Packing)?;
    let plain = zstd::bulk::decompress(bytes, size.min(MAX_PLAIN_BYTES)).map_err(|_| Unreadable::Packing)?;
    if crc32c::crc32c(&plain) != crc {
        return Err(Unreadable::Checksum);
    }
    let mut plain = Bytes::from(plain);
    if plain.len() < HEADER_BYTES || plain.split_to(MAGIC.len()) != MAGIC.as_slice() {
        return Err(Unreadable::Format);
    }
    if plain.split_to(incarnation.len()) != incarnation.as_slice() || plain.get_u32_le() != partition {
        return Err(Unreadable::Foreign);
    }
    let mut entries = Vec::new();
    while !plain.is_empty() {
        if plain.len() < FRAME_BYTES {
            return Err(Unreadable::Format);
        }
        let (offset, length) = (plain.get_u64_le(), plain.get_u32_le() as usize);
        if plain.len() < length {
            return Err(Unreadable::Format);
        }
        entries.push(RawEntry { offset, payload: plain.split_to(length) });
    }
    if entries.len() as u64 != count || !entries.is_sorted_by(|one, other| one.offset < other.offset) {
        return Err(Unreadable::Format);
    }
    Ok(entries)
}

/// Why an object of the raw log cannot be read. Permanent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not one whole zstd frame.
    #[error("it cannot be unpacked")]
    Packing,
    /// Not the bytes that its name speaks of.
    #[error("its checksum is not the one in its name")]
    Checksum,
    /// Not our format, or not this version of it.
    #[error("it is not in a format that this program knows")]
    Format,
    /// Another log's, or another partition's.
    #[error("it belongs to another log or partition than its name says")]
    Foreign,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LOG: [u8; 16] = [7; 16];

    fn entries(payloads: Vec<Vec<u8>>) -> Vec<RawEntry> {
        let entry =
            |(offset, payload): (u64, Vec<u8>)| RawEntry { offset: offset * 3, payload: payload.into() };
        (0..).zip(payloads).map(entry).collect()
    }

    proptest! {
        #[test]
        fn what_was_packed_is_unpacked(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..50)) {
            let entries = entries(payloads);
            let packed = pack(LOG, 3, &entries);
            prop_assert_eq!(packed.count, entries.len() as u64);
            prop_assert_eq!(&pack(LOG, 3, &entries), &packed, "the same records make the same object");
            prop_assert_eq!(unpack(&packed.bytes, LOG, 3, packed.count, packed.crc32c), Ok(entries));
            prop_assert!(unpack(&packed.bytes, LOG, 4, packed.count, packed.crc32c).is_err());
            prop_assert!(unpack(&packed.bytes, LOG, 3, packed.count + 1, packed.crc32c).is_err());
        }

        #[test]
        fn rubbish_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(unpack(&bytes, LOG, 0, 0, 0).is_err());
            let plain = zstd::bulk::compress(&bytes, 1).expect("compressed");
            prop_assert!(unpack(&plain, LOG, 0, 0, crc32c::crc32c(&bytes)).is_err());
        }
    }

    #[test]
    fn no_cut_and_no_flipped_bit_passes_for_an_object() {
        let packed = pack(LOG, 0, &entries(vec![b"one".to_vec(), b"two".to_vec()]));
        for at in 0..packed.bytes.len() {
            assert!(unpack(&packed.bytes[..at], LOG, 0, 2, packed.crc32c).is_err());
            let mut flipped = packed.bytes.to_vec();
            flipped[at] ^= 0x20;
            assert!(unpack(&flipped, LOG, 0, 2, packed.crc32c).is_err(), "byte {at}");
        }
    }
}
