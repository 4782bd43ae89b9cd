//! The segments of an open journal and how far each is durable: which holds an offset, how much is unreleased. Does no I/O.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::record::Seed;
use crate::segment::{DATA, Header};

/// Least distance of two entries of an index, in bytes.
const STRIDE: u64 = 32 << 10;

/// What never changes about a segment: its header and where its file lies.
#[derive(Debug)]
pub(crate) struct SegmentFile {
    pub(crate) header: Header,
    pub(crate) seed: Seed,
    pub(crate) path: PathBuf,
}

impl SegmentFile {
    pub(crate) fn new(header: Header, path: PathBuf) -> Arc<Self> {
        Arc::new(Self { seed: Seed::of(header.epoch), header, path })
    }
}

/// Where some of a segment's records stand: (offset, position), one for every 32 KiB.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index(Vec<(u64, u64)>);

impl Index {
    /// Notes a record, if the last one noted is far enough away. Offsets and positions must grow.
    pub(crate) fn note(&mut self, offset: u64, position: u64) {
        if self.0.last().is_none_or(|(_, last)| position >= last + STRIDE) {
            self.0.push((offset, position));
        }
    }

    /// A position at or before the record of `offset`.
    pub(crate) fn position(&self, offset: u64) -> u64 {
        let after = self.0.partition_point(|(noted, _)| *noted <= offset);
        after.checked_sub(1).map_or(DATA, |at| self.0[at].1)
    }
}

/// A segment of an open journal and how far it may be read.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) file: Arc<SegmentFile>,
    /// One past the last durable offset; the first offset when there is none.
    pub(crate) end: u64,
    /// Position after the last durable record.
    pub(crate) length: u64,
    pub(crate) index: Index,
}

impl Segment {
    pub(crate) fn new(file: Arc<SegmentFile>) -> Self {
        Self { end: file.header.first, length: DATA, index: Index::default(), file }
    }

    pub(crate) fn first(&self) -> u64 {
        self.file.header.first
    }

    /// Bytes of records that are not released when everything below `released` is; too high by up to 32 KiB when
    /// `released` lies inside.
    pub(crate) fn unreleased(&self, released: u64) -> u64 {
        if self.end <= released {
            0
        } else if released <= self.first() {
            self.length - DATA
        } else {
            self.length.saturating_sub(self.index.position(released))
        }
    }
}

/// All segments, in order of their first offsets.
#[derive(Debug, Default)]
pub(crate) struct Segments(VecDeque<Segment>);

impl Segments {
    pub(crate) fn push(&mut self, segment: Segment) {
        self.0.push_back(segment);
    }

    pub(crate) fn pop_oldest(&mut self) -> Option<Segment> {
        self.0.pop_front()
    }

    pub(crate) fn newest_mut(&mut self) -> Option<&mut Segment> {
        self.0.back_mut()
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Segment> {
        self.0.iter()
    }

    /// The offset from which on nothing that was acknowledged is gone, if there is any segment. Offsets that were given up
    /// before the oldest segment began count as there: whoever asks for them has lost nothing.
    pub(crate) fn start(&self) -> Option<u64> {
        self.0.front().map(|oldest| oldest.file.header.predecessor_end.min(oldest.first()))
    }

    /// Bytes of records and headers.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.iter().map(|segment| segment.length).sum()
    }

    pub(crate) fn unreleased(&self, released: u64) -> u64 {
        self.0.iter().rev().map(|segment| segment.unreleased(released)).sum()
    }

    /// The segment that holds `offset` or, should it lie in a hole between two, the one before the hole; and the one after.
    pub(crate) fn around(&self, offset: u64) -> (Option<&Segment>, Option<&Segment>) {
        let after = self.0.partition_point(|segment| segment.first() <= offset);
        (after.checked_sub(1).and_then(|at| self.0.get(at)), self.0.get(after))
    }

    /// The first offset of the oldest segment that can hold a record written at or after `at`: a segment was written to until
    /// the next was made.
    pub(crate) fn seek_time(&self, at: SystemTime) -> Option<u64> {
        let successors = self.0.iter().skip(1);
        let over = successors.take_while(|next| next.file.header.created < at).count();
        self.0.get(over).map(Segment::first)
    }
}

#[cfg(test)]
mod the_segments {
    use std::time::Duration;

    use super::*;
    use crate::epoch::Epoch;

    fn time(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Segments of (first, end, seconds of creation), each record taking 100 bytes.
    fn segments(described: &[(u64, u64, u64)]) -> Segments {
        let mut segments = Segments::default();
        for &(first, end, created) in described {
            let header =
                Header { epoch: Epoch([0; 16]), first, predecessor_end: first, created: time(created) };
            let mut segment = Segment::new(SegmentFile::new(header, PathBuf::new()));
            for offset in first..end {
                segment.index.note(offset, segment.length);
                segment.length += 100;
            }
            segment.end = end;
            segments.push(segment);
        }
        segments
    }

    fn firsts(found: (Option<&Segment>, Option<&Segment>)) -> (Option<u64>, Option<u64>) {
        (found.0.map(Segment::first), found.1.map(Segment::first))
    }

    #[test]
    fn note_a_record_once_it_is_a_stride_away_from_the_last_noted() {
        let mut index = Index::default();
        index.note(5, DATA);
        index.note(6, DATA + STRIDE - 1);
        index.note(7, DATA + STRIDE);
        assert_eq!([4, 5, 6, 7, 8].map(|offset| index.position(offset) - DATA), [0, 0, 0, STRIDE, STRIDE]);
    }

    #[test]
    fn find_the_segment_of_an_offset_and_the_one_after_a_hole() {
        let segments = segments(&[(10, 20, 0), (30, 40, 0)]);
        assert_eq!(firsts(segments.around(9)), (None, Some(10)));
        assert_eq!(firsts(segments.around(19)), (Some(10), Some(30)));
        assert_eq!(firsts(segments.around(25)), (Some(10), Some(30)));
        assert_eq!(firsts(segments.around(99)), (Some(30), None));
    }

    #[test]
    fn count_unreleased_bytes_up_to_one_stride_too_high() {
        let segments = segments(&[(0, 1000, 0), (1000, 2000, 0)]);
        assert_eq!(segments.unreleased(0), 200_000);
        assert_eq!(segments.unreleased(1000), 100_000);
        assert_eq!(segments.unreleased(2000), 0);
        for released in 0..2000 {
            let exact = (2000 - released) * 100;
            let counted = segments.unreleased(released);
            assert!(counted >= exact && counted <= exact + STRIDE + 100, "{released}: {counted}");
        }
    }

    #[test]
    fn seek_a_time_to_the_oldest_segment_that_was_still_written_then() {
        let segments = segments(&[(0, 10, 100), (10, 20, 200), (20, 30, 300)]);
        assert_eq!(segments.seek_time(time(50)), Some(0));
        assert_eq!(segments.seek_time(time(199)), Some(0));
        assert_eq!(segments.seek_time(time(200)), Some(0));
        assert_eq!(segments.seek_time(time(201)), Some(10));
        assert_eq!(segments.seek_time(time(999)), Some(20));
    }
}
