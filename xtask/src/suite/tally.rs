//! Adds up what test programs said. Pure: lines in, sums out.

/// Tests that passed and failed, and binaries that never said how they ended.
#[derive(Default, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    begun: u64,
    ended: u64,
}

impl Tally {
    /// Takes one line of a test binary's output.
    pub(crate) fn read(&mut self, line: &str) {
        if line.starts_with("running ") && (line.ends_with(" test") || line.ends_with(" tests")) {
            self.begun += 1;
        } else if let Some(rest) = line.strip_prefix("test result: ") {
            self.ended += 1;
            self.passed += count(rest, " passed");
            self.failed += count(rest, " failed");
        }
    }

    /// Adds what another one counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.begun += other.begun;
        self.ended += other.ended;
    }

    /// Binaries that began and gave no result: they crashed, or were killed.
    pub(crate) fn lost(&self) -> u64 {
        self.begun.saturating_sub(self.ended)
    }
}

/// The 12 in `ok. 12 passed; 0 failed; …`.
fn count(result: &str, word: &str) -> u64 {
    let before = result.split(word).next().filter(|before| before.len() < result.len());
    before.and_then(|before| before.rsplit(' ').next()).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(text: &str) -> Tally {
        let mut tally = Tally::default();
        text.lines().for_each(|line| tally.read(line));
        tally
    }

    #[test]
    fn several_binaries_are_summed() {
        let sum = tally(
            "\nrunning 2 tests\ntest a ... ok\ntest b ... ok\n\n\
             test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             running 1 test\ntest c ... FAILED\n\
             test result: FAILED. 0 passed; 1 failed; 3 ignored; 0 measured; 12 filtered out; finished in 1.20s\n",
        );
        assert_eq!(sum.to_string(), "2 passed, 1 failed");
        assert_eq!(sum.lost(), 0);
        let mut twice = tally("running 1 test\ntest result: ok. 1 passed; 0 failed;\nrunning 1 test");
        twice.add(&sum);
        assert_eq!(twice.to_string(), "3 passed, 1 failed");
        assert_eq!(twice.lost(), 1);
    }

    #[test]
    fn a_binary_that_crashed_is_missed() {
        let sum =
            tally("running 3 tests\ntest a ... ok\nrunning 1 test\ntest result: ok. 1 passed; 0 failed;");
        assert_eq!(sum.to_string(), "1 passed, 0 failed");
        assert_eq!(sum.lost(), 1);
    }

    #[test]
    fn what_tests_print_is_not_a_result() {
        assert_eq!(tally("we were running late\n 3 passed\nresult: 4 failed"), Tally::default());
    }
}
