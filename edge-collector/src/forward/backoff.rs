//! How long to wait before the next connection. Pure: randomness is an argument.

use std::time::Duration;

/// The first wait is at most this.
const FIRST: Duration = Duration::from_millis(100);
/// No wait is longer than this.
const LONGEST: Duration = Duration::from_secs(5);

/// The wait before try number `attempt` (from 0): doubled each time, and shortened at random by up to a half so that
/// edges that lost central together do not come back together.
#[must_use]
pub fn delay(attempt: u32, random: u64) -> Duration {
    let whole = FIRST.saturating_mul(1 << attempt.min(16)).min(LONGEST);
    whole.mul_f64(1.0 - (random >> 11) as f64 / (1_u64 << 53) as f64 / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn waits_grow_and_stay_bounded(attempt in any::<u32>(), random in any::<u64>()) {
            let wait = delay(attempt, random);
            prop_assert!(wait <= LONGEST && wait >= FIRST / 2);
            prop_assert!(delay(attempt.saturating_add(2), random) >= wait);
        }
    }
}
