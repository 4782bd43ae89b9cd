//! Counts by name that cannot grow without bound and do not hide what they left out. Pure.

use std::collections::HashMap;

use serde::Serialize;

/// Longest name kept, bytes; a longer one is cut and ends with an ellipsis.
const MAX_NAME_BYTES: usize = 256;

/// Page views by name within one minute: at most `capacity` names, the rest in one sum.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: HashMap<Box<str>, u64>,
    other: u64,
}

/// The greatest names of a span of minutes. `top` and `other` together are all page views of that span.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ranking {
    /// Greatest first; names of equal count in alphabetical order.
    pub top: Vec<Ranked>,
    /// Page views under names that are not in `top`.
    pub other: u64,
}

/// One name of a [`Ranking`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ranked {
    /// The page, source, country or device; empty where it is unknown.
    pub name: String,
    /// Page views.
    pub pageviews: u64,
}

impl Tally {
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

impl Ranking {
    /// The `length` greatest names over all of `tallies`.
    pub(super) fn of<'a>(tallies: impl Iterator<Item = &'a Tally>, length: usize) -> Self {
        let mut sums: HashMap<&str, u64> = HashMap::new();
        let mut other = 0;
        for tally in tallies {
            other += tally.other;
            for (name, count) in &tally.counts {
                *sums.entry(name).or_default() += count;
            }
        }
        let mut ranked: Vec<(&str, u64)> = sums.into_iter().collect();
        ranked.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let rest = ranked.split_off(ranked.len().min(length));
        Self {
            top: ranked
                .into_iter()
                .map(|(name, pageviews)| Ranked { name: name.to_owned(), pageviews })
                .collect(),
            other: other + rest.into_iter().map(|(_, count)| count).sum::<u64>(),
        }
    }
}

fn shortened(name: &str) -> std::borrow::Cow<'_, str> {
    if name.len() <= MAX_NAME_BYTES {
        name.into()
    } else {
        let end = name.floor_char_boundary(MAX_NAME_BYTES - '…'.len_utf8());
        format!("{}…", &name[..end]).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(names: &[&str], capacity: usize) -> Tally {
        let mut tally = Tally::default();
        for name in names {
            tally.add(name, capacity);
        }
        tally
    }

    #[test]
    fn names_beyond_the_capacity_are_counted_as_other() {
        let ranking = Ranking::of([tally(&["a", "b", "c", "a", "d"], 2)].iter(), 10);
        assert_eq!(
            ranking.top.iter().map(|r| (r.name.as_str(), r.pageviews)).collect::<Vec<_>>(),
            [("a", 2), ("b", 1)]
        );
        assert_eq!(ranking.other, 2);
    }

    #[test]
    fn what_is_not_in_the_top_is_other() {
        let minutes = [tally(&["a", "b"], 9), tally(&["b", "c"], 9)];
        let ranking = Ranking::of(minutes.iter(), 1);
        assert_eq!(ranking.top, [Ranked { name: "b".to_owned(), pageviews: 2 }]);
        assert_eq!(ranking.other, 2);
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let long = "ü".repeat(400);
        let ranking = Ranking::of([tally(&[&long], 1)].iter(), 1);
        assert!(ranking.top[0].name.ends_with("ü…") && ranking.top[0].name.len() <= MAX_NAME_BYTES);
    }
}
