//! Two edges under one certificate, found by what they do: each ends the other's connection, again and again. Pure: the time is an argument.
//!
//! An edge that comes back after a cut, or was started anew, replaces a connection that nobody is behind any more. Only one that still
//! answered when it was told to end counts here.

use std::collections::{HashMap, VecDeque};

/// So many takeovers within [`WINDOW_MS`] are no accident.
const FIGHT: usize = 3;
/// The time that is looked at, milliseconds.
const WINDOW_MS: i64 = 60_000;

/// The takeovers of the last minute, by edge.
#[derive(Debug, Default)]
pub(super) struct Takeovers(HashMap<String, Recent>);

#[derive(Debug, Default)]
struct Recent {
    /// The newest [`FIGHT`], milliseconds since 1970.
    at: VecDeque<i64>,
    /// Whose connection ended, and whose took over.
    addresses: (String, String),
    told: bool,
}

impl Recent {
    fn is_fight(&self, now_ms: i64) -> bool {
        self.at.len() == FIGHT && self.at.iter().all(|at| now_ms - at < WINDOW_MS)
    }

    fn sentence(&self, edge_id: &str) -> String {
        let (older, newer) = &self.addresses;
        format!(
            "two edges use one certificate, {edge_id}, and end each other's connections (from {older} and {newer}): give each edge a \
             certificate of its own"
        )
    }
}

impl Takeovers {
    /// Notes at `now_ms` that a living connection of `edge_id` was ended by another one. Returns a sentence to log when that has become
    /// more than an accident.
    pub(super) fn note(
        &mut self,
        edge_id: &str,
        older: String,
        newer: String,
        now_ms: i64,
    ) -> Option<String> {
        self.0.retain(|_, recent| recent.at.back().is_some_and(|at| now_ms - at < WINDOW_MS));
        let recent = self.0.entry(edge_id.to_owned()).or_default();
        recent.at.push_back(now_ms);
        if recent.at.len() > FIGHT {
            recent.at.pop_front();
        }
        recent.addresses = (older, newer);
        let news = recent.is_fight(now_ms) && !recent.told;
        recent.told |= news;
        news.then(|| recent.sentence(edge_id))
    }

    /// Who fights at `now_ms`.
    pub(super) fn sentences(&self, now_ms: i64) -> Vec<String> {
        let fights = self.0.iter().filter(|(_, recent)| recent.is_fight(now_ms));
        let mut sentences: Vec<_> = fights.map(|(edge_id, recent)| recent.sentence(edge_id)).collect();
        sentences.sort();
        sentences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(takeovers: &mut Takeovers, edge_id: &str, now_ms: i64) -> Option<String> {
        takeovers.note(edge_id, "10.0.0.1:5".to_owned(), "10.0.0.2:6".to_owned(), now_ms)
    }

    #[test]
    fn edges_that_end_each_others_connections_are_told_once_and_shown_while_they_do() {
        let mut takeovers = Takeovers::default();
        assert_eq!(note(&mut takeovers, "edge-1", 0), None);
        assert_eq!(note(&mut takeovers, "edge-1", 5_000), None);
        assert!(takeovers.sentences(5_000).is_empty(), "it can be an accident");
        let sentence = note(&mut takeovers, "edge-1", 10_000).expect("no accident any more");
        for part in ["edge-1", "10.0.0.1:5", "10.0.0.2:6", "a certificate of its own"] {
            assert!(sentence.contains(part), "{sentence}");
        }
        assert_eq!(note(&mut takeovers, "edge-1", 15_000), None, "it was told");
        assert_eq!(takeovers.sentences(20_000), [sentence]);
        assert!(takeovers.sentences(100_000).is_empty(), "they have stopped");
        assert_eq!(note(&mut takeovers, "edge-1", 200_000), None, "and begin from nothing");
    }

    #[test]
    fn a_takeover_now_and_then_and_those_of_several_edges_are_no_fight() {
        let mut takeovers = Takeovers::default();
        for number in 0..20 {
            assert_eq!(note(&mut takeovers, "edge-1", number * 30_000), None);
        }
        for number in 0..20 {
            assert_eq!(note(&mut takeovers, &format!("edge-{number}"), 10_000_000), None);
        }
        assert!(takeovers.sentences(10_000_000).is_empty());
    }
}
