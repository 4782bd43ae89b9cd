//! How long the computation waits between its steps. Pure; waits for nothing itself.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_took_long_rests_long_but_figures_do_not_wait_for_ever() {
        let pace = Pace::default();
        let seconds = Duration::from_secs;
        let after = |took| pace.after(seconds(took), false);
        assert_eq!([after(0), after(1), after(4), after(60)], [10, 10, 16, 20].map(seconds));
        assert_eq!(pace.after(seconds(4), true), seconds(2), "more is waiting");
    }
}
