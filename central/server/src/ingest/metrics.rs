//! What ingest counts.

use footfall_daemon::certificate::reason as certificate;
use footfall_log::PoisonReason;
use footfall_proto::relay::ParkReason;
use footfall_proto::relay::refusal::Cause;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::certificate_faults::Whose;

/// Every reason for which a record is parked.
const PARK_REASONS: [ParkReason; 5] = [
    ParkReason::UnknownSite,
    ParkReason::TooOld,
    ParkReason::Ahead,
    ParkReason::Unreadable,
    ParkReason::EarlierBuild,
];

/// Ingest's counters; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub(super) edges: Gauge,
    pub(super) connections: Counter,
    pub(super) unidentified: Counter,
    pub(super) retries: Counter,
    pub(super) turned_away: Counter,
    pub(super) silent: Counter,
    pub(super) deaf: Counter,
    pub(super) batches: Counter,
    pub(super) records: Counter,
    pub(super) bytes: Counter,
    pub(super) acks: Counter,
    pub(super) policies: Counter,
    pub(super) refusals: Family<Reason, Counter>,
    parked: Family<OfRecord, Counter>,
    certificate_faults: Family<OfCertificate, Counter>,
}

/// Whose certificate was refused, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCertificate {
    whose: &'static str,
    reason: &'static str,
}

/// Why a record was parked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRecord {
    reason: &'static str,
}

/// Why a connection was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Reason {
    cause: &'static str,
}

impl Metrics {
    /// Makes the counters known.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("edges", "Edges connected", metrics.edges.clone());
        let mut add =
            |name: &str, help: &str, counter: &Counter| registry.register(name, help, counter.clone());
        add("connections", "Connections that completed the handshake", &metrics.connections);
        add("unidentified", "Connections that failed the handshake or named no edge", &metrics.unidentified);
        add("retries", "Connection attempts asked to prove their address first", &metrics.retries);
        let help = "Connection attempts refused because there was no place for their address";
        add("turned_away", help, &metrics.turned_away);
        add("silent", "Connections ended because no greeting had come in time", &metrics.silent);
        add("deaf", "Connections ended because the edge did not read what it was told", &metrics.deaf);
        add("batches", "Batches appended to the log", &metrics.batches);
        add("records", "Records appended to the log, resends included", &metrics.records);
        add("plain_bytes", "Bytes of those records", &metrics.bytes);
        add("acks", "Acknowledgements sent", &metrics.acks);
        add("policies", "Policies sent", &metrics.policies);
        registry.register("refusals", "Connections ended with a refusal", metrics.refusals.clone());
        for cause in [Cause::Clock, Cause::Malformed, Cause::LogUnavailable, Cause::Superseded] {
            metrics.refusals.get_or_create(&Reason { cause: name(cause) }).inc_by(0);
        }
        let help = "Records appended to the log that are kept from the stores, resends included";
        registry.register("parked", help, metrics.parked.clone());
        for reason in PARK_REASONS {
            metrics.of_reason(reason).inc_by(0);
        }
        let help = "Certificates refused, central's by an edge or an edge's by central";
        registry.register("certificate_faults", help, metrics.certificate_faults.clone());
        for whose in [Whose::Edge, Whose::Central] {
            for reason in certificate::Reason::ALL {
                metrics.certificate_faults(whose, reason).inc_by(0);
            }
        }
        metrics
    }

    /// A record was appended that is kept from the stores.
    pub(super) fn parked(&self, reason: ParkReason) {
        self.of_reason(reason).inc();
    }

    pub(super) fn of_reason(&self, reason: ParkReason) -> Counter {
        let labels = OfRecord { reason: PoisonReason::from(reason).name() };
        self.parked.get_or_create_owned(&labels)
    }

    pub(super) fn certificate_refused(&self, whose: Whose, reason: certificate::Reason) {
        self.certificate_faults(whose, reason).inc();
    }

    fn certificate_faults(&self, whose: Whose, reason: certificate::Reason) -> Counter {
        let labels = OfCertificate { whose: whose.label(), reason: reason.label() };
        self.certificate_faults.get_or_create_owned(&labels)
    }

    pub(super) fn refused(&self, cause: Cause) {
        self.refusals.get_or_create(&Reason { cause: name(cause) }).inc();
    }
}

const fn name(cause: Cause) -> &'static str {
    match cause {
        Cause::Unspecified => "unspecified",
        Cause::Clock => "clock",
        Cause::Malformed => "malformed",
        Cause::LogUnavailable => "log_unavailable",
        Cause::Superseded => "superseded",
    }
}
