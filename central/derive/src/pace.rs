//! How long the computation waits between its steps, and whose turn the next one is. Pure; waits for nothing itself.

use std::time::Duration;

use footfall_daemon::backoff::Backoff;

/// How long the computation waits for what; tests have less time.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From one step to the next, at least.
    pub pause: Duration,
    /// A step is followed by a wait of so many times what it took, unless more is waiting: whoever stores and asks comes first.
    pub rest: u32,
    /// But no longer than this: figures are never much later than a step takes.
    pub longest_rest: Duration,
    /// The longest wait after failures.
    pub longest_wait: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            pause: Duration::from_secs(10),
            rest: 4,
            longest_rest: Duration::from_secs(20),
            longest_wait: Duration::from_secs(10),
        }
    }
}

impl Pace {
    /// What a series of failures waits for.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(Duration::from_millis(200), self.longest_wait)
    }

    /// How long to wait after a step.
    pub(crate) fn after(&self, took: Duration, more: bool) -> Duration {
        if more { took / 2 } else { (took * self.rest).min(self.longest_rest).max(self.pause) }
    }
}

/// Where events never cease to come, what is to be computed again has every other turn.
#[derive(Default)]
pub(crate) struct Turns {
    went_forward: bool,
}

impl Turns {
    /// Whether this turn may take in what is new; `waits` says whether something else is to be computed.
    pub(crate) fn may_go_forward(&self, waits: bool) -> bool {
        !(waits && self.went_forward)
    }

    /// Notes whether it did.
    pub(crate) fn note(&mut self, went_forward: bool) {
        self.went_forward = went_forward;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_has_every_other_turn_and_what_is_new_all_others() {
        let mut turns = Turns::default();
        let mut forward = |is_new: bool, waits: bool| {
            let goes = is_new && turns.may_go_forward(waits);
            turns.note(goes);
            goes
        };
        let steady: Vec<_> = (0..6).map(|_| forward(true, true)).collect();
        assert_eq!(steady, [true, false, true, false, true, false]);
        assert!((0..3).all(|_| forward(true, false)), "nothing else waits");
        assert!(!forward(true, true), "it has had the turns before");
        assert!(!forward(false, true) && forward(true, true), "what waits has had the turn before");
    }

    #[test]
    fn whoever_took_long_rests_long_but_figures_do_not_wait_for_ever() {
        let pace = Pace::default();
        let seconds = Duration::from_secs;
        let after = |took| pace.after(seconds(took), false);
        assert_eq!([after(0), after(1), after(4), after(60)], [10, 10, 16, 20].map(seconds));
        assert_eq!(pace.after(seconds(4), true), seconds(2), "more is waiting");
    }
}
