//! Which test program runs next, and beside which. Pure: it starts nothing.

use std::collections::VecDeque;

/// Programs that wait and how many run.
pub(super) struct Queue<T> {
    /// Those that may have others beside them.
    together: VecDeque<T>,
    /// Those that must not; they run last.
    alone: VecDeque<T>,
    running: usize,
    /// How many may run at once.
    most: usize,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<T> {
    Start(T),
    /// Until one has ended.
    Wait,
    Done,
}

impl<T> Queue<T> {
    /// In this order, at most `most` at once, those that `alone` picks after all others and one at a time.
    pub(super) fn new(
        programs: impl IntoIterator<Item = T>,
        most: usize,
        alone: impl Fn(&T) -> bool,
    ) -> Self {
        let (alone, together): (VecDeque<T>, VecDeque<T>) = programs.into_iter().partition(alone);
        Self { together, alone, running: 0, most: most.max(1) }
    }

    /// What to do now; a program that is handed out counts as running until [`Self::ended`].
    pub(super) fn next(&mut self) -> Next<T> {
        let most = if self.together.is_empty() { 1 } else { self.most };
        if self.together.is_empty() && self.alone.is_empty() {
            return Next::Done;
        }
        if self.running >= most {
            return Next::Wait;
        }
        match self.together.pop_front().or_else(|| self.alone.pop_front()) {
            Some(program) => {
                self.running += 1;
                Next::Start(program)
            }
            None => Next::Done,
        }
    }

    /// One that was handed out has ended.
    pub(super) fn ended(&mut self) {
        self.running -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(programs: &[&'static str], most: usize) -> Queue<&'static str> {
        Queue::new(programs.iter().copied(), most, |program| program.starts_with("alone"))
    }

    #[test]
    fn as_many_run_at_once_as_may() {
        let mut queue = queue(&["a", "b", "c"], 2);
        assert_eq!(queue.next(), Next::Start("a"));
        assert_eq!(queue.next(), Next::Start("b"));
        assert_eq!(queue.next(), Next::Wait);
        queue.ended();
        assert_eq!(queue.next(), Next::Start("c"));
        assert_eq!(queue.next(), Next::Done);
    }

    #[test]
    fn who_wants_to_be_alone_comes_last_and_is() {
        let mut queue = queue(&["alone 1", "a", "alone 2", "b"], 2);
        assert_eq!(queue.next(), Next::Start("a"));
        assert_eq!(queue.next(), Next::Start("b"));
        queue.ended();
        assert_eq!(queue.next(), Next::Wait, "b still runs");
        queue.ended();
        assert_eq!(queue.next(), Next::Start("alone 1"));
        assert_eq!(queue.next(), Next::Wait);
        queue.ended();
        assert_eq!(queue.next(), Next::Start("alone 2"));
        queue.ended();
        assert_eq!(queue.next(), Next::Done);
    }

    #[test]
    fn nobody_waits_for_ever_when_nothing_may_run() {
        assert_eq!(queue(&["a"], 0).next(), Next::Start("a"));
        assert_eq!(queue(&[], 2).next(), Next::Done);
    }
}
