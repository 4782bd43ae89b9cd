//! The requests that are known at an instant, from their arrival to their end.

use super::query_status::Ticket;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Known requests by number. No number is given twice.
#[derive(Debug, Default)]
pub struct Registry {
    tickets: Mutex<HashMap<u64, Arc<Ticket>>>,
    issued: AtomicU64,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Ticket>>> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new request.
    pub(super) fn issue(&self, query_id: Option<String>) -> (u64, Arc<Ticket>) {
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        let ticket = Arc::new(Ticket::new(query_id));
        self.lock().insert(number, Arc::clone(&ticket));
        (number, ticket)
    }

    /// It is known no more.
    pub(super) fn forget(&self, number: u64) {
        self.lock().remove(&number);
    }

    /// All of them.
    pub(super) fn tickets(&self) -> Vec<Arc<Ticket>> {
        self.lock().values().cloned().collect()
    }

    /// Those that run under an id of their caller's.
    pub fn named(&self) -> Vec<NamedRequest> {
        let tickets = self.lock();
        let named = tickets.iter().filter_map(|(number, ticket)| {
            let (mark, query_id) = ticket.named()?;
            Some(NamedRequest { number: *number, mark, query_id })
        });
        named.collect()
    }
}

/// A request that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRequest {
    /// Its number.
    pub number: u64,
    /// The mark of the connection that it runs on, which others use before and after it.
    pub mark: String,
    /// The caller's id.
    pub query_id: String,
}
