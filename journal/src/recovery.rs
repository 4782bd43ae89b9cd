//! Decides what an opening found in a journal's segments: which records, which holes, where to go on. Does no I/O.
//!
//! The [`Contents`] of each segment are found first; [`combine`] puts them together. An offset between two sound records, or
//! between two segments, that is found nowhere is missing; one that a segment's header declares given up is abandoned.

use std::time::Duration;

use crate::contents::Contents;
use crate::holes::Holes;
use crate::record::HEADER;
use crate::segment::Header;

/// What an opening found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segments found.
    pub segments: u64,
    /// Readable records found.
    pub records: u64,
    /// Bytes scanned.
    pub bytes: u64,
    /// Ranges of offsets lost to damage.
    pub holes: u64,
    /// Records lost in them. At the very tail such a record may be one that was never acknowledged.
    pub missing: u64,
    /// Offsets that the writer gave up; none was acknowledged.
    pub abandoned: u64,
    /// Bytes after the last readable record that were cut: an unfinished write, or damage that left no offset to tell.
    pub torn_bytes: u64,
    /// Segments neither copy of whose header could be read; epoch and first offset were taken from the file's name.
    pub damaged_headers: u64,
    /// How long it took.
    pub took: Duration,
}

/// The contents of all segments together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Counts of records, holes, abandoned offsets and torn bytes; the rest is for the caller to fill in.
    pub(crate) recovery: Recovery,
    pub(crate) holes: Holes,
    /// One past the last readable offset.
    pub(crate) end: u64,
    /// The first offset that can have been tried by nobody.
    pub(crate) next: u64,
}

/// For each segment the offset from which its records are void; given the headers of all, in order of their first offsets.
pub(crate) fn limits<'a>(headers: impl DoubleEndedIterator<Item = &'a Header>) -> Vec<u64> {
    // Of segments with the same first offset all but one are empty; they do not limit each other.
    let (mut limits, mut limit, mut group) = (Vec::new(), u64::MAX, (u64::MAX, u64::MAX));
    for header in headers.rev() {
        if header.first < group.0 {
            limit = limit.min(group.1);
            group = (header.first, header.predecessor_end);
        }
        group.1 = group.1.min(header.predecessor_end);
        limits.push(limit);
    }
    limits.reverse();
    limits
}

/// Combines the contents of all segments, given in order of their first offsets.
pub(crate) fn combine<'a>(segments: impl Iterator<Item = (&'a Header, &'a Contents)>) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut reached, mut newest) = (None, None);
    for (header, contents) in segments {
        let before = reached.unwrap_or(header.predecessor_end);
        outcome.holes.note(before, header.predecessor_end);
        outcome.recovery.abandoned += header.first.saturating_sub(before.max(header.predecessor_end));
        for (from, to) in &contents.gaps {
            outcome.holes.note(*from, *to);
        }
        outcome.recovery.records += contents.records;
        outcome.recovery.bytes += contents.length;
        reached = Some(before.max(contents.end));
        outcome.end =
            if contents.records > 0 { contents.end } else { outcome.end.max(header.predecessor_end) };
        newest = Some(contents);
    }
    if let Some(contents) = newest {
        outcome.holes.note(contents.end, contents.claimed);
        outcome.recovery.torn_bytes = contents.torn();
        // Each record takes a header at least: so many offsets can have been tried in what was torn.
        outcome.next = contents.claimed.max(contents.end + contents.torn().div_ceil(HEADER as u64));
    }
    outcome.recovery.holes = outcome.holes.found();
    outcome.recovery.missing = outcome.holes.missing();
    outcome
}

#[cfg(test)]
mod a_recovery {
    use std::time::SystemTime;

    use proptest::prelude::*;

    use super::*;
    use crate::epoch::Epoch;
    use crate::record::{self, Seed};
    use crate::segment::DATA;

    const EPOCH: Epoch = Epoch([5; 16]);

    fn header(first: u64, predecessor_end: u64) -> Header {
        Header { epoch: EPOCH, first, predecessor_end, created: SystemTime::UNIX_EPOCH }
    }

    fn bytes(offsets: std::ops::Range<u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for offset in offsets {
            record::encode(Seed::of(EPOCH), offset, format!("record {offset}").as_bytes(), &mut bytes);
        }
        bytes
    }

    fn contents(header: Header, limit: u64, bytes: &[u8]) -> Contents {
        let mut contents = Contents::new(header.first, limit);
        contents.feed(bytes, DATA, Seed::of(EPOCH), true);
        contents
    }

    fn recover(segments: &[(Header, Vec<u8>)]) -> Outcome {
        let headers: Vec<Header> = segments.iter().map(|(header, _)| *header).collect();
        let all: Vec<_> = segments
            .iter()
            .zip(limits(headers.iter()))
            .map(|((header, bytes), limit)| (*header, contents(*header, limit, bytes)))
            .collect();
        let mut outcome = combine(all.iter().map(|(header, contents)| (header, contents)));
        outcome.recovery.bytes = 0;
        outcome
    }

