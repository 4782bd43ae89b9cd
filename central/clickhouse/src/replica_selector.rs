//! Which replica of a shard is asked: the one that answered last, until it fails; the failed one again after a while. Pure: time is an
//! argument.

use std::time::{Duration, Instant};

/// From a replica's first failure to its next chance; doubled with each further failure ...
const FIRST: Duration = Duration::from_secs(1);
/// ... up to this.
const LONGEST: Duration = Duration::from_mins(1);

/// How the replicas of one shard have fared.
#[derive(Debug)]
pub(super) struct ReplicaSelector {
    preferred: usize,
    setbacks: Vec<Setback>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Setback {
    failures: u32,
    until: Option<Instant>,
}

impl ReplicaSelector {
    /// For this many replicas, at least one.
    pub(super) fn new(replicas: usize) -> Self {
        Self { preferred: 0, setbacks: vec![Setback::default(); replicas] }
    }

    /// The replica to ask: the preferred one or else the next that answers and has not just failed. Where all have failed, the one
    /// whose chance comes first.
    pub(super) fn choose(&self, now: Instant, answers: impl Fn(usize) -> bool) -> usize {
        let count = self.setbacks.len();
        let in_turn = || (0..count).map(|step| (self.preferred + step) % count);
        let waits = |replica: usize| self.setbacks[replica].until.filter(|until| *until > now);
        let good = in_turn().find(|replica| answers(*replica) && waits(*replica).is_none());
        let soonest = || in_turn().min_by_key(|replica| (!answers(*replica), waits(*replica)));
        good.or_else(soonest).unwrap_or(self.preferred)
    }

    /// It did what it was asked.
    pub(super) fn worked(&mut self, replica: usize) {
        self.preferred = replica;
        self.setbacks[replica] = Setback::default();
    }

    /// It did not.
    pub(super) fn failed(&mut self, replica: usize, now: Instant) {
        let setback = &mut self.setbacks[replica];
        let wait = FIRST.saturating_mul(1 << setback.failures.min(16)).min(LONGEST);
        *setback = Setback { failures: setback.failures.saturating_add(1), until: Some(now + wait) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: fn(usize) -> bool = |_| true;

    #[test]
    fn the_one_that_worked_is_asked_again_until_it_fails() {
        let now = Instant::now();
        let mut selector = ReplicaSelector::new(3);
        assert_eq!(selector.choose(now, ALL), 0);
        selector.failed(0, now);
        assert_eq!(selector.choose(now, ALL), 1);
        selector.worked(1);
        assert_eq!(selector.choose(now + LONGEST, ALL), 1, "it stays where it works");
        selector.failed(1, now);
        assert_eq!(selector.choose(now, ALL), 2);
    }

    #[test]
    fn a_failed_one_gets_its_next_chance_ever_later() {
        let now = Instant::now();
        let mut selector = ReplicaSelector::new(2);
        selector.failed(0, now);
        selector.failed(1, now);
        selector.failed(1, now);
        assert_eq!(selector.choose(now, ALL), 0, "its chance comes first");
        selector.failed(0, now + FIRST);
        selector.failed(0, now + FIRST);
        assert_eq!(selector.choose(now + FIRST * 2, ALL), 1);
        for _ in 0..40 {
            selector.failed(1, now);
        }
        assert_eq!(selector.choose(now + LONGEST, |replica| replica == 1), 1);
    }

    #[test]
    fn one_that_does_not_answer_is_asked_last_and_a_single_one_always() {
        let now = Instant::now();
        let mut selector = ReplicaSelector::new(2);
        assert_eq!(selector.choose(now, |replica| replica == 1), 1);
        selector.failed(1, now);
        assert_eq!(selector.choose(now, |replica| replica == 1), 1, "better than one that is silent");
        let mut single = ReplicaSelector::new(1);
        single.failed(0, now);
        assert_eq!(single.choose(now, |_| false), 0);
    }
}
