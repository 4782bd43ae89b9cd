//! What one request adds to the journal, as one append, whose outcome reaches the windows even if the client goes away
//! before it is known.

use std::sync::Arc;

use bytes::Bytes;
use footfall_journal::{AppendError, Appended, Pending};

use crate::dedup::{Key, PendingCommit};
use crate::edge::Edge;

/// The records of one request and what the windows remember of its events. It succeeds or fails as a whole.
#[derive(Default)]
pub(super) struct Append {
    /// One record for each submission with an accepted event.
    pub(super) records: Vec<Bytes>,
    /// What a duplicate's answer waits for; `None` until an event comes that may have duplicates.
    pub(super) commit: Option<PendingCommit>,
    /// Remembered by the dedup window, to be forgotten should the append fail.
    pub(super) keys: Vec<Key>,
}

impl Append {
    pub(super) fn with_capacity(records: usize) -> Self {
        Self { records: Vec::with_capacity(records), ..Self::default() }
    }

    /// Appends and waits for the disk.
    pub(super) async fn finish(self, edge: &Arc<Edge>) -> Result<(), AppendError> {
        if self.records.is_empty() {
            // Nothing new was remembered, so nobody can wait for this request.
            if let Some(commit) = self.commit {
                edge.windows.lock().expect("no holder panics").pending_commits.settle(commit, true);
            }
            return Ok(());
        }
        let pending = edge.journal.append(self.records);
        let waiting =
            Waiting { edge: Arc::clone(edge), pending: Some(pending), commit: self.commit, keys: self.keys };
        waiting.finish().await
    }
}

/// An append under way.
struct Waiting {
    edge: Arc<Edge>,
    /// Gone once it was awaited to its end.
    pending: Option<Pending>,
    commit: Option<PendingCommit>,
    keys: Vec<Key>,
}

impl Waiting {
    async fn finish(mut self) -> Result<(), AppendError> {
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
        let mut windows = self.edge.windows.lock().expect("no holder panics");
        if answer.is_err() {
            for key in self.keys.drain(..) {
                windows.dedup.forget(key);
            }
        }
        if let Some(commit) = self.commit.take() {
            windows.pending_commits.settle(commit, answer.is_ok());
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // The connection broke while the disk was written: the append goes on, and so must the wait for it.
        let Some(pending) = self.pending.take() else { return };
        let mut rest = Self {
            edge: Arc::clone(&self.edge),
            pending: None,
            commit: self.commit.take(),
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
