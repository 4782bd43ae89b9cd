//! A segment file's name and header as bytes. Does no I/O.
//!
//! The header stands twice, at 0 and at 4096, each copy with its own checksum; records begin at 8192. Little endian:
//!
//! | at | bytes | what |
//! | --- | --- | --- |
//! | 0 | 8 | magic `FfSegmnt` |
//! | 8 | 4 | format |
//! | 12 | 4 | zero |
//! | 16 | 16 | epoch |
//! | 32 | 8 | first offset |
//! | 40 | 8 | end of the predecessor: one past the last offset that was durable when this segment was made |
//! | 48 | 8 | creation time, milliseconds since 1970 |
//! | 56 | 4 | CRC32C of the 56 bytes before |
//!
//! Offsets from the end of the predecessor up to the first offset were tried and given up: recovery cuts them from
//! whatever segment holds them.

use std::time::{Duration, SystemTime};

use crate::epoch::Epoch;

/// Position of the first record.
pub(crate) const DATA: u64 = 8192;
/// The format that this version writes and reads.
pub(crate) const FORMAT: u32 = 1;

const MAGIC: [u8; 8] = *b"FfSegmnt";
const SECOND_COPY: usize = 4096;
const COVERED: usize = 56;
const SIZE: usize = 60;
const EXTENSION: &str = ".segment";

/// What a segment says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) epoch: Epoch,
    pub(crate) first: u64,
    pub(crate) predecessor_end: u64,
    pub(crate) created: SystemTime,
}

/// Why no header could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Neither copy is sound; the file's name still tells the epoch and the first offset.
    Damaged,
    /// A sound header of a format that this version does not know.
    Format(u32),
}

impl Header {
    /// The first [`DATA`] bytes of a segment.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut copy = Vec::with_capacity(SIZE);
        copy.extend_from_slice(&MAGIC);
        copy.extend_from_slice(&FORMAT.to_le_bytes());
        copy.extend_from_slice(&[0; 4]);
        copy.extend_from_slice(&self.epoch.0);
        copy.extend_from_slice(&self.first.to_le_bytes());
        copy.extend_from_slice(&self.predecessor_end.to_le_bytes());
        copy.extend_from_slice(&milliseconds(self.created).to_le_bytes());
        copy.extend_from_slice(&crc32c::crc32c(&copy).to_le_bytes());
        let mut bytes = vec![0; DATA as usize];
        bytes[..SIZE].copy_from_slice(&copy);
        bytes[SECOND_COPY..SECOND_COPY + SIZE].copy_from_slice(&copy);
        bytes
    }

    /// The header in the first bytes of a segment, from whichever copy is sound.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let first = Self::decode_copy(bytes);
        match first {
            Err(Unreadable::Damaged) => Self::decode_copy(bytes.get(SECOND_COPY..).unwrap_or_default()),
            found => found,
        }
    }

    fn decode_copy(bytes: &[u8]) -> Result<Self, Unreadable> {
        let copy = bytes.first_chunk::<SIZE>().ok_or(Unreadable::Damaged)?;
        let word = |at: usize| u32::from_le_bytes([copy[at], copy[at + 1], copy[at + 2], copy[at + 3]]);
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        if copy[..8] != MAGIC || crc32c::crc32c(&copy[..COVERED]) != word(COVERED) {
            return Err(Unreadable::Damaged);
        }
        if word(8) != FORMAT {
            return Err(Unreadable::Format(word(8)));
        }
        let epoch = copy[16..].first_chunk::<16>().expect("the copy is longer");
        let created = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(long(48)));
        Ok(Self {
            epoch: Epoch(*epoch),
            first: long(32),
            predecessor_end: long(40),
            created: created.unwrap_or(SystemTime::UNIX_EPOCH),
        })
    }

    /// What is left to know when the header is damaged: the name tells epoch and first offset, the file system a time.
    pub(crate) fn from_name(name: &str, modified: SystemTime) -> Option<Self> {
        let (first, epoch) = parse_name(name)?;
        Some(Self { epoch, first, predecessor_end: first, created: modified })
    }

    /// The name of the segment's file; names sort as first offsets do.
    pub(crate) fn file_name(&self) -> String {
        format!("{:020}-{}{EXTENSION}", self.first, self.epoch)
    }
}

/// The first offset and the epoch that a segment's file name tells.
pub(crate) fn parse_name(name: &str) -> Option<(u64, Epoch)> {
    let (first, epoch) = name.strip_suffix(EXTENSION)?.split_once('-')?;
    if first.len() != 20 || !first.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((first.parse().ok()?, Epoch::from_hex(epoch)?))
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod a_segment_header {
    use proptest::prelude::*;

    use super::*;

    fn header() -> Header {
        let created = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        Header { epoch: Epoch([0xa7; 16]), first: 90, predecessor_end: 70, created }
    }

    #[test]
    fn comes_back_as_it_was() {
        assert_eq!(Header::decode(&header().encode()), Ok(header()));
    }

    #[test]
    fn survives_any_single_flipped_bit() {
        let bytes = header().encode();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&flipped), Ok(header()), "bit {bit}");
        }
    }

    #[test]
    fn tells_epoch_and_first_offset_in_the_name_as_well() {
        let name = header().file_name();
        assert_eq!(parse_name(&name), Some((90, Epoch([0xa7; 16]))));
        let read = Header::from_name(&name, header().created).unwrap();
        assert_eq!(read, Header { predecessor_end: 90, ..header() });
    }

    #[test]
    fn of_a_later_format_is_told_from_a_damaged_one() {
        let mut bytes = header().encode();
        bytes[8] = 2;
        let check = crc32c::crc32c(&bytes[..COVERED]).to_le_bytes();
        bytes[COVERED..SIZE].copy_from_slice(&check);
        assert_eq!(Header::decode(&bytes), Err(Unreadable::Format(2)));
        assert_eq!(Header::decode(&[0; DATA as usize]), Err(Unreadable::Damaged));
    }

    proptest! {
        #[test]
        fn is_never_found_in_random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Header::decode(&bytes), Err(Unreadable::Damaged));
        }

        #[test]
        fn name_is_read_without_panic(name in ".{0,70}") {
            let _ = parse_name(&name);
        }
    }
}
