//! How long to wait before the same is tried again. Pure: randomness is an argument.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// Doubling waits, each spread over its upper half so that many who failed together do not return together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait.
    pub(super) fn next(&mut self, random: u64) -> Duration {
        let full = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures += 1;
        let half = full / 2;
        half + Duration::from_nanos(random % (half.as_nanos() as u64 + 1))
    }

    /// Failures in a row.
    pub(super) fn failures(self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..40).map(|i| backoff.next(i * 7_919_777_777)).collect();
        assert!(waits[0] >= FIRST / 2 && waits[0] <= FIRST, "{:?}", waits[0]);
        assert!(waits[3] >= FIRST * 4 && waits[3] <= FIRST * 8, "{:?}", waits[3]);
        assert!(waits[20..].iter().all(|wait| *wait >= LONGEST / 2 && *wait <= LONGEST));
    }
}
