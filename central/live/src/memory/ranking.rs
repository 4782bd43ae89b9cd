//! Counts by name that cannot grow without bound and do not hide what they left out. Pure.

use std::collections::HashMap;

use crate::realtime::{Ranking, shortened};

/// Page views by name within one minute: at most `capacity` names, the rest in one sum.
#[derive(Debug, Default)]
pub(super) struct NameCounts {
    counts: HashMap<Box<str>, u64>,
    other: u64,
}

impl NameCounts {
    /// Counts one page view; a new name beyond `capacity` goes to the rest.
    pub(super) fn add(&mut self, name: &str, capacity: usize) {
        let name = shortened(name);
        if let Some(count) = self.counts.get_mut(name.as_ref()) {
            *count += 1;
        } else if self.counts.len() < capacity {
            self.counts.insert(name.into(), 1);
        } else {
            self.other += 1;
        }
    }
}

/// The `length` greatest names over all of `tallies`.
pub(super) fn rank<'a>(tallies: impl Iterator<Item = &'a NameCounts>, length: usize) -> Ranking {
    let mut sums: HashMap<&str, u64> = HashMap::new();
    let mut other = 0;
    for tally in tallies {
        other += tally.other;
        for (name, count) in &tally.counts {
            *sums.entry(name).or_default() += count;
        }
    }
    Ranking::of(sums.into_iter().collect(), other, length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::{MAX_NAME_BYTES, Ranked};

    fn tally(names: &[&str], capacity: usize) -> NameCounts {
        let mut tally = NameCounts::default();
        for name in names {
            tally.add(name, capacity);
        }
        tally
    }

    #[test]
    fn names_beyond_the_capacity_are_counted_as_other() {
        let ranking = rank([tally(&["a", "b", "c", "a", "d"], 2)].iter(), 10);
        assert_eq!(
            ranking.top.iter().map(|r| (r.name.as_str(), r.pageviews)).collect::<Vec<_>>(),
            [("a", 2), ("b", 1)]
        );
        assert_eq!(ranking.other, 2);
    }

    #[test]
    fn what_is_not_in_the_top_is_other() {
        let minutes = [tally(&["a", "b"], 9), tally(&["b", "c"], 9)];
        let ranking = rank(minutes.iter(), 1);
        assert_eq!(ranking.top, [Ranked { name: "b".to_owned(), pageviews: 2 }]);
        assert_eq!(ranking.other, 2);
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let long = "ü".repeat(400);
        let ranking = rank([tally(&[&long], 1)].iter(), 1);
        assert!(ranking.top[0].name.ends_with("ü…") && ranking.top[0].name.len() <= MAX_NAME_BYTES);
    }
}
