//! What is known of one request between its arrival and its end, so that it can be cancelled at any instant, and only it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// No thread has it yet.
    Waiting,
    /// It runs on the connection of this mark.
    Running {
        mark: String,
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

/// One request's state. While it is locked the request cannot end, so a kill by its connection's mark cannot hit the next.
#[derive(Debug)]
pub struct Ticket {
    query_id: Option<String>,
    state: Mutex<State>,
}

impl Ticket {
    pub(super) fn new(query_id: Option<String>) -> Self {
        Self { query_id, state: Mutex::new(State { stage: Stage::Waiting, abandoned: false }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks the request as wanted by nobody.
    pub(super) fn abandon(&self) {
        self.lock().abandoned = true;
    }

    /// Whether nobody waits for it any more: what has not begun need not.
    pub fn is_abandoned(&self) -> bool {
        self.lock().abandoned
    }

    /// The request runs on the connection of this mark from now on.
    pub fn begin(&self, mark: &str, reads: bool) {
        self.lock().stage = Stage::Running { mark: mark.to_owned(), reads };
    }

    /// The mark and the caller's id of a request that runs and has one.
    pub(super) fn named(&self) -> Option<(String, String)> {
        match (&self.lock().stage, &self.query_id) {
            (Stage::Running { mark, .. }, Some(query_id)) => Some((mark.clone(), query_id.clone())),
            _ => None,
        }
    }

    /// The request has ended, whatever came of it.
    pub fn end(&self) {
        self.lock().stage = Stage::Done;
    }

    /// Calls `kill` with the mark while the request is held in its stage. `false`: there is nothing left to kill.
    pub(super) fn hold(&self, forced: bool, kill: impl FnOnce(&str)) -> bool {
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
mod a_ticket {
    use super::*;

    fn killed(ticket: &Ticket, forced: bool) -> Option<String> {
        let mut seen = None;
        ticket.hold(forced, |mark| seen = Some(mark.to_owned()));
        seen
    }

    #[test]
    fn is_killed_only_while_it_runs() {
        let ticket = Ticket::new(None);
        assert_eq!(killed(&ticket, true), None);
        ticket.begin("m1", true);
        assert_eq!(killed(&ticket, false).as_deref(), Some("m1"));
        ticket.end();
        assert_eq!(killed(&ticket, true), None);
    }

    #[test]
    fn has_its_callers_id_only_while_it_runs() {
        let ticket = Ticket::new(Some("mine".into()));
        assert_eq!(ticket.named(), None);
        ticket.begin("m3", true);
        assert_eq!(ticket.named(), Some(("m3".into(), "mine".into())));
        ticket.end();
        assert_eq!(ticket.named(), None);
    }

    #[test]
    fn that_writes_is_killed_only_by_force() {
        let ticket = Ticket::new(None);
        ticket.begin("m2", false);
        assert_eq!(killed(&ticket, false), None);
        assert_eq!(killed(&ticket, true).as_deref(), Some("m2"));
    }
}
