//! What one request adds to the journal, as one append, whose outcome reaches the windows however the request ends: answered, given up
//! by its client before the disk was written, or by a defect before there was anything to write. A claim that nobody settles would make
//! every later copy of its events a duplicate of nothing, and wait for ever.

use std::sync::Arc;

use bytes::Bytes;
use footfall_journal::{AppendError, Pending};
use tokio::runtime::Handle;

use crate::dedup::{Key, PendingCommit};
use crate::edge::Edge;

/// The records of one request and what the windows remember of its events. It succeeds or fails as a whole.
pub(super) struct Append {
    edge: Arc<Edge>,
    /// One record for each submission with an accepted event.
    pub(super) records: Vec<Bytes>,
    /// What a duplicate's answer waits for; `None` until an event comes that may have duplicates, and once it is settled.
    pub(super) commit: Option<PendingCommit>,
    /// Remembered by the dedup window, to be forgotten should the append fail.
    pub(super) keys: Vec<Key>,
    /// The journal's answer, while it is awaited.
    pending: Option<Pending>,
    /// Whether this goes on for a request that is gone.
    detached: bool,
}

impl Append {
    pub(super) fn new(edge: &Arc<Edge>, records: usize) -> Self {
        Self {
            edge: Arc::clone(edge),
            records: Vec::with_capacity(records),
            commit: None,
            keys: Vec::new(),
            pending: None,
            detached: false,
        }
    }

    /// Appends and waits for the disk.
    pub(super) async fn finish(mut self) -> Result<(), AppendError> {
        if self.records.is_empty() {
            // Nothing new was remembered, so nobody can wait for this request.
            self.settle(true);
            return Ok(());
        }
        self.pending = Some(self.edge.journal.append(std::mem::take(&mut self.records)));
        self.wait().await
    }

    async fn wait(&mut self) -> Result<(), AppendError> {
        let Some(pending) = &mut self.pending else { return Ok(()) };
        let answer = pending.await;
        self.pending = None;
        if let Err(error) = &answer {
            self.edge.note_journal_failure(error);
        }
        self.settle(answer.is_ok());
        answer.map(|_| ())
    }

    /// Tells the windows how it ended: the records are `durable`, on disk, or they are not. Once is enough.
    fn settle(&mut self, durable: bool) {
        let Some(commit) = self.commit.take() else { return };
        let mut windows = self.edge.windows.lock();
        for key in self.keys.drain(..).filter(|_| !durable) {
            windows.dedup.forget(key);
        }
        windows.pending_commits.settle(commit, durable);
    }
}

impl Drop for Append {
    fn drop(&mut self) {
        // The connection broke while the disk was written: the append goes on, and so must the wait for it.
        if !self.detached
            && let (Some(pending), Ok(runtime)) = (self.pending.take(), Handle::try_current())
        {
            let mut rest = Self {
                edge: Arc::clone(&self.edge),
                records: Vec::new(),
                commit: self.commit.take(),
                keys: std::mem::take(&mut self.keys),
                pending: Some(pending),
                detached: true,
            };
            // Who asked is gone; the failure is counted.
            runtime.spawn(async move { rest.wait().await.ok() });
            return;
        }
        // Nothing was written, or nobody is left who could learn whether it was. The client was told nothing, so the events may come
        // again: what is on disk nevertheless is then a duplicate that central marks.
        self.settle(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Geo, Http, Journal};
    use crate::dedup::Seen;
    use crate::edge::Parts;
    use crate::pending_commit::CommitOutcome;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use tokio::runtime::Builder;

    fn edge(dir: &tempfile::TempDir) -> Arc<Edge> {
        let config = Config {
            data: dir.path().to_owned(),
            http: Http {
                listen: "127.0.0.1:0".parse().expect("an address"),
                workers: 1,
                max_connections: 1,
                trusted_proxies: Vec::new(),
            },
            health: None,
            central: None,
            journal: Journal { max_bytes: 8 << 20, segment_bytes: 1 << 20 },
            assets: None,
            geo: Geo::default(),
        };
        let parts = Parts::load(&config).expect("parts");
        Edge::open(config, parts).expect("open")
    }

    /// An append that has claimed an event, and what a duplicate of it waits for.
    fn claimed(edge: &Arc<Edge>) -> (Append, CommitOutcome) {
        let mut append = Append::new(edge, 1);
        let mut windows = edge.windows.lock();
        let commit = windows.pending_commits.open();
        append.commit = Some(commit);
        let Seen::First(key) = windows.dedup.see("w", b"id", 1, commit) else { panic!("claimed already") };
        append.keys.push(key);
        (append, windows.pending_commits.outcome_of(commit).expect("open"))
    }

    /// Nobody waits for ever, and the next copy is an original again.
    fn is_unclaimed(edge: &Arc<Edge>, outcome: &CommitOutcome) {
        assert_eq!(outcome.get(), Some(&false));
        let mut windows = edge.windows.lock();
        assert!(windows.pending_commits.is_empty());
        assert!(matches!(windows.dedup.see("w", b"id", 1, 7), Seen::First(_)));
    }

    #[test]
    fn a_request_that_ends_before_its_append_leaves_no_claim() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let edge = edge(&dir);
        let (append, outcome) = claimed(&edge);
        drop(append);
        is_unclaimed(&edge, &outcome);
    }

    #[test]
    fn a_defect_in_the_midst_of_a_decision_leaves_neither_a_claim_nor_a_lock() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let edge = edge(&dir);
        let mut waits = None;
        let broken = catch_unwind(AssertUnwindSafe(|| {
            let (_append, outcome) = claimed(&edge);
            waits = Some(outcome);
            let _windows = edge.windows.lock();
            panic!("a defect, on purpose");
        }));
        assert!(broken.is_err());
        is_unclaimed(&edge, &waits.expect("claimed"));
    }

    #[test]
    fn an_append_that_outlives_its_runtime_leaves_no_claim() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let edge = edge(&dir);
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let (mut append, outcome) = claimed(&edge);
        append.records.push(Bytes::from_static(b"record"));
        runtime.block_on(async {
            tokio::spawn(append.finish());
            // It is asked once, so that the record is with the journal.
            tokio::task::yield_now().await;
        });
        drop(runtime);
        let known = outcome.get().copied().expect("settled, one way or the other");
        let mut windows = edge.windows.lock();
        assert!(windows.pending_commits.is_empty());
        let again = windows.dedup.see("w", b"id", 1, 7);
        assert_eq!(
            matches!(again, Seen::Duplicate(_)),
            known,
            "a duplicate of what is known to be on disk only"
        );
    }

    #[tokio::test]
    async fn an_append_whose_client_is_gone_is_settled_when_the_disk_has_it() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let edge = edge(&dir);
        let (mut append, outcome) = claimed(&edge);
        append.records.push(Bytes::from_static(b"record"));
        let mut finish = Box::pin(append.finish());
        std::future::poll_fn(|context| {
            let _ = finish.as_mut().poll(context);
            std::task::Poll::Ready(())
        })
        .await;
        drop(finish);
        assert!(*outcome.wait().await);
        assert!(matches!(edge.windows.lock().dedup.see("w", b"id", 1, 7), Seen::Duplicate(_)));
    }
}
