//! How far each sink is in a partition, as the text that goes with the group's committed offset. Pure.

use std::collections::BTreeMap;

use crate::Incarnation;

/// Kafka's bound for that text (`offset.metadata.max.bytes`).
const MAX_BYTES: usize = 4096;

/// The next offset of each sink, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Positions(BTreeMap<String, u64>);

impl Positions {
    /// Reads what [`text`](Self::text) wrote for the same log; anything else says nothing.
    pub(super) fn parse(text: &str, incarnation: Incarnation) -> Self {
        let mut words = text.split(' ');
        if words.next() != Some(incarnation.to_string().as_str()) {
            return Self::default();
        }
        let position = |word: &str| {
            let (name, next) = word.split_once('=')?;
            Some((name.to_owned(), next.parse().ok()?))
        };
        Self(words.filter_map(position).collect())
    }

    /// The log's name, then `name=next` of every sink. Sinks beyond the bound are left out, and ask their stores.
    pub(super) fn text(&self, incarnation: Incarnation) -> String {
        let mut text = incarnation.to_string();
        for (name, next) in &self.0 {
            let word = format!(" {name}={next}");
            if text.len() + word.len() <= MAX_BYTES {
                text.push_str(&word);
            }
        }
        text
    }

    pub(super) fn get(&self, name: &str) -> Option<u64> {
        self.0.get(name).copied()
    }

    pub(super) fn set(&mut self, name: &str, next: u64) {
        self.0.insert(name.to_owned(), next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn positions_are_read_back_for_their_log_only() {
        let mut positions = Positions::default();
        positions.set("clickhouse", 41);
        positions.set("raw", 7);
        positions.set("clickhouse", 42);
        let text = positions.text(Incarnation([1; 16]));
        assert_eq!(Positions::parse(&text, Incarnation([1; 16])), positions);
        assert_eq!(Positions::parse(&text, Incarnation([2; 16])), Positions::default());
    }

    #[test]
    fn the_text_fits_however_many_sinks_there_are() {
        let mut positions = Positions::default();
        (0..1_000).for_each(|sink| positions.set(&format!("sink-{sink}"), u64::MAX));
        let text = positions.text(Incarnation([1; 16]));
        assert!(text.len() <= MAX_BYTES && Positions::parse(&text, Incarnation([1; 16])).0.len() > 100);
    }

    proptest! {
        #[test]
        fn rubbish_says_nothing_and_never_panics(text in ".{0,200}") {
            Positions::parse(&text, Incarnation([1; 16]));
            Positions::parse(&format!("{} {text}", Incarnation([1; 16])), Incarnation([1; 16]));
        }
    }
}
