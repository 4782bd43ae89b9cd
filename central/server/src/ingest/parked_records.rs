//! Which edges send records that are parked, in sentences for whoever has to find out why. Pure: the time is an argument.
//!
//! An edge sends them as fast as it can, so each is logged once a minute at most, with a count.

use std::collections::BTreeMap;

use footfall_log::PoisonReason;

/// An edge that sent nothing to be parked for so long is shown no more, and is told of anew, milliseconds.
const OVER_MS: i64 = 600_000;
/// How often an edge is logged at most, milliseconds.
const AGAIN_MS: i64 = 60_000;
/// Most edges; beyond, the one that is quiet for longest goes.
const MAX: usize = 128;

/// What edges sent lately.
#[derive(Debug, Default)]
pub(super) struct ParkedRecords(BTreeMap<String, Lately>);

#[derive(Debug, Default)]
struct Lately {
    /// How many records, by the word for their reason.
    records: BTreeMap<&'static str, u64>,
    last_ms: i64,
    told_ms: Option<i64>,
}

impl Lately {
    fn sentence(&self, edge_id: &str) -> String {
        let reasons = self.records.iter().map(|(reason, records)| format!("{records} {reason}"));
        format!(
            "records of {edge_id} are parked, as they say what an edge cannot know ({}): look at central dead-letter list, and at that \
             edge's clock and key",
            reasons.collect::<Vec<_>>().join(", ")
        )
    }
}

impl ParkedRecords {
    /// Notes at `now_ms`, milliseconds since 1970, that a record of an edge was parked. Returns a sentence to log, once a minute.
    pub(super) fn note(
        &mut self,
        edge_id: &str,
        reasons: impl Iterator<Item = PoisonReason>,
        now_ms: i64,
    ) -> Option<String> {
        self.0.retain(|_, lately| now_ms - lately.last_ms < OVER_MS);
        if self.0.len() >= MAX && !self.0.contains_key(edge_id) {
            let quiet = self.0.iter().min_by_key(|(_, lately)| lately.last_ms).map(|(edge, _)| edge.clone());
            self.0.remove(&quiet.expect("there are many"));
        }
        let lately = self.0.entry(edge_id.to_owned()).or_default();
        lately.last_ms = now_ms;
        for reason in reasons {
            *lately.records.entry(reason.name()).or_default() += 1;
        }
        let told = lately.told_ms.is_some_and(|told_ms| now_ms - told_ms < AGAIN_MS);
        if told {
            return None;
        }
        lately.told_ms = Some(now_ms);
        Some(lately.sentence(edge_id))
    }

    /// What goes on at `now_ms`, an edge a sentence.
    pub(super) fn sentences(&self, now_ms: i64) -> Vec<String> {
        let recent = self.0.iter().filter(|(_, lately)| now_ms - lately.last_ms < OVER_MS);
        recent.map(|(edge_id, lately)| lately.sentence(edge_id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_is_told_of_once_a_minute_with_a_count_and_shown_until_it_was_quiet() {
        let mut parked = ParkedRecords::default();
        let note = |parked: &mut ParkedRecords, now_ms| {
            parked.note("edge-1", [PoisonReason::Ahead, PoisonReason::UnknownSite].into_iter(), now_ms)
        };
        let sentence = note(&mut parked, 0).expect("news");
        assert!(sentence.contains("edge-1") && sentence.contains("(1 ahead, 1 unknown_site)"), "{sentence}");
        for now_ms in 1..100 {
            assert_eq!(note(&mut parked, now_ms), None);
        }
        let sentence = note(&mut parked, AGAIN_MS).expect("a minute later");
        assert!(sentence.contains("(101 ahead, 101 unknown_site)"), "{sentence}");
        assert_eq!(parked.sentences(AGAIN_MS + OVER_MS - 1), [sentence]);
        assert!(parked.sentences(AGAIN_MS + OVER_MS).is_empty());
    }

    #[test]
    fn the_edges_that_are_remembered_are_bounded() {
        let mut parked = ParkedRecords::default();
        for number in 0..1000 {
            parked.note(&format!("edge-{number}"), std::iter::once(PoisonReason::Ahead), number);
        }
        assert_eq!(parked.0.len(), MAX);
        assert!(parked.0.contains_key("edge-999"));
    }
}
