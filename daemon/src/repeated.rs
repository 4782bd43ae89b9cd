//! Something that goes wrong again and again is logged a few times a second with how often: a socket that cannot be accepted must not fill
//! the disk with lines about it. Reads no clock and writes no line itself.

use std::time::{Duration, Instant};

/// In which lines are counted.
const EVERY: Duration = Duration::from_secs(1);

/// How often one thing went wrong since the last line about it.
#[derive(Debug)]
pub struct Repeated {
    most: u32,
    began: Option<Instant>,
    lines: u32,
    since: u64,
}

impl Repeated {
    /// None so far, and at most one line a second.
    pub const fn new() -> Self {
        Self::at_most(1)
    }

    /// None so far, and at most so many lines a second.
    pub const fn at_most(most: u32) -> Self {
        Self { most, began: None, lines: 0, since: 0 }
    }

    /// It went wrong now: how often since the last line, this time included, if a line is due. The first time is told at once; those that no
    /// line followed are in the count of the next one, however late that is.
    pub fn note(&mut self, now: Instant) -> Option<u64> {
        self.since = self.since.saturating_add(1);
        if self.began.is_none_or(|began| now.saturating_duration_since(began) >= EVERY) {
            (self.began, self.lines) = (Some(now), 0);
        }
        if self.lines == self.most {
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.since))
    }
}

impl Default for Repeated {
    fn default() -> Self {
        Self::new()
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

    #[test]
    fn a_few_are_written_and_of_a_storm_ten_a_second_with_how_many_were_not() {
        let start = Instant::now();
        let mut repeated = Repeated::at_most(10);
        let (mut written, mut left_out) = (0_u64, 0);
        for millisecond in 0..5000 {
            if let Some(times) = repeated.note(start + Duration::from_millis(millisecond)) {
                written += 1;
                left_out += times - 1;
            }
        }
        assert_eq!((written, left_out), (50, 4 * 990));
        assert_eq!(repeated.note(start + Duration::from_mins(1)), Some(991));
        assert_eq!(repeated.note(start + Duration::from_mins(2)), Some(1));
    }
}
