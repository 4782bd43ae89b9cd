//! Every metric of the edge, named in this one place. Counts what it is told; decides nothing.

use std::fmt::Error;
use std::sync::atomic::Ordering;

use footfall_daemon::process;
use footfall_proto::reason;
use footfall_proto::relay::DropReason;
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// What `/metrics` shows. Cloned handles share their counts.
#[derive(Debug)]
pub struct Telemetry {
    registry: Mutex<Registry>,
    /// HTTP answers by route and status.
    pub answers: Family<Answered, Counter>,
    /// Time from a request's head to its answer, `POST /e` and `/p.gif` only.
    pub answer_seconds: Histogram,
    /// Events whose record is on disk.
    pub accepted: Counter,
    dropped: Vec<Counter>,
    refused: Family<ByReason, Counter>,
    /// Events stored under an id made here.
    pub id_collisions: Counter,
    /// Events that pages gave up before they could send them.
    pub given_up: Counter,
    /// JSON keys that no column has.
    pub unknown_keys: Counter,
    /// Body bytes as they arrived.
    pub body_bytes: Counter,
    /// Appends that the journal refused or failed.
    pub journal_failures: Counter,
    /// Records of drops written by the flusher.
    pub tally_records: Counter,
    /// Of the listener that browsers reach.
    pub http: footfall_http_server::Metrics,
    /// Relay batches sent, resends included.
    pub relay_batches: Counter,
    /// Records sent, resends included.
    pub relay_records: Counter,
    /// Compressed bytes sent.
    pub relay_bytes: Counter,
    /// Connections to central that were made.
    pub relay_connects: Counter,
    /// Times that central refused this edge.
    pub relay_refusals: Counter,
    /// Records that were gone before central had them: must stay 0.
    pub relay_lost: Counter,
    states: States,
}

/// Values read when somebody asks.
#[derive(Debug, Default, Clone, Copy)]
pub struct Snapshot {
    /// The policy in force, 0 for none.
    pub policy_id: u64,
    /// Sites in it.
    pub sites: u64,
    /// Whether central is connected.
    pub relay_up: bool,
    /// One past the last record on disk.
    pub journal_end: u64,
    /// Records below are acknowledged by central.
    pub journal_released: u64,
    /// Bytes that wait for central.
    pub journal_unreleased_bytes: u64,
    /// Bytes of all segments.
    pub journal_bytes: u64,
    /// Unreleased bytes at most.
    pub journal_limit_bytes: u64,
    /// When the certificate shown to central expires, seconds since 1970.
    pub certificate_expiry: Option<i64>,
    /// Syncs so far.
    pub journal_syncs: u64,
    /// Records lost to damage.
    pub journal_missing: u64,
    /// Events that the dedup window holds.
    pub dedup_entries: u64,
    /// Sessions remembered.
    pub sessions: u64,
}

/// Labels of an HTTP answer.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Answered {
    /// The route, of a closed set.
    pub route: &'static str,
    /// The status code.
    pub status: u16,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByReason {
    reason: &'static str,
}

/// Gauges and counters, and how each is read from a snapshot.
#[derive(Debug)]
struct States {
    gauges: Vec<(Gauge, Read)>,
    counters: Vec<(Counter, Read)>,
}

type Read = fn(&Snapshot) -> u64;

impl Default for Telemetry {
    fn default() -> Self {
        let mut all = Registry::default();
        process::register(&mut all);
        let registry = all.sub_registry_with_prefix("footfall_edge");
        registry.register(
            "build",
            "The version that runs",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let accepted = counter("events_accepted", "Events on disk");
        let id_collisions =
            counter("id_collisions", "Events stored under an id made here, theirs being taken");
        let given_up = counter(
            "beacon_given_up_events",
            "Events that pages gave up, their queue being full, as they say",
        );
        let unknown_keys = counter("json_unknown_keys", "JSON keys that no column has");
        let body_bytes = counter("body_bytes", "Body bytes as they arrived");
        let journal_failures = counter("journal_failures", "Appends that the journal refused or failed");
        let tally_records = counter("tally_records", "Records that hold only counts of drops");
        let relay_batches = counter("relay_batches", "Batches sent to central, resends included");
        let relay_records = counter("relay_records", "Records sent to central, resends included");
        let relay_bytes = counter("relay_bytes", "Compressed bytes sent to central");
        let relay_connects = counter("relay_connects", "Connections made to central");
        let relay_refusals = counter("relay_refusals", "Times that central refused this edge");
        let relay_lost = counter("relay_lost_records", "Records gone before central had them");
        let drops = Family::<ByReason, Counter>::default();
        registry.register("events_dropped", "Events dropped, by reason", drops.clone());
        let by_reason = |index: usize| {
            let reason = i32::try_from(index).ok().and_then(|number| DropReason::try_from(number).ok());
            drops.get_or_create_owned(&ByReason { reason: reason::name(reason.unwrap_or_default()) })
        };
        let dropped = (0..=reason::ALL.len()).map(by_reason).collect();
        let refused = Family::default();
        registry.register("requests_refused", "Requests refused for good, by reason", refused.clone());
        let answers = Family::default();
        registry.register("answers", "HTTP answers", answers.clone());
        let answer_seconds =
            Histogram::new([0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0]);
        registry.register_with_unit(
            "answer",
            "Time to the answer of a submission",
            Unit::Seconds,
            answer_seconds.clone(),
        );
        let http = footfall_http_server::Metrics::register(registry);
        let states = States::register(registry);
        Self {
            registry: Mutex::new(all),
            answers,
            answer_seconds,
            accepted,
            dropped,
            refused,
            id_collisions,
            given_up,
            unknown_keys,
            body_bytes,
            journal_failures,
            tally_records,
            http,
            relay_batches,
            relay_records,
            relay_bytes,
            relay_connects,
            relay_refusals,
            relay_lost,
            states,
        }
    }
}

impl Telemetry {
    /// Counts drops.
    pub fn drop_events(&self, reason: DropReason, count: u64) {
        self.dropped[reason as usize].inc_by(count);
    }

