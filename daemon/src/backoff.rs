//! How long to wait before the same is tried again. Pure: randomness is an argument.

use std::time::Duration;

/// Doubling waits, each spread over its upper half so that many who failed together do not return together.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// The first wait is at most `first`, no wait is longer than `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// The next wait. `random` is spread evenly over all numbers.
    pub fn next(&mut self, random: u64) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        // The upper 53 bits as a fraction of 1, which an f64 holds exactly.
        doubled.mul_f64(1.0 - (random >> 11) as f64 / (1_u64 << 53) as f64 / 2.0)
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// It worked: the next wait is the first one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(10);

    proptest! {
        #[test]
        fn waits_double_up_to_a_bound_and_lie_in_their_upper_half(seed in any::<u64>()) {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut backoff = Backoff::new(FIRST, LONGEST);
            for failures in 0..40 {
                prop_assert_eq!(backoff.failures(), failures);
                let whole = (FIRST * (1 << failures.min(10))).min(LONGEST);
                let wait = backoff.next(rng.u64(..));
                prop_assert!(wait >= whole / 2 && wait <= whole, "{:?} after {} failures", wait, failures);
            }
            backoff.reset();
            prop_assert!(backoff.next(rng.u64(..)) <= FIRST);
        }
    }

    #[test]
    fn both_ends_of_the_half_are_reached_and_no_number_of_failures_overflows() {
        let mut backoff = Backoff { failures: u32::MAX, ..Backoff::new(FIRST, LONGEST) };
        assert_eq!(backoff.next(0), LONGEST);
        assert_eq!(backoff.failures(), u32::MAX);
        assert!(backoff.next(u64::MAX) < LONGEST / 2 + Duration::from_micros(1));
    }
}
