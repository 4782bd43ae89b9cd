//! What a listener counts. Their prefix is the program's.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Why a connection was closed before its client ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// No request came.
    Idle,
    /// A head came too slowly.
    Head,
    /// A body came too slowly.
    Body,
    /// The client did not take its answer.
    Reading,
    /// A reserved place, and no credential.
    Unproven,
    /// It was idle, and another came.
    Replaced,
}

/// Why a connection was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// All places are taken, and none is idle.
    Full,
    /// Those of its address are.
    Address,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// A listener's counters; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub(crate) open: Gauge,
    closed: Family<Reason, Counter>,
    refused: Family<Reason, Counter>,
    pub(crate) accept_failures: Counter,
}

impl Metrics {
    /// Makes them known.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("connections", "Open HTTP connections", metrics.open.clone());
        let closed = "Connections closed before their client ended them";
        registry.register("connections_closed", closed, metrics.closed.clone());
        let refused = "Connections not let in, for want of places";
        registry.register("connections_refused", refused, metrics.refused.clone());
        let failures = "Connections that could not be accepted";
        registry.register("accept_failures", failures, metrics.accept_failures.clone());
        for closed in
            [Closed::Idle, Closed::Head, Closed::Body, Closed::Reading, Closed::Unproven, Closed::Replaced]
        {
            metrics.closed.get_or_create(&closed.label()).inc_by(0);
        }
        for refused in [Refused::Full, Refused::Address] {
            metrics.refused.get_or_create(&refused.label()).inc_by(0);
        }
        metrics
    }

    pub(crate) fn closed(&self, closed: Closed) {
        self.closed.get_or_create(&closed.label()).inc();
    }

    pub(crate) fn refused(&self, refused: Refused) {
        self.refused.get_or_create(&refused.label()).inc();
    }

    /// How many are open.
    pub fn count_open(&self) -> i64 {
        self.open.get()
    }

    /// How many were closed for this reason.
    pub fn count_closed(&self, closed: Closed) -> u64 {
        self.closed.get_or_create(&closed.label()).get()
    }

    /// How many were refused for this reason.
    pub fn count_refused(&self, refused: Refused) -> u64 {
        self.refused.get_or_create(&refused.label()).get()
    }
}

impl Closed {
    fn label(self) -> Reason {
        let reason = match self {
            Self::Idle => "idle",
            Self::Head => "slow_head",
            Self::Body => "slow_body",
            Self::Reading => "slow_reader",
            Self::Unproven => "unproven",
            Self::Replaced => "replaced",
        };
        Reason { reason }
    }
}

impl Refused {
    fn label(self) -> Reason {
        Reason {
            reason: match self {
                Self::Full => "full",
                Self::Address => "address",
            },
        }
    }
}
