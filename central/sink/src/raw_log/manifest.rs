//! What the raw log holds of one partition, by the names of its objects alone: which batches are whole, where the sink goes on, and
//! from which object each offset is to be read. Pure.
//!
//! Batches follow each other without overlapping as long as one sink writes at a time. A sink that died with a request on its way can
//! leave a batch that another one wrote again with another end: both say the same about the offsets that they share, and each offset
//! is read from one of them. Objects of a batch that is not whole count for nothing; the batch that begins there was written again.

use std::collections::BTreeMap;

use super::name::{Hour, Name};

/// Consecutive records of the log that were written at once, and whose objects are all there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// First offset to be read from it; its objects may begin before.
    pub from: u64,
    /// Last offset.
    pub last: u64,
    /// Its objects, one for each hour.
    pub objects: Vec<Name>,
}

impl Batch {
    /// Records in its objects.
    pub fn records(&self) -> u64 {
        self.objects.iter().map(|name| name.count).sum()
    }

    /// Whether some of its records were received on this UTC day.
    pub fn has_day(&self, day: u16) -> bool {
        self.objects.iter().any(|name| name.hour.day() == day)
    }

    /// Whether some of its records may have been received in this hour or later.
    pub fn is_since(&self, hour: Hour) -> bool {
        self.objects.iter().any(|name| name.hour >= hour)
    }
}

/// What is there of one partition of one log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Whole batches in the order of the log; no offset is in two of them.
    pub batches: Vec<Batch>,
    /// Objects that count for nothing: of batches that are not whole, or that others cover.
    pub unused: Vec<Name>,
}

impl Manifest {
    /// Sorts the objects of one partition of one log.
    pub fn of(names: impl IntoIterator<Item = Name>) -> Self {
        // By batch; the longest of those that begin together comes first.
        let mut batches: BTreeMap<(u64, u64), BTreeMap<Hour, Name>> = BTreeMap::new();
        let mut manifest = Self::default();
        for name in names {
            let hours = batches.entry((name.first, u64::MAX - name.last)).or_default();
            manifest.unused.extend(hours.insert(name.hour, name));
        }
        let mut next = 0;
        for hours in batches.into_values() {
            let objects: Vec<_> = hours.into_values().collect();
            let (first, last) = (objects[0].first, objects[0].last);
            let whole = objects.iter().all(|name| name.hours as usize == objects.len());
            if !whole || last < next || last < first {
                manifest.unused.extend(objects);
                continue;
            }
            manifest.batches.push(Batch { from: first.max(next), last, objects });
            next = last.saturating_add(1);
        }
        manifest
    }

    /// The offset after everything that is there: where the sink goes on.
    pub fn next(&self) -> u64 {
        self.batches.last().map_or(0, |batch| batch.last.saturating_add(1))
    }

    /// Offsets of the log that lie between batches and are in none, as first and last. An offset that the log never gave is in
    /// none either, though not by itself: a hole lies within a batch.
    pub fn gaps(&self) -> Vec<(u64, u64)> {
        let pairs = self.batches.windows(2);
        let gap = |pair: &[Batch]| (pair[0].last.saturating_add(1), pair[1].from);
        pairs.map(gap).filter(|(from, next)| from < next).map(|(from, next)| (from, next - 1)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(first: u64, last: u64, hour: u32, hours: u32) -> Name {
        Name {
            incarnation: [1; 16],
            partition: 0,
            first,
            last,
            hour: Hour(480_000 + hour),
            hours,
            count: last - first + 1,
            crc32c: 0,
        }
    }

    fn ranges(manifest: &Manifest) -> Vec<(u64, u64)> {
        manifest.batches.iter().map(|batch| (batch.from, batch.last)).collect()
    }

    #[test]
    fn the_sink_goes_on_after_the_last_whole_stretch() {
        assert_eq!(Manifest::of([]).next(), 0);
        let manifest = Manifest::of([name(5, 9, 0, 1), name(0, 4, 0, 1), name(10, 14, 0, 2)]);
        assert_eq!(ranges(&manifest), [(0, 4), (5, 9)]);
        assert_eq!((manifest.next(), manifest.unused.len()), (10, 1), "one of two objects is no batch");
        let manifest = Manifest::of([name(10, 14, 0, 2), name(10, 14, 1, 2)]);
        assert_eq!((manifest.next(), manifest.gaps()), (15, vec![]));
    }

    #[test]
    fn a_stretch_that_was_written_again_with_another_end_is_read_once() {
        let zombie = [name(0, 4, 0, 1), name(5, 7, 0, 1), name(5, 9, 0, 1), name(10, 12, 0, 1)];
        let manifest = Manifest::of(zombie);
        assert_eq!(ranges(&manifest), [(0, 4), (5, 9), (10, 12)]);
        assert_eq!(manifest.unused, [zombie[1]]);
        let longer = [name(0, 9, 0, 1), name(5, 12, 0, 1)];
        assert_eq!(ranges(&Manifest::of(longer)), [(0, 9), (10, 12)]);
    }

    #[test]
    fn what_is_missing_between_stretches_is_told() {
        assert_eq!(Manifest::of([name(3, 4, 0, 1), name(8, 9, 0, 1)]).gaps(), [(5, 7)]);
    }

    proptest! {
        #[test]
        fn no_offset_is_read_twice_and_none_of_a_whole_stretch_is_left_out(
            batches in prop::collection::vec((0_u64..60, 0_u64..10), 0..20)
        ) {
            let manifest = Manifest::of(batches.iter().map(|(first, length)| name(*first, first + length, 0, 1)));
            let read: Vec<u64> = ranges(&manifest).into_iter().flat_map(|(from, last)| from..=last).collect();
            prop_assert!(read.is_sorted_by(|one, other| one < other));
            let mut written: Vec<u64> = batches.iter().flat_map(|(first, length)| *first..=first + length).collect();
            written.sort_unstable();
            written.dedup();
            prop_assert_eq!(read, written);
        }
    }
}
