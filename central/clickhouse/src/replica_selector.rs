//! Which replica of a shard is asked: the one that answered last, until it fails; one that failed is asked again after a while. Pure: time is
//! an argument.

use std::time::{Duration, Instant};

use footfall_daemon::backoff::Backoff;

/// From a replica's first failure until it is asked again; doubled with each further failure ...
const FIRST: Duration = Duration::from_secs(1);
/// ... up to this.
const LONGEST: Duration = Duration::from_mins(1);

/// Which replica of one shard worked last, and how long those that failed are left alone.
#[derive(Debug)]
pub(super) struct ReplicaSelector {
    preferred: usize,
    replicas: Vec<Replica>,
}

#[derive(Clone, Copy, Debug)]
struct Replica {
    backoff: Backoff,
    retry_at: Option<Instant>,
}

/// One that has not failed.
const WORKING: Replica = Replica { backoff: Backoff::new(FIRST, LONGEST), retry_at: None };

impl ReplicaSelector {
    /// For this many replicas, at least one.
    pub(super) fn new(replicas: usize) -> Self {
        Self { preferred: 0, replicas: vec![WORKING; replicas] }
    }

    /// The replica to ask: the preferred one or else the next that answers and has not just failed. Where all have failed, the one
    /// that is to be asked again first.
    pub(super) fn choose(&self, now: Instant, answers: impl Fn(usize) -> bool) -> usize {
        let count = self.replicas.len();
        let in_turn = || (0..count).map(|step| (self.preferred + step) % count);
        let waits = |replica: usize| self.replicas[replica].retry_at.filter(|at| *at > now);
        let good = in_turn().find(|replica| answers(*replica) && waits(*replica).is_none());
        let soonest = || in_turn().min_by_key(|replica| (!answers(*replica), waits(*replica)));
        good.or_else(soonest).unwrap_or(self.preferred)
    }

    /// It did what it was asked.
    pub(super) fn worked(&mut self, replica: usize) {
        self.preferred = replica;
        self.replicas[replica] = WORKING;
    }

    /// It did not.
    pub(super) fn failed(&mut self, replica: usize, now: Instant) {
        let replica = &mut self.replicas[replica];
        // Not spread: nobody else asks in step with this selector.
        replica.retry_at = Some(now + replica.backoff.next(0));
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
    fn a_replica_that_fails_again_is_left_alone_longer() {
        let now = Instant::now();
        let mut selector = ReplicaSelector::new(2);
        selector.failed(0, now);
        selector.failed(1, now);
        selector.failed(1, now);
        assert_eq!(selector.choose(now, ALL), 0, "it is to be asked again first");
        selector.failed(0, now + FIRST);
        selector.failed(0, now + FIRST);
        assert_eq!(selector.choose(now + FIRST * 2, ALL), 1);
        for _ in 0..40 {
            selector.failed(1, now);
        }
        assert_eq!(selector.choose(now + LONGEST, |replica| replica == 1), 1);
    }

    #[test]
    fn one_that_does_not_answer_is_asked_last_and_a_single_one_is_always_asked() {
        let now = Instant::now();
        let mut selector = ReplicaSelector::new(2);
        assert_eq!(selector.choose(now, |replica| replica == 1), 1);
        selector.failed(1, now);
        assert_eq!(selector.choose(now, |replica| replica == 1), 1, "better than one that does not answer");
        let mut single = ReplicaSelector::new(1);
        single.failed(0, now);
        assert_eq!(single.choose(now, |_| false), 0);
    }
}
