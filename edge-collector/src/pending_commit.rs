//! Commits of requests that are under way, so that a duplicate's answer waits for its original's fsync.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::SetOnce;

use crate::dedup::PendingCommit;

/// The outcome of a commit: `true` once its records are on disk, `false` if they are not.
pub type CommitOutcome = Arc<SetOnce<bool>>;

/// The commit of what was on disk before this process began.
pub const SETTLED: PendingCommit = 0;

/// Commits that are not settled yet. Nothing is allocated for a request that no duplicate asks about.
#[derive(Debug)]
pub struct PendingCommits {
    first: PendingCommit,
    open: VecDeque<State>,
}

#[derive(Debug)]
enum State {
    Open,
    Awaited(CommitOutcome),
    Settled,
}

impl Default for PendingCommits {
    fn default() -> Self {
        Self { first: SETTLED + 1, open: VecDeque::new() }
    }
}

impl PendingCommits {
    /// Begins the commit of a request.
    pub fn open(&mut self) -> PendingCommit {
        self.open.push_back(State::Open);
        self.first + self.open.len() as u64 - 1
    }

    /// What to wait for before answering for `commit`; `None` when it is settled.
    pub fn outcome_of(&mut self, commit: PendingCommit) -> Option<CommitOutcome> {
        let state = self.state(commit)?;
        match state {
            State::Settled => None,
            State::Awaited(outcome) => Some(Arc::clone(outcome)),
            State::Open => {
                let outcome = CommitOutcome::default();
                *state = State::Awaited(Arc::clone(&outcome));
                Some(outcome)
            }
        }
    }

    /// Ends a commit: its records are `durable`, on disk, or they are not.
    pub fn settle(&mut self, commit: PendingCommit, durable: bool) {
        if let Some(state) = self.state(commit)
            && let State::Awaited(outcome) = std::mem::replace(state, State::Settled)
        {
            // Settled once only, so there is no earlier value to lose.
            let _ = outcome.set(durable);
        }
        while matches!(self.open.front(), Some(State::Settled)) {
            self.open.pop_front();
            self.first += 1;
        }
    }

    /// Commits from the oldest open one on.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether every commit is settled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn state(&mut self, commit: PendingCommit) -> Option<&mut State> {
        self.open.get_mut(usize::try_from(commit.checked_sub(self.first)?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_learned_by_whoever_asked_and_settled_commits_go() {
        let mut commits = PendingCommits::default();
        let (first, second, third) = (commits.open(), commits.open(), commits.open());
        let asked = commits.outcome_of(second).expect("open");
        let again = commits.outcome_of(second).expect("open");
        commits.settle(second, false);
        assert_eq!((asked.get(), again.get()), (Some(&false), Some(&false)));
        assert!(commits.outcome_of(second).is_none());
        assert_eq!(commits.len(), 3);
        commits.settle(first, true);
        assert_eq!(commits.len(), 1);
        assert!(commits.outcome_of(first).is_none());
        assert!(commits.outcome_of(SETTLED).is_none());
        commits.settle(third, true);
        assert!(commits.is_empty());
        assert!(commits.open() > third);
    }
}
