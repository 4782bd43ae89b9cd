//! Stops statements whose client has gone, from a thread and a connection of its own.
//!
//! `KILL QUERY … SYNC` would wait for the victim's connection to run its next statement, hence ASYNC, and again until the
//! victim has ended: a kill that comes between two statements of one request finds nothing to kill.

use super::MARK_SETTING;
use super::query_status::Ticket;
use crate::engine::Connection;
use crate::limits::KILL_AGAIN;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};

/// What the thread is told.
pub(super) enum Order {
    /// Nobody waits for this request any more.
    Cancel(Arc<Ticket>),
    /// End it even if it writes: the process is about to.
    Force(Arc<Ticket>),
}

/// Runs until every sender of orders is gone. The connection is the engine's anchor: while it is open, closing the others
/// does not shut the engine down.
pub(super) fn run(mut connection: Connection, orders: &Receiver<Order>) {
    let mut pending: Vec<(Arc<Ticket>, bool)> = Vec::new();
    loop {
        let order = if pending.is_empty() {
            orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            orders.recv_timeout(KILL_AGAIN)
        };
        match order {
            Ok(Order::Cancel(ticket)) => pending.push((ticket, false)),
            Ok(Order::Force(ticket)) => pending.push((ticket, true)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        pending.retain(|(ticket, forced)| ticket.hold(*forced, |mark| kill(&mut connection, mark)));
    }
}

fn kill(connection: &mut Connection, mark: &str) {
    let sql = format!("KILL QUERY WHERE Settings['{MARK_SETTING}'] = '{mark}' ASYNC");
    match connection.query(sql.as_bytes(), "Null", &[]) {
        Ok(_) => tracing::debug!(mark, "killed"),
        Err(fault) => tracing::warn!(mark, %fault, "cannot kill a statement"),
    }
}
