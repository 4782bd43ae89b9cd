//! One message that comes again and again must not fill a disk: of each place in the code that warns, ten messages a second are written, and
//! how many were left out. Reads no clock.

use std::time::{Duration, Instant};

/// Messages of one place within one [`SPAN`] that are written.
const WRITTEN: u32 = 10;
/// In which they are counted.
const SPAN: Duration = Duration::from_secs(1);

/// The messages of one place.
#[derive(Debug)]
pub(super) struct Burst {
    since: Instant,
    written: u32,
    left_out: u64,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is written; so many before it were not.
    Write { left_out: u64 },
    /// It is only counted.
    LeaveOut,
}

impl Burst {
    /// None so far.
    pub(super) const fn new(now: Instant) -> Self {
        Self { since: now, written: 0, left_out: 0 }
    }

    /// One more, at `now`.
    pub(super) fn note(&mut self, now: Instant) -> Verdict {
        if now.saturating_duration_since(self.since) >= SPAN {
            (self.since, self.written) = (now, 0);
        }
        if self.written == WRITTEN {
            self.left_out += 1;
            return Verdict::LeaveOut;
        }
        self.written += 1;
        Verdict::Write { left_out: std::mem::take(&mut self.left_out) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_written_and_of_a_storm_ten_a_second_with_how_many_were_not() {
        let start = Instant::now();
        let mut burst = Burst::new(start);
        let (mut written, mut left_out) = (0_u64, 0);
        for millisecond in 0..5000 {
            match burst.note(start + Duration::from_millis(millisecond)) {
                Verdict::Write { left_out: before } => {
                    written += 1;
                    left_out += before;
                }
                Verdict::LeaveOut => {}
            }
        }
        assert_eq!((written, left_out), (50, 4 * 990));
        assert_eq!(burst.note(start + Duration::from_mins(1)), Verdict::Write { left_out: 990 });
        assert_eq!(burst.note(start + Duration::from_mins(2)), Verdict::Write { left_out: 0 });
    }
}
