//! Something that goes wrong again and again is logged once a second with how often: a socket that cannot be accepted must not fill the
//! disk with lines about it. Reads no clock and writes no line itself.

use std::time::{Duration, Instant};

/// At most one line in so long.
const EVERY: Duration = Duration::from_secs(1);

/// How often one thing went wrong since the last line about it.
#[derive(Debug, Default)]
pub struct Repeated {
    last: Option<Instant>,
    since: u64,
}

impl Repeated {
    /// None so far.
    pub const fn new() -> Self {
        Self { last: None, since: 0 }
    }

    /// It went wrong now: how often since the last line, this time included, if a line is due. The first time is told at once; those that no
    /// line followed are in the count of the next one, however late that is.
    pub fn note(&mut self, now: Instant) -> Option<u64> {
        self.since = self.since.saturating_add(1);
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < EVERY) {
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_one_line_a_second_and_no_time_is_lost() {
        let start = Instant::now();
        let mut repeated = Repeated::new();
        assert_eq!(repeated.note(start), Some(1), "the first is told at once");
        let mut told = 1;
        let mut lines = 1;
        for millisecond in 1..=10_000 {
            if let Some(count) = repeated.note(start + Duration::from_millis(millisecond)) {
                lines += 1;
                told += count;
            }
        }
        assert_eq!((lines, told), (11, 10_001));
    }

    #[test]
    fn a_clock_that_stands_or_goes_back_tells_no_more_often() {
        let start = Instant::now();
        let later = start + Duration::from_secs(5);
        let mut repeated = Repeated::new();
        assert_eq!(repeated.note(later), Some(1));
        assert_eq!((repeated.note(later), repeated.note(start)), (None, None));
        assert_eq!(repeated.note(later + EVERY), Some(3));
    }
}
