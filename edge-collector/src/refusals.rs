//! Which sites and origins were refused and why, for the operator's log: each once a minute, with how often. Bounded, whatever strangers
//! send. Pure: takes the time as an argument and writes no log itself.

use std::collections::HashMap;

use footfall_proto::relay::DropReason;

use crate::enrich::cut;

/// How long one refusal is not told again, milliseconds.
const INTERVAL_MS: i64 = 60_000;
/// Most refusals that are told apart; those of others are added up by their reason.
const MOST: usize = 100;
/// Longest text of a stranger's that is told, bytes before escaping.
const LONGEST: usize = 100;

/// The refusals that were not told yet, or not long ago.
#[derive(Debug, Default)]
pub struct Refusals(HashMap<Refusal, Untold>);

/// What is told apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// Why.
    pub reason: DropReason,
    /// The tracking id that was sent, cut and without control characters; "-" where none was read.
    pub site: String,
    /// The origin of the page, likewise; "-" where the request had none.
    pub origin: String,
}

/// How often since it was told last.
#[derive(Debug, Default)]
struct Untold {
    count: u64,
    told_ms: Option<i64>,
}

impl Refusals {
    /// Counts a refused request.
    pub fn note(&mut self, reason: DropReason, site: &str, origin: Option<&str>) {
        let refusal = Refusal { reason, site: legible(site), origin: legible(origin.unwrap_or_default()) };
        let room = self.0.len() < MOST || self.0.contains_key(&refusal);
        let others = || Refusal { reason, site: "others".to_owned(), origin: "others".to_owned() };
        self.0.entry(if room { refusal } else { others() }).or_default().count += 1;
    }

    /// What is to be told at `now_ms`, and how often it happened. What did not happen again for a minute is forgotten.
    pub fn due(&mut self, now_ms: i64) -> Vec<(Refusal, u64)> {
        let mut due = Vec::new();
        self.0.retain(|refusal, untold| {
            // A clock that was set back tells early.
            if untold.told_ms.is_some_and(|told| (told..told.saturating_add(INTERVAL_MS)).contains(&now_ms)) {
                return true;
            }
            let count = std::mem::take(&mut untold.count);
            untold.told_ms = Some(now_ms);
            if count > 0 {
                due.push((refusal.clone(), count));
            }
            count > 0
        });
        due
    }
}

fn legible(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { cut(text, LONGEST).escape_debug().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ORIGIN: Option<&str> = Some("https://www.example.org");

    fn counts(due: &[(Refusal, u64)]) -> Vec<u64> {
        due.iter().map(|(_, count)| *count).collect()
    }

    #[test]
    fn a_refusal_is_told_at_once_and_then_once_a_minute_with_its_count() {
        let mut refusals = Refusals::default();
        refusals.note(DropReason::Origin, "FF-1", ORIGIN);
        assert_eq!(counts(&refusals.due(0)), [1]);
        for now in 1..INTERVAL_MS {
            if now % 1_000 == 0 {
                refusals.note(DropReason::Origin, "FF-1", ORIGIN);
            }
            assert!(refusals.due(now).is_empty(), "{now}");
        }
        let due = refusals.due(INTERVAL_MS);
        assert_eq!(counts(&due), [59]);
        let expected = ("FF-1", "https://www.example.org");
        assert_eq!((due[0].0.site.as_str(), due[0].0.origin.as_str()), expected);
        assert!(refusals.due(2 * INTERVAL_MS).is_empty());
        assert!(refusals.0.is_empty(), "what stopped is forgotten");
    }

    #[test]
    fn site_origin_and_reason_are_told_apart() {
        let mut refusals = Refusals::default();
        refusals.note(DropReason::Origin, "FF-1", ORIGIN);
        refusals.note(DropReason::PausedSite, "FF-1", ORIGIN);
        refusals.note(DropReason::Origin, "FF-2", ORIGIN);
        refusals.note(DropReason::Origin, "FF-1", None);
        refusals.note(DropReason::Origin, "FF-1", None);
        let mut due = refusals.due(0);
        due.sort_by_key(|(refusal, _)| refusal.origin != "-");
        assert_eq!(counts(&due), [2, 1, 1, 1]);
    }

    #[test]
    fn a_clock_that_was_set_back_silences_nothing() {
        let mut refusals = Refusals::default();
        refusals.note(DropReason::Origin, "FF-1", ORIGIN);
        assert_eq!(counts(&refusals.due(9 * INTERVAL_MS)), [1]);
        refusals.note(DropReason::Origin, "FF-1", ORIGIN);
        assert_eq!(counts(&refusals.due(0)), [1]);
    }

    proptest! {
        #[test]
        fn no_leap_of_the_clock_silences_a_refusal_for_longer_than_the_interval(
            leaps in prop::collection::vec(prop_oneof![any::<i64>(), Just(i64::MAX), Just(i64::MIN)], 0..20),
        ) {
            let mut refusals = Refusals::default();
            for time in leaps {
                refusals.note(DropReason::Origin, "FF-1", ORIGIN);
                let _ = refusals.due(time);
            }
            refusals.note(DropReason::Origin, "FF-1", ORIGIN);
            let told = refusals.due(0).len() + refusals.due(INTERVAL_MS).len();
            prop_assert_eq!(told, 1);
        }

        #[test]
        fn whatever_strangers_send_is_bounded_counted_and_legible(
            sent in prop::collection::vec((".{0,300}", proptest::option::of(".{0,300}")), 1..400),
        ) {
            let mut refusals = Refusals::default();
            for (site, origin) in &sent {
                refusals.note(DropReason::UnknownSite, site, origin.as_deref());
            }
            prop_assert!(refusals.0.len() <= MOST + 1);
            let due = refusals.due(0);
            prop_assert_eq!(counts(&due).iter().sum::<u64>(), sent.len() as u64);
            for (refusal, _) in due {
                for text in [refusal.site, refusal.origin] {
                    prop_assert!(!text.is_empty() && text.len() <= LONGEST * 10);
                    prop_assert!(!text.chars().any(char::is_control), "{text:?}");
                }
            }
        }
    }
}
