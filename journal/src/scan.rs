//! Steps from record to record through bytes, and past damage to the next sound header. Does no I/O, keeps no state:
//! recovery and readers share it.

use std::ops::Range;

use crate::record::{ALIGN, HEADER, Header, Seed};

/// What stands at a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A sound record; the next begins at `end`.
    Record { offset: u64, payload: Range<usize>, end: usize },
    /// A sound header whose payload is damaged or cut off. Only this record is lost: the next begins at `end`.
    Corrupt { offset: u64, end: usize },
    /// No sound header; the next one, if any, stands at or after `end`. Zeros are no record either.
    NoRecord { end: usize },
    /// The window ends too early: this many bytes from the position on are needed.
    More(usize),
    /// The end of the last window.
    End,
}

/// Looks at `bytes[at..]`. `last` says that nothing follows `bytes`. Both the window's beginning and `at` must stand at
/// multiples of [`ALIGN`] of the segment.
pub(crate) fn step(bytes: &[u8], at: usize, seed: Seed, last: bool) -> Step {
    let rest = &bytes[at..];
    if rest.len() < HEADER {
        return match (last, rest.is_empty()) {
            (false, _) => Step::More(HEADER),
            (true, true) => Step::End,
            (true, false) => Step::NoRecord { end: bytes.len() },
        };
    }
    let Some(header) = Header::decode(seed, rest) else {
        return Step::NoRecord { end: next_header(bytes, at + ALIGN, seed, last) };
    };
    let payload = HEADER..HEADER + header.length;
    if rest.len() < header.size() && !last {
        return Step::More(header.size());
    }
    let offset = header.offset;
    let end = bytes.len().min(at + header.size());
    match rest.get(payload.clone()) {
        Some(found) if header.vouches_for(seed, found) => {
            Step::Record { offset, payload: at + payload.start..at + payload.end, end }
        }
        _ => Step::Corrupt { offset, end },
    }
}

/// Position of the first sound header at or after `from`; without one, the first position that this window cannot tell
/// about, which is its end when nothing follows.
fn next_header(bytes: &[u8], from: usize, seed: Seed, last: bool) -> usize {
    let mut at = from;
    while at + HEADER <= bytes.len() {
        if Header::decode(seed, &bytes[at..]).is_some() {
            return at;
        }
        at += ALIGN;
    }
    if last { bytes.len() } else { at }
}

#[cfg(test)]
mod a_scan {
    use proptest::prelude::*;

    use super::*;
    use crate::epoch::Epoch;
    use crate::record;

    fn seed() -> Seed {
        Seed::of(Epoch([3; 16]))
    }

    /// The offsets and payloads of all sound records in `bytes`, looked at through windows of `window` bytes or more.
    fn readable(bytes: &[u8], window: usize) -> Vec<(u64, Vec<u8>)> {
        let (mut base, mut at, mut size, mut found) = (0, 0, window, Vec::new());
        loop {
            let view = &bytes[base..bytes.len().min(base + size)];
            match step(view, at, seed(), base + view.len() == bytes.len()) {
                Step::Record { offset, payload, end } => {
                    found.push((offset, view[payload].to_vec()));
                    at = end;
                }
                Step::Corrupt { end, .. } | Step::NoRecord { end } => {
                    assert!(end > at, "a scan always moves on");
                    at = end;
                }
                Step::More(want) => {
                    assert!(want > view.len() - at, "a scan asks for what it does not have");
                    (base, at, size) = (base + at, 0, want.max(window));
                }
                Step::End => return found,
            }
        }
    }

    fn encoded(payloads: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for (offset, payload) in payloads.iter().enumerate() {
            record::encode(seed(), offset as u64, payload, &mut bytes);
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..12)
    }

    proptest! {
        #[test]
        fn reads_sound_records_through_windows_of_any_size(payloads in payloads(), window in 24usize..400) {
            let (bytes, _) = encoded(&payloads);
            let expected: Vec<_> = payloads.iter().cloned().enumerate().map(|(n, p)| (n as u64, p)).collect();
            prop_assert_eq!(readable(&bytes, window), expected);
        }

        #[test]
        fn loses_only_the_record_that_a_flipped_bit_hits(payloads in payloads(), place: prop::sample::Index, window in 24usize..400) {
            let (mut bytes, ends) = encoded(&payloads);
            let bit = place.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let hit = ends.partition_point(|end| *end <= bit / 8) as u64;
            let found: Vec<u64> = readable(&bytes, window).into_iter().map(|(offset, _)| offset).collect();
            let others: Vec<u64> = (0..payloads.len() as u64).filter(|offset| *offset != hit).collect();
            let kept: Vec<u64> = found.iter().copied().filter(|offset| *offset != hit).collect();
            prop_assert_eq!(kept, others);
        }

        #[test]
        fn survives_random_bytes_between_records(
            payloads in payloads(), noise in prop::collection::vec(any::<u8>(), 0..200), place: prop::sample::Index, window in 24usize..400,
        ) {
            let (bytes, mut ends) = encoded(&payloads);
            ends.insert(0, 0);
            let cut = ends[place.index(ends.len())];
            let mut noise = noise;
            noise.resize(noise.len().next_multiple_of(ALIGN), 0);
            let mixed = [&bytes[..cut], &noise, &bytes[cut..]].concat();
            prop_assert_eq!(readable(&mixed, window), readable(&bytes, window));
        }

        #[test]
        fn finds_nothing_in_random_bytes_and_ends(bytes in prop::collection::vec(any::<u8>(), 0..2000), window in 24usize..400) {
            prop_assert_eq!(readable(&bytes, window), vec![]);
        }
    }

    #[test]
    fn is_not_fooled_by_a_payload_that_looks_like_records() {
        let mut forged = Vec::new();
        record::encode(Seed::of(Epoch([9; 16])), 1, b"forged", &mut forged);
        let (mut bytes, _) = encoded(&[forged.clone(), b"after".to_vec()]);
        bytes[5] ^= 1;
        assert_eq!(readable(&bytes, 64), [(1, b"after".to_vec())]);
    }

    #[test]
    fn takes_a_header_that_promises_four_gigabytes_at_its_word_only_within_the_file() {
        let mut bytes = Vec::new();
        record::encode(seed(), 0, b"x", &mut bytes);
        bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(step(&bytes, 0, seed(), true), Step::NoRecord { end: bytes.len() });
    }
}