    #[test]
    fn of_nothing_begins_at_zero() {
        let outcome = recover(&[]);
        assert_eq!((outcome.end, outcome.next, outcome.recovery), (0, 0, Recovery::default()));
    }

    #[test]
    fn goes_on_after_the_last_record_and_its_zeros() {
        let mut tail = bytes(4..7);
        tail.resize(tail.len() + 4096, 0);
        let outcome = recover(&[(header(0, 0), bytes(0..4)), (header(4, 4), tail)]);
        assert_eq!((outcome.end, outcome.next), (7, 7));
        assert_eq!(outcome.recovery, Recovery { records: 7, ..Recovery::default() });
    }

    #[test]
    fn cuts_what_a_successor_declares_given_up() {
        let segments = [(header(0, 0), bytes(0..10)), (header(10, 6), bytes(10..12))];
        let outcome = recover(&segments);
        assert_eq!((outcome.end, outcome.next), (12, 12));
        assert_eq!(outcome.recovery, Recovery { records: 8, abandoned: 4, ..Recovery::default() });
    }

    #[test]
    fn does_not_need_the_empty_segments_of_repeated_failures() {
        let empty = (header(10, 6), Vec::new());
        let with = recover(&[(header(0, 0), bytes(0..10)), empty, (header(14, 6), bytes(14..16))]);
        let without = recover(&[(header(0, 0), bytes(0..10)), (header(14, 6), bytes(14..16))]);
        assert_eq!(with.recovery, without.recovery);
        assert_eq!(with.recovery, Recovery { records: 8, abandoned: 8, ..Recovery::default() });
    }

    #[test]
    fn knows_a_hole_between_two_segments() {
        let outcome = recover(&[(header(0, 0), bytes(0..3)), (header(5, 5), bytes(5..6))]);
        assert_eq!(outcome.recovery, Recovery { records: 4, holes: 1, missing: 2, ..Recovery::default() });
    }

    #[test]
    fn gives_no_offset_again_that_may_have_been_tried_in_a_torn_tail() {
        let mut torn = bytes(0..5);
        let sound = bytes(0..3).len();
        torn[sound] ^= 1;
        torn.truncate(bytes(0..4).len() + 10);
        let outcome = recover(&[(header(0, 0), torn.clone())]);
        assert_eq!(outcome.end, 3);
        assert!(outcome.next >= 5, "{}", outcome.next);
        let torn_bytes = (torn.len() - sound) as u64;
        assert!(
            (torn_bytes - 8..=torn_bytes).contains(&outcome.recovery.torn_bytes),
            "zeros at the end do not show"
        );
    }

    #[test]
    fn counts_a_last_record_whose_payload_is_damaged_as_missing() {
        let mut damaged = bytes(0..3);
        let hit = damaged.len() - 1;
        damaged[hit] ^= 1;
        let outcome = recover(&[(header(0, 0), damaged)]);
        assert_eq!((outcome.end, outcome.recovery.missing), (2, 1));
        assert!(outcome.next > 2);
    }

    #[test]
    fn of_every_single_flipped_bit_loses_one_record_and_counts_it() {
        let sound = bytes(0..6);
        for bit in 0..sound.len() * 8 {
            let mut flipped = sound.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let outcome = recover(&[(header(0, 0), flipped)]);
            let recovery = outcome.recovery;
            assert!(recovery.records >= 5, "bit {bit}: {recovery:?}");
            assert_eq!(
                recovery.records + recovery.missing.max(u64::from(recovery.torn_bytes > 0)),
                6,
                "bit {bit}: {recovery:?}"
            );
            assert!(outcome.next >= 6, "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn reads_the_same_through_windows_of_any_size(cuts in prop::collection::vec(1usize..200, 1..40), flips in prop::collection::vec(any::<prop::sample::Index>(), 0..4)) {
            let mut stored = bytes(3..30);
            stored.resize(stored.len() + 500, 0);
            for flip in flips {
                let at = flip.index(stored.len());
                stored[at] ^= 0x10;
            }
            let whole = contents(header(3, 3), u64::MAX, &stored);
            let mut piecewise = Contents::new(3, u64::MAX);
            let (mut base, mut end, mut cuts) = (0, 0, cuts.into_iter().cycle());
            while base < stored.len() {
                end = stored.len().min(end + cuts.next().unwrap());
                let last = end == stored.len();
                let (done, _) = piecewise.feed(&stored[base..end], DATA + base as u64, Seed::of(EPOCH), last);
                base += done;
            }
            prop_assert_eq!((whole.records, whole.end, whole.claimed, whole.length, whole.written), (piecewise.records, piecewise.end, piecewise.claimed, piecewise.length, piecewise.written));
            prop_assert_eq!(whole.gaps, piecewise.gaps);
        }

        #[test]
        fn of_random_bytes_finds_nothing(noise in prop::collection::vec(any::<u8>(), 0..3000)) {
            let outcome = recover(&[(header(0, 0), noise)]);
            prop_assert_eq!(outcome.recovery.records, 0);
            prop_assert_eq!(outcome.end, 0);
        }
    }
}
