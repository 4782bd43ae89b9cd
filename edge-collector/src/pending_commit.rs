//! Tickets of requests whose commit is under way, so that a duplicate's answer waits for its original's fsync.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::SetOnce;

use crate::dedup::Ticket;

/// What becomes of a commit; `true` once its records are on disk, `false` if they are not.
pub type Fate = Arc<SetOnce<bool>>;

/// The ticket of what was on disk before this process began.
pub const SETTLED: Ticket = 0;

/// Tickets given out and not yet settled. Nothing is allocated for a request that no duplicate asks about.
#[derive(Debug)]
pub struct Tickets {
    first: Ticket,
    open: VecDeque<State>,
}

#[derive(Debug)]
enum State {
    Open,
    Awaited(Fate),
    Settled,
}

impl Default for Tickets {
    fn default() -> Self {
        Self { first: SETTLED + 1, open: VecDeque::new() }
    }
}

impl Tickets {
    /// A ticket for a request that is about to be committed.
    pub fn open(&mut self) -> Ticket {
        self.open.push_back(State::Open);
        self.first + self.open.len() as u64 - 1
    }

    /// What to wait for before answering for `ticket`; `None` when it is settled.
    pub fn fate(&mut self, ticket: Ticket) -> Option<Fate> {
        let state = self.state(ticket)?;
        match state {
            State::Settled => None,
            State::Awaited(fate) => Some(Arc::clone(fate)),
            State::Open => {
                let fate = Fate::default();
                *state = State::Awaited(Arc::clone(&fate));
                Some(fate)
            }
        }
    }

    /// Ends a ticket: its records are on disk or they are not.
    pub fn settle(&mut self, ticket: Ticket, durable: bool) {
        if let Some(state) = self.state(ticket)
            && let State::Awaited(fate) = std::mem::replace(state, State::Settled)
        {
            // Settled once only, so there is no earlier value to lose.
            let _ = fate.set(durable);
        }
        while matches!(self.open.front(), Some(State::Settled)) {
            self.open.pop_front();
            self.first += 1;
        }
    }

    /// Tickets from the oldest open one on.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether every ticket is settled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn state(&mut self, ticket: Ticket) -> Option<&mut State> {
        self.open.get_mut(usize::try_from(ticket.checked_sub(self.first)?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fate_is_learned_by_whoever_asked_and_settled_tickets_go() {
        let mut tickets = Tickets::default();
        let (first, second, third) = (tickets.open(), tickets.open(), tickets.open());
        let asked = tickets.fate(second).expect("open");
        let again = tickets.fate(second).expect("open");
        tickets.settle(second, false);
        assert_eq!((asked.get(), again.get()), (Some(&false), Some(&false)));
        assert!(tickets.fate(second).is_none());
        assert_eq!(tickets.len(), 3);
        tickets.settle(first, true);
        assert_eq!(tickets.len(), 1);
        assert!(tickets.fate(first).is_none());
        assert!(tickets.fate(SETTLED).is_none());
        tickets.settle(third, true);
        assert!(tickets.is_empty());
        assert!(tickets.open() > third);
    }
}
