//! Which answers of the edge mean a retry of the batch, and the backoff before it.

/// First wait after a failure, milliseconds; each further failure doubles it.
const FIRST_WAIT_MS: u64 = 1_000;
/// The wait is doubled this many times at most (64 s).
const DOUBLINGS: u32 = 6;
/// Longest wait that a server may ask for, seconds.
const LONGEST_ASKED_S: u64 = 3_600;

/// What an answer means for a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Stored, or refused for a reason that a repeat would not change: the edge has counted it.
    Done,
    /// Not delivered, or the edge could not take it now.
    Retry {
        /// What `Retry-After` asked for, seconds; 0 when it did not.
        after_s: u64,
    },
}

/// Reads an answer: its status, 0 when there was none, and the seconds of its `Retry-After`.
#[must_use]
pub fn outcome(status: u32, after_s: u64) -> Outcome {
    match status {
        0 | 408 | 425 | 429 | 500..=599 => Outcome::Retry { after_s },
        _ => Outcome::Done,
    }
}

/// Milliseconds to wait after the `failures`-th failure in a row (from 1). `random` spreads the browsers that failed together
/// over half of the wait, and over a second when the server named the time.
#[must_use]
pub fn wait_ms(failures: u32, after_s: u64, random: u8) -> u64 {
    let longest = FIRST_WAIT_MS << failures.saturating_sub(1).min(DOUBLINGS);
    let own = longest / 2 + longest / 2 * u64::from(random) / 255;
    if after_s == 0 { own } else { own.max(after_s.min(LONGEST_ASKED_S) * 1_000 + u64::from(random) * 4) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_errors_and_lost_requests_are_retried_and_nothing_else() {
        for status in [200, 204, 400, 403, 404, 413] {
            assert_eq!(outcome(status, 5), Outcome::Done, "{status}");
        }
        for status in [0, 429, 500, 502, 503] {
            assert_eq!(outcome(status, 5), Outcome::Retry { after_s: 5 }, "{status}");
        }
    }

    #[test]
    fn waits_double_up_to_a_minute_and_are_spread() {
        assert_eq!((wait_ms(1, 0, 0), wait_ms(1, 0, 255)), (500, 1_000));
        assert_eq!((wait_ms(3, 0, 0), wait_ms(3, 0, 255)), (2_000, 4_000));
        assert_eq!(wait_ms(7, 0, 255), 64_000);
        assert_eq!(wait_ms(u32::MAX, 0, 255), 64_000);
    }

    #[test]
    fn a_server_may_ask_for_more_but_not_for_ever() {
        assert_eq!(wait_ms(1, 30, 0), 30_000);
        assert_eq!(wait_ms(1, 30, 255), 31_020);
        assert_eq!(wait_ms(7, 1, 255), 64_000);
        assert_eq!(wait_ms(1, u64::MAX, 0), 3_600_000);
    }
}
