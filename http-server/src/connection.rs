//! What the parts of one connection tell each other: how far it is, until when its client is waited for, and that it has to end. The
//! stream, the bodies and the request only note; [`crate::open`] looks at the deadlines.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use crate::limits::{Limits, PROOF};
use crate::metrics::Closed;
use crate::places::Network;

/// No deadline.
const NEVER: u64 = u64::MAX;

/// Milliseconds since a listener began, as of the last look at the deadlines: to read it costs nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock(Arc<AtomicU64>);

impl Clock {
    pub(crate) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, now: u64) {
        self.0.fetch_max(now, Ordering::Relaxed);
    }
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    /// Nothing of a request has come.
    Idle,
    /// Part of a request's head.
    Head,
    /// A request is under way.
    Busy,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: u64,
    /// `None` for a trusted proxy.
    pub(crate) network: Option<Network>,
    pub(crate) clock: Clock,
    idle: u64,
    head: u64,
    phase: AtomicU8,
    /// Of an idle connection, and of a head.
    deadline: AtomicU64,
    /// Of a credential, in a reserved place.
    proof_deadline: AtomicU64,
    body_deadline: AtomicU64,
    write_deadline: AtomicU64,
    body_is_slow: AtomicBool,
    body_waker: AtomicWaker,
    proven: AtomicBool,
    served: AtomicBool,
    end: Notify,
}

impl Connection {
    pub(crate) fn new(
        id: u64,
        network: Option<Network>,
        reserved: bool,
        limits: &Limits,
        clock: Clock,
    ) -> Self {
        let (idle, head) = (limits.idle.as_millis() as u64, limits.head.as_millis() as u64);
        let now = clock.now();
        let proof_deadline = if reserved { now + PROOF.as_millis() as u64 } else { NEVER };
        Self {
            id,
            network,
            clock,
            idle,
            head,
            phase: AtomicU8::new(Phase::Idle as u8),
            deadline: AtomicU64::new(now + idle),
            proof_deadline: AtomicU64::new(proof_deadline),
            body_deadline: AtomicU64::new(NEVER),
            write_deadline: AtomicU64::new(NEVER),
            body_is_slow: AtomicBool::new(false),
            body_waker: AtomicWaker::new(),
            proven: AtomicBool::new(false),
            served: AtomicBool::new(false),
            end: Notify::new(),
        }
    }

    /// Bytes have come: of an idle connection, a head begins.
    pub(crate) fn bytes_came(&self) {
        if self.phase.load(Ordering::Relaxed) == Phase::Idle as u8 {
            self.deadline.store(self.clock.now() + self.head, Ordering::Relaxed);
            self.phase.store(Phase::Head as u8, Ordering::Relaxed);
        }
    }

    pub(crate) fn request_begins(&self) {
        self.phase.store(Phase::Busy as u8, Ordering::Relaxed);
        self.deadline.store(NEVER, Ordering::Relaxed);
    }

    pub(crate) fn response_ends(&self) {
        self.served.store(true, Ordering::Relaxed);
        self.deadline.store(self.clock.now() + self.idle, Ordering::Relaxed);
        self.phase.store(Phase::Idle as u8, Ordering::Relaxed);
    }

    /// The body is waited for until `deadline`; `None`: not any more.
    pub(crate) fn body_waits(&self, deadline: Option<u64>) {
        self.body_deadline.store(deadline.unwrap_or(NEVER), Ordering::Relaxed);
    }

    /// Whether the body has been given up; if not, `waker` is told when it is.
    pub(crate) fn body_is_slow(&self, waker: &std::task::Waker) -> bool {
        self.body_waker.register(waker);
        self.body_is_slow.load(Ordering::Acquire)
    }

    /// The client is waited for to take bytes until `deadline`; `None`: not any more.
    pub(crate) fn write_waits(&self, deadline: Option<u64>) {
        self.write_deadline.store(deadline.unwrap_or(NEVER), Ordering::Relaxed);
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == Phase::Idle as u8 && !self.is_proven()
    }

    /// Whether it has had an answer.
    pub(crate) fn is_served(&self) -> bool {
        self.served.load(Ordering::Relaxed)
    }

    pub(crate) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    /// Whether it may stay only if it shows a credential, and has not.
    pub(crate) fn is_on_trial(&self) -> bool {
        self.proof_deadline.load(Ordering::Relaxed) != NEVER && !self.is_proven()
    }

    /// `true` the first time.
    pub(crate) fn set_proven(&self) -> bool {
        self.proof_deadline.store(NEVER, Ordering::Relaxed);
        !self.proven.swap(true, Ordering::Relaxed)
    }

    /// Why it has to go at `now`, if it has. A body that is slow is an error of that body first, so that the client is told; the
    /// connection then has until its next deadline.
    pub(crate) fn overdue(&self, now: u64) -> Option<Closed> {
        let passed = |deadline: &AtomicU64| now >= deadline.load(Ordering::Relaxed);
        if passed(&self.write_deadline) {
            return Some(Closed::Reading);
        }
        if passed(&self.proof_deadline) {
            return Some(Closed::Unproven);
        }
        if passed(&self.deadline) {
            let head = self.phase.load(Ordering::Relaxed) == Phase::Head as u8;
            return Some(if head { Closed::Head } else { Closed::Idle });
        }
        if passed(&self.body_deadline) && !self.body_is_slow.swap(true, Ordering::Release) {
            self.body_deadline.store(NEVER, Ordering::Relaxed);
            self.deadline.store(now + self.head, Ordering::Relaxed);
            self.body_waker.wake();
            return Some(Closed::Body);
        }
        None
    }

    /// Ends it, whatever it is doing.
    pub(crate) fn end(&self) {
        self.end.notify_one();
    }

    /// Returns when it has to end.
    pub(crate) async fn ended(&self) {
        self.end.notified().await;
    }
}
