//! What is counted of the computation, and what somebody should look at.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::progress::{HOUR_MS, Progress};
use super::worker::Done;

/// What is as late as this is told of, milliseconds.
const LATE_MS: i64 = 5 * 60 * 1000;

/// Counters of all partitions; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    steps: Counter,
    failures: Counter,
    sessions: Counter,
    cells: Counter,
    busy: Counter<f64, AtomicU64>,
    lag: Family<Table, Gauge<f64, AtomicU64>>,
    lag_records: Family<InPartition, Gauge>,
    past: Family<InPartition, Gauge>,
}

/// What is derived, of which partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Table {
    table: &'static str,
    partition: u32,
}

/// Which partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InPartition {
    partition: u32,
}

impl Metrics {
    /// Makes the counters known.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "steps",
            "Steps that the derived tables were taken further by",
            metrics.steps.clone(),
        );
        registry.register("failures", "Steps that failed; they are done again", metrics.failures.clone());
        registry.register(
            "sessions",
            "Sessions that were computed, or computed again",
            metrics.sessions.clone(),
        );
        registry.register(
            "cells",
            "Websites' hours and days that were computed, or computed again",
            metrics.cells.clone(),
        );
        registry.register_with_unit("busy", "Time that steps took", Unit::Seconds, metrics.busy.clone());
        registry.register_with_unit(
            "lag",
            "How far each derived table is behind what it could be",
            Unit::Seconds,
            metrics.lag.clone(),
        );
        registry.register(
            "lag_records",
            "Records of the log that are stored as events and not yet derived from",
            metrics.lag_records.clone(),
        );
        registry.register_with_unit(
            "past",
            "How much of the past is still to be derived from",
            Unit::Seconds,
            metrics.past.clone(),
        );
        metrics
    }

    /// A step was done.
    pub(crate) fn count(&self, done: Done) {
        self.steps.inc();
        self.sessions.inc_by(done.sessions);
        self.cells.inc_by(done.cells);
        self.busy.inc_by(done.took.as_secs_f64());
    }

    /// One failed.
    pub(crate) fn failed(&self) {
        self.failures.inc();
    }

    /// The gauges of a partition are there from now on.
    pub fn begin(&self, partition: u32) {
        for table in ["sessions", "hours"] {
            self.lag.get_or_create(&Table { table, partition }).set(0.0);
        }
        self.lag_records.get_or_create(&InPartition { partition }).set(0);
        self.past.get_or_create(&InPartition { partition }).set(0);
    }

    /// How far a partition is at `now`, where the log has `records` more.
    pub(crate) fn look(&self, partition: u32, progress: &Progress, records: u64, now: i64) {
        for (table, lag) in lags(progress, now) {
            self.lag.get_or_create(&Table { table, partition }).set(lag as f64 / 1000.0);
        }
        self.lag_records.get_or_create(&InPartition { partition }).set(records as i64);
        let past = if progress.has_past() { progress.whole_from - progress.past_from } else { 0 };
        self.past.get_or_create(&InPartition { partition }).set(past / 1000);
    }
}

/// How far behind the clock sessions and hours are, beyond what they wait for, milliseconds.
fn lags(progress: &Progress, now: i64) -> [(&'static str, i64); 2] {
    let sessions = now - progress.sessions_to - 35 * 60 * 1000;
    let hours = now - progress.whole_to - HOUR_MS - 5 * 60 * 1000;
    [("sessions", sessions.max(0)), ("hours", hours.max(0))]
}

/// How the computation of each owned partition is, for whoever asks in sentences; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<BTreeMap<u32, State>>>);

#[derive(Clone, Debug, Default)]
struct State {
    progress: Option<Progress>,
    failing: Option<String>,
}

impl Health {
    /// What somebody should look at, at `now` (milliseconds since 1970), in sentences.
    pub fn warnings(&self, now: i64) -> Vec<String> {
        let mut sentences = Vec::new();
        for (partition, state) in self.lock().iter() {
            if let Some(reason) = &state.failing {
                sentences.push(format!(
                    "sessions and aggregates of partition {partition} are not computed: {reason}"
                ));
                continue;
            }
            let late = state.progress.map_or(0, |progress| {
                lags(&progress, now).map(|(_, lag)| lag).into_iter().max().unwrap_or(0)
            });
            if late > LATE_MS {
                sentences.push(format!(
                    "sessions and aggregates of partition {partition} are {} minutes behind: reports of what is missing are made of the \
                     events, which takes longer",
                    late / 60_000
                ));
            }
        }
        sentences
    }

    pub(crate) fn at(&self, partition: u32, progress: Progress) {
        *self.lock().entry(partition).or_default() = State { progress: Some(progress), failing: None };
    }

    pub(crate) fn fail(&self, partition: u32, reason: String) {
        self.lock().entry(partition).or_default().failing = Some(reason);
    }

    pub(crate) fn forget(&self, partition: u32) {
        self.lock().remove(&partition);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
