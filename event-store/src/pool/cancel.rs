//! Cancels queries whose client has gone, from a thread and a connection of its own.
//!
//! `KILL QUERY … SYNC` would wait for the victim's connection to run its next statement, hence ASYNC, and again until the
//! victim has ended: a kill that comes between two statements of one request finds nothing to kill.

use super::mark::Mark;
use super::query_status::QueryStatus;
use crate::engine::Connection;
use crate::limits::KILL_AGAIN;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};

/// Which query to cancel.
pub(super) enum Cancel {
    /// Its client has gone: cancelled if it only reads.
    IfReading(Arc<QueryStatus>),
    /// The process is about to end: cancelled even if it writes.
    Always(Arc<QueryStatus>),
}

/// Runs until every sender of cancellations is gone. While its connection is open, closing the others does not shut the
/// engine down.
pub(super) fn run(mut connection: Connection, cancellations: &Receiver<Cancel>) {
    let mut pending: Vec<(Arc<QueryStatus>, bool)> = Vec::new();
    loop {
        let cancellation = if pending.is_empty() {
            cancellations.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            cancellations.recv_timeout(KILL_AGAIN)
        };
        match cancellation {
            Ok(Cancel::IfReading(query)) => pending.push((query, false)),
            Ok(Cancel::Always(query)) => pending.push((query, true)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        pending.retain(|(query, forced)| query.kill_with(*forced, |mark| kill(&mut connection, mark)));
    }
}

fn kill(connection: &mut Connection, mark: &Mark) {
    let sql = format!("KILL QUERY WHERE {} ASYNC", mark.condition());
    match connection.query(sql.as_bytes(), "Null", &[]) {
        Ok(_) => tracing::debug!(?mark, "killed"),
        Err(exception) => tracing::warn!(?mark, %exception, "cannot kill a statement"),
    }
}
