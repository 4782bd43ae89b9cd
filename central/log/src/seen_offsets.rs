//! Which records of each edge's epochs the log already holds: the watermarks that tell a resend from a new record. Pure.
//!
//! A watermark alone is right only where every epoch arrives without a gap. In the journal, an append that fails between two that
//! succeed, or two connections of one edge that overlap, leave a gap that is filled later; there, each epoch keeps the ranges
//! it has seen, of which there is one as long as all goes well. In a partition of Kafka an epoch's offsets always have gaps,
//! the records of other partitions, and ranges would say nothing; but their order is guaranteed by construction (see [`Order`]).

use std::collections::HashMap;

/// Length of an epoch, bytes.
pub const EPOCH_BYTES: usize = 16;

/// Most epochs remembered; beyond, the one that was seen longest ago is forgotten.
const MAX_EPOCHS: usize = 16_384;
/// Most ranges of one epoch; beyond, the two lowest become one, their gap being a hole of the edge's journal.
const MAX_RANGES: usize = 64;

/// What a backend promises of the order in which an epoch's records come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A later record can come before an earlier one, which is filled in when the edge sends again.
    OutOfOrder,
    /// Whenever a record is there, all of its epoch that precede it in this partition were there before. For each run of sends begins
    /// where the edge's acknowledgements end, a producer that fails delivers nothing after what it did not deliver, and no stream
    /// outlives the producer that it began with. Whatever is at or below the highest one seen is a resend.
    Gapless,
}

/// What was seen of every epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenOffsets {
    order: Order,
    epochs: HashMap<[u8; EPOCH_BYTES], Epoch>,
}

/// What was seen of one epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Epoch {
    /// The count of records read when this epoch was last seen.
    pub last_seen: u64,
    /// First and last offset of each range, ascending, never adjacent.
    pub ranges: Vec<(u64, u64)>,
}

impl SeenOffsets {
    /// Nothing seen yet.
    pub fn new(order: Order) -> Self {
        Self { order, epochs: HashMap::new() }
    }

    /// Whether the record is new; it is remembered. `now` is the count of records read so far.
    pub fn admit(&mut self, epoch: [u8; EPOCH_BYTES], offset: u64, now: u64) -> bool {
        if !self.epochs.contains_key(&epoch) && self.epochs.len() == MAX_EPOCHS {
            let oldest = self.epochs.iter().min_by_key(|(name, epoch)| (epoch.last_seen, **name));
            let name = oldest.map(|(name, _)| *name).expect("there are many");
            self.epochs.remove(&name);
        }
        let known = self.epochs.entry(epoch).or_default();
        known.last_seen = now;
        match self.order {
            Order::OutOfOrder => known.admit(offset),
            Order::Gapless => known.pass(offset),
        }
    }

    /// Every epoch, in no particular order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8; EPOCH_BYTES], &Epoch)> {
        self.epochs.iter()
    }

    /// Puts back what [`iter`](Self::iter) gave.
    pub fn restore(&mut self, name: [u8; EPOCH_BYTES], epoch: Epoch) {
        self.epochs.insert(name, epoch);
    }
}

impl Epoch {
    /// One range, from the beginning to the watermark.
    fn pass(&mut self, offset: u64) -> bool {
        let new = self.ranges.first().is_none_or(|(_, last)| offset > *last);
        if new {
            self.ranges.clear();
            self.ranges.push((0, offset));
        }
        new
    }

    fn admit(&mut self, offset: u64) -> bool {
        // Nearly always the record that follows the last one.
        let after = self.ranges.partition_point(|(first, _)| *first <= offset);
        if let Some((_, last)) = after.checked_sub(1).map(|before| self.ranges[before]) {
            if offset <= last {
                return false;
            }
            if last + 1 == offset {
                self.ranges[after - 1].1 = offset;
                self.join(after - 1);
                return true;
            }
        }
        self.ranges.insert(after, (offset, offset));
        self.join(after);
        if self.ranges.len() > MAX_RANGES {
            let (_, last) = self.ranges.remove(1);
            self.ranges[0].1 = last;
        }
        true
    }

    /// Makes one range of `at` and the next where they touch.
    fn join(&mut self, at: usize) {
        if let Some((first, last)) = self.ranges.get(at + 1).copied()
            && self.ranges[at].1 + 1 == first
        {
            self.ranges[at].1 = last;
            self.ranges.remove(at + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn every_offset_is_new_exactly_once_in_whatever_order_they_come(offsets in prop::collection::vec(0_u64..60, 0..300)) {
            let (mut seen, mut model) = (SeenOffsets::new(Order::OutOfOrder), HashSet::new());
            for (now, offset) in offsets.into_iter().enumerate() {
                prop_assert_eq!(seen.admit([1; 16], offset, now as u64), model.insert(offset));
                let ranges = &seen.epochs[&[1; 16]].ranges;
                prop_assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "{:?}", ranges);
            }
        }
    }

    #[test]
    fn an_unbroken_epoch_is_one_range() {
        let mut seen = SeenOffsets::new(Order::OutOfOrder);
        assert!((5..5_000).all(|offset| seen.admit([2; 16], offset, offset)));
        assert_eq!(seen.epochs[&[2; 16]].ranges, [(5, 4_999)]);
        assert!(!seen.admit([2; 16], 4_999, 5_000));
        assert!(seen.admit([3; 16], 4_999, 5_001), "another epoch is another journal");
    }

    #[test]
    fn ranges_and_epochs_are_bounded() {
        let mut seen = SeenOffsets::new(Order::OutOfOrder);
        assert!((0..1_000).all(|i| seen.admit([4; 16], i * 3, i)));
        let ranges = &seen.epochs[&[4; 16]].ranges;
        assert_eq!(ranges.len(), MAX_RANGES);
        assert_eq!(ranges.last(), Some(&(2_997, 2_997)));
        for i in 0..(MAX_EPOCHS as u64 + 10) {
            let mut name = [9; 16];
            name[..8].copy_from_slice(&i.to_le_bytes());
            seen.admit(name, 0, 2_000 + i);
        }
        assert_eq!(seen.epochs.len(), MAX_EPOCHS);
        assert!(!seen.epochs.contains_key(&[4; 16]), "the one that was seen longest ago went first");
    }

    #[test]
    fn a_watermark_takes_gaps_for_other_partitions_records() {
        let mut seen = SeenOffsets::new(Order::Gapless);
        assert!([3, 11, 12, 40].iter().all(|offset| seen.admit([6; 16], *offset, 0)));
        assert!([3, 5, 12, 39, 40].iter().all(|offset| !seen.admit([6; 16], *offset, 0)));
        assert_eq!(seen.epochs[&[6; 16]].ranges, [(0, 40)], "however many gaps there were");
    }

    #[test]
    fn the_highest_offset_of_all_is_an_offset_too() {
        let mut seen = SeenOffsets::new(Order::OutOfOrder);
        assert!(seen.admit([5; 16], u64::MAX - 1, 0));
        assert!(seen.admit([5; 16], u64::MAX, 1));
        assert!(!seen.admit([5; 16], u64::MAX, 2));
    }
}

#[cfg(test)]
mod model;
