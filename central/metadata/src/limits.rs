//! How many connections a metadata database gets and how long they wait, alike in both backends.

use std::time::Duration;

/// How long a process waits for another that writes, or that brings the schema up to date.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(10);
/// Most connections at once.
pub(super) const CONNECTIONS: u32 = 4;
