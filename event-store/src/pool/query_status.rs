//! The state of one query between its arrival and its end, so that it can be cancelled at any instant, and no other.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How far a query is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// No thread has it yet.
    Waiting,
    /// It runs on this connection.
    Running {
        connection_id: String,
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

/// One query's state. While it is locked the query cannot end, so that a kill by its connection's id cannot hit the next one.
#[derive(Debug)]
pub struct QueryStatus {
    query_id: Option<String>,
    state: Mutex<State>,
}

impl QueryStatus {
    pub(super) fn new(query_id: Option<String>) -> Self {
        Self { query_id, state: Mutex::new(State { stage: Stage::Waiting, abandoned: false }) }
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

    /// The query runs on this connection from now on.
    pub fn begin(&self, connection_id: &str, reads: bool) {
        self.lock().stage = Stage::Running { connection_id: connection_id.to_owned(), reads };
    }

    /// The connection's and the client's id of a query that runs and has one.
    pub(super) fn ids(&self) -> Option<(String, String)> {
        match (&self.lock().stage, &self.query_id) {
            (Stage::Running { connection_id, .. }, Some(query_id)) => {
                Some((connection_id.clone(), query_id.clone()))
            }
            _ => None,
        }
    }

    /// The query has ended, with or without success.
    pub fn end(&self) {
        self.lock().stage = Stage::Done;
    }

    /// Calls `kill` with the connection's id while the query cannot end. `false`: there is nothing left to kill.
    pub(super) fn kill_with(&self, forced: bool, kill: impl FnOnce(&str)) -> bool {
        let state = self.lock();
        match &state.stage {
            Stage::Running { connection_id, reads } if *reads || forced => {
                kill(connection_id);
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

    fn killed(query: &QueryStatus, forced: bool) -> Option<String> {
        let mut seen = None;
        query.kill_with(forced, |connection_id| seen = Some(connection_id.to_owned()));
        seen
    }

    #[test]
    fn is_killed_only_while_it_runs() {
        let query = QueryStatus::new(None);
        assert_eq!(killed(&query, true), None);
        query.begin("m1", true);
        assert_eq!(killed(&query, false).as_deref(), Some("m1"));
        query.end();
        assert_eq!(killed(&query, true), None);
    }

    #[test]
    fn has_its_callers_id_only_while_it_runs() {
        let query = QueryStatus::new(Some("mine".into()));
        assert_eq!(query.ids(), None);
        query.begin("m3", true);
        assert_eq!(query.ids(), Some(("m3".into(), "mine".into())));
        query.end();
        assert_eq!(query.ids(), None);
    }

    #[test]
    fn that_writes_is_killed_only_by_force() {
        let query = QueryStatus::new(None);
        query.begin("m2", false);
        assert_eq!(killed(&query, false), None);
        assert_eq!(killed(&query, true).as_deref(), Some("m2"));
    }
}
