//! Where a session that goes on for days is cut. Pure.

/// A session is cut this long after its start, milliseconds: its next event begins a part of its own.
pub(crate) const LONGEST_MS: i64 = 24 * 60 * 60 * 1000;
/// Stands between a session's id and what tells its parts apart; no id has it.
const SEPARATOR: char = '~';

/// A part of a session: what it is called, and the times of its first and last event, milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) id: String,
    pub(crate) first: i64,
    pub(crate) last: i64,
}

/// The parts of a session that had events at these times, ascending. The first has the session's id, and so has one that begins after a day
/// of silence: what is computed from the events of some days must not depend on older ones. All others are called by their start as well.
pub(crate) fn parts(session_id: &str, times: &[i64]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for time in times.iter().copied() {
        match parts.last_mut() {
            Some(part) if time < part.first + LONGEST_MS => part.last = time,
            before => {
                let goes_on = before.is_some_and(|part| time < part.last + LONGEST_MS);
                let id =
                    if goes_on { format!("{session_id}{SEPARATOR}{time}") } else { session_id.to_owned() };
                parts.push(Part { id, first: time, last: time });
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR_MS: i64 = 60 * 60 * 1000;

    fn cut(hours: &[i64]) -> Vec<(String, i64, i64)> {
        let times: Vec<_> = hours.iter().map(|hour| hour * HOUR_MS).collect();
        let named = |part: Part| (part.id, part.first / HOUR_MS, part.last / HOUR_MS);
        parts("s", &times).into_iter().map(named).collect()
    }

    #[test]
    fn a_session_is_cut_a_day_after_its_start_and_goes_on_at_its_next_event() {
        assert_eq!(cut(&[]), []);
        assert_eq!(cut(&[5]), [("s".to_owned(), 5, 5)]);
        assert_eq!(cut(&[0, 10, 23]), [("s".to_owned(), 0, 23)]);
        let later = |hour: i64| format!("s~{}", hour * HOUR_MS);
        assert_eq!(
            cut(&[0, 20, 24, 40, 47, 48]),
            [("s".to_owned(), 0, 20), (later(24), 24, 47), (later(48), 48, 48)]
        );
    }

    #[test]
    fn after_a_day_of_silence_it_begins_anew_under_its_own_id() {
        assert_eq!(cut(&[0, 1, 25]), [("s".to_owned(), 0, 1), ("s".to_owned(), 25, 25)]);
    }

    proptest! {
        #[test]
        fn every_event_is_in_one_part_and_none_is_longer_than_a_day(mut times in prop::collection::vec(0_i64..300 * HOUR_MS, 0..60)) {
            times.sort_unstable();
            let parts = parts("s", &times);
            for time in &times {
                let holds = parts.iter().filter(|part| (part.first..=part.last).contains(time)).count();
                prop_assert_eq!(holds, 1);
            }
            prop_assert!(parts.iter().all(|part| part.last - part.first < LONGEST_MS));
            prop_assert!(parts.is_sorted_by(|one, other| one.last < other.first && one.first + LONGEST_MS <= other.first));
        }

        #[test]
        fn what_lies_a_day_before_changes_nothing(mut old in prop::collection::vec(0_i64..30 * HOUR_MS, 0..20), mut new in prop::collection::vec(54 * HOUR_MS..200 * HOUR_MS, 1..20)) {
            old.sort_unstable();
            new.sort_unstable();
            let all: Vec<_> = old.iter().chain(&new).copied().collect();
            let (alone, together) = (parts("s", &new), parts("s", &all));
            prop_assert!(together.ends_with(&alone));
        }
    }
}
