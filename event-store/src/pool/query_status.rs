//! The state of one query between its arrival and its end, so that it can be cancelled at any instant, and no other.

use super::mark::Mark;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How far a query is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// No thread has it yet.
    Waiting,
    /// It runs.
    Running {
        mark: Mark,
        /// Nothing is lost by stopping it: it only reads.
        reads: bool,
    },
    /// It has ended.
    Done,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    abandoned: bool,
}

/// One query's state. While it is locked the query cannot end, so that a kill by its thread cannot hit the next one.
#[derive(Debug)]
pub struct QueryStatus {
    query_id: Option<String>,
    comment: String,
    state: Mutex<State>,
}

impl QueryStatus {
    pub(super) fn new(query_id: Option<String>, comment: String) -> Self {
        Self { query_id, comment, state: Mutex::new(State { stage: Stage::Waiting, abandoned: false }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its client has gone.
    pub(super) fn abandon(&self) {
        self.lock().abandoned = true;
    }

    /// Whether its client has gone: a query that has not begun need not run then.
    pub fn is_abandoned(&self) -> bool {
        self.lock().abandoned
    }

    /// What an INSERT's text begins with, so that it can be found among those that run.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// The query runs on this thread from now on.
    pub fn begin(&self, thread: u32, reads: bool) {
        self.lock().stage = Stage::Running { mark: Mark::new(thread, &self.comment), reads };
    }

    /// The mark and the client's id of a query that runs and has one.
    pub(super) fn ids(&self) -> Option<(Mark, String)> {
        match (&self.lock().stage, &self.query_id) {
            (Stage::Running { mark, .. }, Some(query_id)) => Some((mark.clone(), query_id.clone())),
            _ => None,
        }
    }

    /// The query has ended, with or without success.
    pub fn end(&self) {
        self.lock().stage = Stage::Done;
    }

    /// Calls `kill` with the mark while the query cannot end. `false`: there is nothing left to kill.
    pub(super) fn kill_with(&self, forced: bool, kill: impl FnOnce(&Mark)) -> bool {
        let state = self.lock();
        match &state.stage {
            Stage::Running { mark, reads } if *reads || forced => {
                kill(mark);
                true
            }
            // A thread that takes it ends it at once, or is just about to begin it.
            Stage::Waiting => true,
            // A writing one runs to its end.
            Stage::Running { .. } | Stage::Done => false,
        }
    }
}

#[cfg(test)]
mod a_query {
    use super::*;

    fn query(query_id: Option<&str>) -> QueryStatus {
        QueryStatus::new(query_id.map(str::to_owned), "/* c */ ".into())
    }

    fn killed(query: &QueryStatus, forced: bool) -> Option<Mark> {
        let mut seen = None;
        query.kill_with(forced, |mark| seen = Some(mark.clone()));
        seen
    }

    fn on(thread: u32) -> Mark {
        Mark::new(thread, "/* c */ ")
    }

    #[test]
    fn is_killed_only_while_it_runs() {
        let query = query(None);
        assert_eq!(killed(&query, true), None);
        query.begin(1, true);
        assert_eq!(killed(&query, false), Some(on(1)));
        query.end();
        assert_eq!(killed(&query, true), None);
    }

    #[test]
    fn has_its_callers_id_only_while_it_runs() {
        let query = query(Some("mine"));
        assert_eq!(query.ids(), None);
        query.begin(3, true);
        assert_eq!(query.ids(), Some((on(3), "mine".into())));
        query.end();
        assert_eq!(query.ids(), None);
    }

    #[test]
    fn that_writes_is_killed_only_by_force() {
        let query = query(None);
        query.begin(2, false);
        assert_eq!(killed(&query, false), None);
        assert_eq!(killed(&query, true), Some(on(2)));
    }
}
