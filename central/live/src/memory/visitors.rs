//! Who was seen in the last minutes, exactly, up to a bound. Pure.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// Distinct visitors by the last time they were seen. Keeps a hash of each, never the id.
#[derive(Debug, Default)]
pub(super) struct Visitors {
    last_seen: HashMap<u64, i64>,
    /// The same, oldest first.
    by_time: BTreeSet<(i64, u64)>,
    /// Last time of the newest visitor that the bound pushed out.
    pushed_out: Option<i64>,
}

impl Visitors {
    /// `id` was seen at `at_ms`. With more than `capacity` visitors the one unseen for longest is pushed out.
    pub(super) fn see(&mut self, id: &str, at_ms: i64, capacity: usize) {
        let visitor = hash(id);
        match self.last_seen.get(&visitor) {
            Some(last) if *last >= at_ms => return,
            Some(last) => {
                self.by_time.remove(&(*last, visitor));
            }
            None => {}
        }
        self.last_seen.insert(visitor, at_ms);
        self.by_time.insert((at_ms, visitor));
        if self.by_time.len() > capacity
            && let Some((oldest, visitor)) = self.by_time.pop_first()
        {
            self.last_seen.remove(&visitor);
            self.pushed_out = self.pushed_out.max(Some(oldest));
        }
    }

    /// Forgets whoever was last seen at or before `since_ms`, or after `until_ms` (a clock that is wrong).
    pub(super) fn keep(&mut self, since_ms: i64, until_ms: i64) {
        while let Some((_, visitor)) = self.by_time.first().copied().filter(|(last, _)| *last <= since_ms) {
            self.by_time.pop_first();
            self.last_seen.remove(&visitor);
        }
        while let Some((_, visitor)) = self.by_time.last().copied().filter(|(last, _)| *last > until_ms) {
            self.by_time.pop_last();
            self.last_seen.remove(&visitor);
        }
        self.pushed_out = self.pushed_out.filter(|last| (since_ms + 1..=until_ms).contains(last));
    }

    /// How many are kept.
    pub(super) fn count(&self) -> u64 {
        self.by_time.len() as u64
    }

    /// Whether the bound pushed somebody out who would still count.
    pub(super) fn is_incomplete(&self) -> bool {
        self.pushed_out.is_some()
    }
}

fn hash(id: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(id.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_visitor_seen_often_is_one() {
        let mut visitors = Visitors::default();
        for at_ms in [5, 9, 7] {
            visitors.see("ada", at_ms, 10);
        }
        visitors.keep(8, 100);
        assert_eq!(visitors.count(), 1);
        visitors.keep(9, 100);
        assert_eq!(visitors.count(), 0);
    }

    #[test]
    fn the_bound_pushes_out_the_oldest_and_says_so_until_they_would_be_gone_anyway() {
        let mut visitors = Visitors::default();
        for (at_ms, id) in [(1, "a"), (2, "b"), (3, "c")] {
            visitors.see(id, at_ms, 2);
        }
        assert_eq!(visitors.count(), 2);
        visitors.keep(0, 100);
        assert!(visitors.is_incomplete());
        visitors.keep(1, 100);
        assert!(!visitors.is_incomplete());
        assert_eq!(visitors.count(), 2);
    }

    #[test]
    fn a_time_far_ahead_is_forgotten() {
        let mut visitors = Visitors::default();
        visitors.see("a", 1_000_000, 10);
        visitors.see("b", 50, 10);
        visitors.keep(0, 100);
        assert_eq!(visitors.count(), 1);
    }
}
