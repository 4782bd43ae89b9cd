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
    /// The longest wait after failures.
    pub longest_wait: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { pause: Duration::from_secs(10), rest: 4, longest_wait: Duration::from_secs(10) }
    }
}

impl Pace {
    /// What a series of failures waits for.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(Duration::from_millis(200), self.longest_wait)
    }

    /// How long to wait after a step.
    pub(crate) fn after(&self, took: Duration, more: bool) -> Duration {
        if more { took / 2 } else { (took * self.rest).max(self.pause) }
    }
}
