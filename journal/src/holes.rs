//! The offsets known to be lost to damage, each counted once however often it is found. Does no I/O.

use std::collections::BTreeMap;

/// Disjoint ranges of lost offsets, and how much was ever found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holes {
    /// End by beginning; the end is exclusive.
    known: BTreeMap<u64, u64>,
    found: u64,
    missing: u64,
}

impl Holes {
    /// Holes found so far.
    pub(crate) fn found(&self) -> u64 {
        self.found
    }

    /// Records lost in them.
    pub(crate) fn missing(&self) -> u64 {
        self.missing
    }

    /// Notes that offsets from `from` up to `to` are lost; says whether any of them was news.
    pub(crate) fn note(&mut self, from: u64, to: u64) -> bool {
        let (mut from, mut to) = (from, to);
        if from >= to {
            return false;
        }
        let mut news = to - from;
        let touching: Vec<(u64, u64)> = self
            .known
            .range(..=to)
            .rev()
            .take_while(|(_, end)| **end >= from)
            .map(|(a, b)| (*a, *b))
            .collect();
        for (start, end) in touching {
            news -= end.min(to).saturating_sub(start.max(from));
            self.known.remove(&start);
            from = from.min(start);
            to = to.max(end);
        }
        self.known.insert(from, to);
        if news > 0 {
            self.found += 1;
            self.missing += news;
        }
        news > 0
    }

    /// Forgets holes that lie wholly below `start`; the counts stay.
    pub(crate) fn forget_below(&mut self, start: u64) {
        self.known.retain(|_, end| *end > start);
    }
}

#[cfg(test)]
mod known_holes {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn count_every_lost_offset_once(ranges in prop::collection::vec((0u64..60, 0u64..8), 0..40)) {
            let (mut holes, mut model) = (Holes::default(), BTreeSet::new());
            for (from, length) in ranges {
                let before = model.len();
                model.extend(from..from + length);
                prop_assert_eq!(holes.note(from, from + length), model.len() > before);
                prop_assert_eq!(holes.missing(), model.len() as u64);
            }
            let known: BTreeSet<u64> = holes.known.iter().flat_map(|(from, to)| *from..*to).collect();
            prop_assert_eq!(known, model);
        }
    }

    #[test]
    fn keep_their_count_when_they_are_trimmed_away() {
        let mut holes = Holes::default();
        assert!(holes.note(3, 5) && holes.note(6, 8) && holes.note(9, 10));
        let known = |holes: &Holes| holes.known.clone().into_iter().collect::<Vec<_>>();
        holes.forget_below(4);
        assert_eq!(known(&holes), [(3, 5), (6, 8), (9, 10)], "one that is trimmed in part stays");
        holes.forget_below(5);
        assert_eq!(known(&holes), [(6, 8), (9, 10)], "its end is the first offset that is not lost");
        holes.forget_below(9);
        assert_eq!(known(&holes), [(9, 10)]);
        assert_eq!((holes.found(), holes.missing()), (3, 5));
    }
}
