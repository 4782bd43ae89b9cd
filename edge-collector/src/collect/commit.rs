//! One append under way, whose outcome reaches the windows even if the client goes away before it is known.

use std::sync::Arc;

use footfall_journal::{AppendError, Appended, Pending};

use crate::dedup::{Key, Ticket};
use crate::edge::Edge;

pub(super) struct Commit {
    edge: Arc<Edge>,
    /// Gone once it was awaited to its end.
    pending: Option<Pending>,
    ticket: Option<Ticket>,
    keys: Vec<Key>,
}

impl Commit {
    pub(super) fn new(edge: Arc<Edge>, pending: Pending, ticket: Option<Ticket>, keys: Vec<Key>) -> Self {
        Self { edge, pending: Some(pending), ticket, keys }
    }

    /// Waits for the disk.
    pub(super) async fn finish(mut self) -> Result<(), AppendError> {
        let pending = self.pending.as_mut().expect("taken only here and by drop");
        let answer = pending.await;
        self.pending = None;
        self.settle(&answer);
        answer.map(|_| ())
    }

    fn settle(&mut self, answer: &Result<Appended, AppendError>) {
        if let Err(error) = answer {
            self.edge.note_journal_failure(error);
        }
        let mut recall = self.edge.recall.lock().expect("no holder panics");
        if answer.is_err() {
            for key in self.keys.drain(..) {
                recall.dedup.forget(key);
            }
        }
        if let Some(ticket) = self.ticket.take() {
            recall.tickets.settle(ticket, answer.is_ok());
        }
    }
}

impl Drop for Commit {
    fn drop(&mut self) {
        // The connection broke while the disk was written: the append goes on, and so must the wait for it.
        let Some(pending) = self.pending.take() else { return };
        let mut rest = Self {
            edge: Arc::clone(&self.edge),
            pending: None,
            ticket: self.ticket.take(),
            keys: std::mem::take(&mut self.keys),
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let answer = pending.await;
                rest.settle(&answer);
            });
        }
    }
}
