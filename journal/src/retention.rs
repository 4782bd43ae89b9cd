//! Decides which released segments may be removed, and encodes the release watermark as a file. Does no I/O and reads no clock.

use std::time::SystemTime;

use crate::options::Retention;
use crate::segment::DATA;
use crate::segments::Segments;

/// Name of the file that holds the release watermark. It is written now and then and not synced: when it is lost or old,
/// records count as unreleased until their owner's next release.
pub(crate) const WATERMARK: &str = "released";

const MAGIC: [u8; 8] = *b"FfReleas";
const SIZE: usize = 20;

/// How many of the oldest segments may be removed: those wholly released whose youngest record is older than `retention.age`, or
/// after which `retention.bytes` of released records remain. The newest segment stays.
pub(crate) fn expired(segments: &Segments, released: u64, retention: Retention, now: SystemTime) -> usize {
    let mut left = 0;
    for segment in segments.iter() {
        left += segment.length - DATA - segment.unreleased(released);
    }
    let mut count = 0;
    for (segment, successor) in segments.iter().zip(segments.iter().skip(1)) {
        left -= segment.length - DATA - segment.unreleased(released);
        // A segment is written to until its successor is made.
        let youngest = successor.file.header.created;
        let aged = now.duration_since(youngest).is_ok_and(|age| age > retention.age);
        if segment.end > released || !(aged || left >= retention.bytes) {
            break;
        }
        count += 1;
    }
    count
}

/// The watermark as a file.
pub(crate) fn encode(released: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SIZE);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&released.to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

/// The watermark in a file, unless it is damaged.
pub(crate) fn decode(bytes: &[u8]) -> Option<u64> {
    let (magic, rest) = bytes.split_first_chunk::<8>()?;
    let (released, check) = rest.split_first_chunk::<8>()?;
    let sound = *magic == MAGIC && check == crc32c::crc32c(&bytes[..16]).to_le_bytes();
    sound.then(|| u64::from_le_bytes(*released))
}

#[cfg(test)]
mod what_is_kept {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::epoch::Epoch;
    use crate::segment::Header;
    use crate::segments::{Segment, SegmentFile};

    fn time(minutes: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_mins(minutes)
    }

    /// Segments of ten offsets and 1000 bytes each, made at these minutes.
    fn segments(created: &[u64]) -> Segments {
        let mut segments = Segments::default();
        for (at, minutes) in created.iter().enumerate() {
            let first = at as u64 * 10;
            let header =
                Header { epoch: Epoch([0; 16]), first, predecessor_end: first, created: time(*minutes) };
            let mut segment = Segment::new(SegmentFile::new(header, PathBuf::new()));
            segment.end = first + 10;
            segment.length = DATA + 1000;
            segments.push(segment);
        }
        segments
    }

    const RETENTION: Retention = Retention { age: Duration::from_hours(1), bytes: 2000 };

    #[test]
    fn keeps_whatever_is_not_released() {
        assert_eq!(expired(&segments(&[0, 1, 2, 3]), 0, RETENTION, time(9999)), 0);
        assert_eq!(expired(&segments(&[0, 1, 2, 3]), 19, RETENTION, time(9999)), 1);
        assert_eq!(expired(&segments(&[0, 1, 2, 3]), 20, RETENTION, time(9999)), 2);
    }

    #[test]
    fn keeps_released_segments_for_the_age() {
        let segments = segments(&[0, 10, 20, 30]);
        assert_eq!(expired(&segments, 30, Retention { bytes: u64::MAX, ..RETENTION }, time(70)), 0);
        assert_eq!(expired(&segments, 30, Retention { bytes: u64::MAX, ..RETENTION }, time(71)), 1);
        assert_eq!(expired(&segments, 30, Retention { bytes: u64::MAX, ..RETENTION }, time(85)), 2);
    }

    #[test]
    fn keeps_no_more_bytes_than_asked_but_at_least_those() {
        assert_eq!(expired(&segments(&[0, 1, 2, 3, 4]), 50, RETENTION, time(5)), 3);
        assert_eq!(expired(&segments(&[0, 1, 2, 3, 4]), 30, RETENTION, time(5)), 1);
        assert_eq!(expired(&segments(&[0, 1, 2]), 30, Retention { bytes: 0, ..RETENTION }, time(5)), 2);
    }

    #[test]
    fn keeps_everything_while_the_clock_stands_before_the_records() {
        assert_eq!(
            expired(&segments(&[500, 501, 502]), 30, Retention { bytes: u64::MAX, ..RETENTION }, time(1)),
            0
        );
    }

    #[test]
    fn reads_the_watermark_back_and_refuses_a_damaged_file() {
        let bytes = encode(77);
        assert_eq!(decode(&bytes), Some(77));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&flipped), None, "bit {bit}");
        }
        assert_eq!(decode(&bytes[..19]), None);
        assert_eq!(decode(b""), None);
    }
}
