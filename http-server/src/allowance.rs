//! How long a slow client may be waited for: time runs out while nothing moves and is earned back by bytes, up to where it began. A byte
//! now and then does not start it anew, so a client that trickles is closed about as soon as one that is silent. Pure.

/// What is left of the time to wait for one client, in one direction.
#[derive(Clone, Debug)]
pub struct Allowance {
    /// Milliseconds.
    full: u64,
    left: u64,
    /// Bytes a second.
    rate: u64,
    waiting_since: Option<u64>,
}

impl Allowance {
    /// Begins with `full` milliseconds; `rate` bytes earn a second.
    pub fn new(full: u64, rate: u32) -> Self {
        Self { full, left: full, rate: u64::from(rate.max(1)), waiting_since: None }
    }

    /// Nothing moved at `now` (milliseconds of any clock that does not go back). Says when to give the client up.
    pub fn wait(&mut self, now: u64) -> u64 {
        *self.waiting_since.get_or_insert(now) + self.left
    }

    /// `bytes` moved at `now`.
    pub fn moved(&mut self, now: u64, bytes: u64) {
        if let Some(since) = self.waiting_since.take() {
            self.left = self.left.saturating_sub(now.saturating_sub(since));
        }
        let earned = bytes.saturating_mul(1000) / self.rate;
        self.left = self.left.saturating_add(earned).min(self.full);
    }

    /// Whether somebody is waiting.
    pub fn is_waiting(&self) -> bool {
        self.waiting_since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sends `bytes` every `pause` milliseconds; when it is given up, if ever within an hour.
    fn given_up(pause: u64, bytes: u64) -> Option<u64> {
        let mut allowance = Allowance::new(10_000, 1024);
        let mut now = 0;
        while now < 3_600_000 {
            let deadline = allowance.wait(now);
            if now + pause >= deadline {
                return Some(deadline);
            }
            now += pause;
            allowance.moved(now, bytes);
        }
        None
    }

    #[test]
    fn silence_ends_it_and_so_does_a_byte_now_and_then() {
        assert_eq!(given_up(u64::MAX / 2, 0), Some(10_000));
        for pause in [100, 1000, 9_999] {
            let end = given_up(pause, 1).expect("given up");
            assert!((10_000..=20_000).contains(&end), "a byte each {pause} ms: {end}");
        }
    }

    #[test]
    fn who_keeps_the_rate_is_waited_for_as_long_as_it_takes() {
        assert_eq!(given_up(1000, 1024), None);
        assert_eq!(given_up(9000, 9 * 1024), None);
    }

    #[test]
    fn much_at_once_earns_no_more_than_the_beginning() {
        let mut allowance = Allowance::new(10_000, 1024);
        allowance.moved(0, 1 << 30);
        assert_eq!(allowance.wait(5), 10_005);
        assert_eq!(allowance.wait(9_000), 10_005, "waiting on does not begin anew");
        allowance.moved(9_005, 0);
        assert_eq!(allowance.wait(9_005), 10_005);
    }

    proptest! {
        #[test]
        fn who_is_below_the_rate_is_given_up(pause in 100_u64..9_000, share in 0.0_f64..0.9) {
            let bytes = (pause as f64 / 1000.0 * 1024.0 * share) as u64;
            prop_assert!(given_up(pause, bytes).is_some());
        }
    }
}