    /// Counts a request that was refused for good.
    pub fn refuse(&self, reason: DropReason) {
        self.refused.get_or_create(&ByReason { reason: reason::name(reason) }).inc();
    }

    /// How many events were dropped for a reason so far.
    #[must_use]
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize].get()
    }

    /// Counts an answer.
    pub fn answer(&self, route: &'static str, status: u16) {
        self.answers.get_or_create(&Answered { route, status }).inc();
    }

    /// The Prometheus text.
    ///
    /// # Errors
    /// Never in practice: writing to a string does not fail.
    pub fn render(&self, snapshot: &Snapshot) -> Result<String, Error> {
        for (gauge, read) in &self.states.gauges {
            gauge.set(i64::try_from(read(snapshot)).unwrap_or(i64::MAX));
        }
        for (counter, read) in &self.states.counters {
            counter.inner().store(read(snapshot), Ordering::Relaxed);
        }
        let mut text = String::new();
        let registry = self.registry.lock();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl States {
    fn register(registry: &mut Registry) -> Self {
        let gauges: [(&str, &str, Read); 11] = [
            ("policy_id", "The policy in force, 0 for none", |s| s.policy_id),
            ("sites", "Sites in the policy", |s| s.sites),
            ("relay_up", "1 while central is connected", |s| u64::from(s.relay_up)),
            ("journal_end", "One past the last record on disk", |s| s.journal_end),
            ("journal_released", "Records below are acknowledged by central", |s| s.journal_released),
            ("journal_unreleased_bytes", "Bytes that wait for central", |s| s.journal_unreleased_bytes),
            ("journal_bytes", "Bytes of all segments", |s| s.journal_bytes),
            ("journal_limit_bytes", "Bytes that may wait for central", |s| s.journal_limit_bytes),
            (
                "certificate_expiry_seconds",
                "When the certificate shown to central expires, since 1970; 0 without one",
                |s| s.certificate_expiry.and_then(|expiry| u64::try_from(expiry).ok()).unwrap_or(0),
            ),
            ("dedup_entries", "Events that the window of repeats holds", |s| s.dedup_entries),
            ("sessions", "Sessions whose source is remembered", |s| s.sessions),
        ];
        let counters: [(&str, &str, Read); 2] = [
            ("journal_syncs", "Syncs since the start", |s| s.journal_syncs),
            ("journal_missing_records", "Records lost to damage", |s| s.journal_missing),
        ];
        let gauges = gauges.map(|(name, help, read)| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            (gauge, read)
        });
        let counters = counters.map(|(name, help, read)| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            (counter, read)
        });
        Self { gauges: gauges.into(), counters: counters.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_counter_and_states_are_read_when_asked() {
        let telemetry = Telemetry::default();
        telemetry.drop_events(DropReason::Bot, 3);
        telemetry.answer("e", 204);
        telemetry.refuse(DropReason::Origin);
        let text = telemetry
            .render(&Snapshot {
                policy_id: 7,
                relay_up: true,
                journal_syncs: 5,
                journal_limit_bytes: 1 << 30,
                certificate_expiry: Some(1_800_000_000),
                ..Snapshot::default()
            })
            .expect("text");
        for reason in reason::ALL {
            assert!(text.contains(&format!("reason=\"{}\"", reason::name(reason))), "{text}");
        }
        for line in [
            "footfall_edge_events_dropped_total{reason=\"bot\"} 3",
            "footfall_edge_requests_refused_total{reason=\"origin\"} 1",
            "footfall_edge_answers_total{route=\"e\",status=\"204\"} 1",
            "footfall_edge_policy_id 7",
            "footfall_edge_relay_up 1",
            "footfall_edge_journal_syncs_total 5",
            "footfall_edge_journal_missing_records_total 0",
            "footfall_edge_journal_limit_bytes 1073741824",
            "footfall_edge_certificate_expiry_seconds 1800000000",
            concat!("footfall_edge_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "\nprocess_resident_memory_bytes ",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
