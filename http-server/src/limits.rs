//! Every bound of a listener, each with what happens beyond it. Numbers only, no behaviour.

use std::time::Duration;

/// The bounds of one listener.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once. Beyond, the oldest that is idle is closed for the new one, first those that never asked anything; where none is
    /// idle, the new one is answered 503 and closed.
    pub connections: usize,
    /// Of these, those that only a caller with a credential may keep ([`crate::Peer::prove`]). Others get such a place for one request.
    pub reserved: usize,
    /// Connections of one address at once (of one /64 in IPv6), trusted proxies excepted. Beyond, as above, among its own. A listener
    /// that only this machine reaches has no such bound: all come from one address.
    pub per_address: usize,
    /// How long a connection may be open without a request: closed.
    pub idle: Duration,
    /// How long a request's head may take, from its first byte: closed.
    pub head: Duration,
    /// Bytes of a request's line and headers: 431.
    pub head_bytes: usize,
    /// Header fields of a request: 431.
    pub headers: usize,
    /// How long a client may be waited for within a body, or until it takes an answer, when nothing moves: the body is an error
    /// ([`crate::BodyError::Slow`]), the connection is closed. Each [`Self::rate`] bytes that move earn a second of it back.
    pub patience: Duration,
    /// Bytes a second below which a client is slow.
    pub rate: u32,
    /// How long requests that are under way may take once the server is told to stop.
    pub drain: Duration,
}

impl Limits {
    /// What a listener of `connections` has where nothing else is said.
    pub fn of(connections: usize) -> Self {
        Self {
            connections,
            reserved: 0,
            per_address: usize::MAX,
            idle: Duration::from_mins(1),
            head: Duration::from_secs(10),
            head_bytes: 16 << 10,
            headers: 64,
            patience: Duration::from_secs(10),
            rate: 1024,
            drain: Duration::from_secs(8),
        }
    }
}

/// How long a connection in a reserved place may take to show a credential.
pub(crate) const PROOF: Duration = Duration::from_secs(2);
/// How often deadlines are looked at. They are kept to this precision.
pub(crate) const SWEEP: Duration = Duration::from_millis(250);
/// Wait after an accept that failed, for want of file descriptors.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
