//! A real log in a folder, and sinks whose stores do as they are told, for the tests of this crate.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use footfall_daemon::fault::Fault;
use footfall_log::{Log, Partition, Poison, PoisonReason, RecordBatch, embedded};
use footfall_proto::relay::Record;
use footfall_proto::traffic_source;
use prost::Message as _;

use super::{Batcher, Begun, Context, Failure, Metrics, Pace, Sink, Span, Start, Writer};

/// What the sinks are called.
pub(crate) const NAMES: [&str; 4] = ["first", "second", "third", "fourth"];
/// Nobody waits long in a test.
pub(crate) const PACE: Pace = Pace {
    first_wait: Duration::from_millis(2),
    longest_wait: Duration::from_millis(60),
    read_pause: Duration::from_millis(5),
    quiet: Duration::from_millis(10),
    drain_timeout: Duration::from_millis(500),
};
/// What a store says when it fails.
pub(crate) const SENTENCE: &str = "the disk of the store is on fire";

pub(crate) async fn open_log(dir: &Path) -> Log {
    let options = embedded::Options {
        dir: dir.to_owned(),
        max_bytes: 1 << 30,
        segment_bytes: 4 << 20,
        lock_wait: Duration::from_secs(5),
    };
    Log::embedded(options, footfall_log::Metrics::default()).await.expect("the log opens")
}

/// The only partition.
pub(crate) fn only(log: &Log) -> Partition {
    log.partition(0).expect("it is owned")
}

/// Appends records as an edge would send them.
pub(crate) async fn append(log: &Log, offsets: std::ops::Range<u64>) {
    let record = Record {
        website_id: "0191d0a4-0000-7000-8000-000000000001".into(),
        server_timestamp_ms: 1_795_435_200_000,
        traffic_source_version: traffic_source::VERSION,
        ..Record::default()
    };
    let records = offsets.clone().map(|_| record.encode_to_vec().into()).collect();
    send(log, offsets.start, records).await;
}

/// Appends what nobody can read.
pub(crate) async fn append_rubbish(log: &Log, offset: u64) {
    send(log, offset, vec![Bytes::from_static(b"\xff\xff rubbish")]).await;
}

/// Appends these as an edge would send them.
pub(crate) async fn send(log: &Log, first: u64, records: Vec<Bytes>) {
    let epoch = Bytes::from_static(&[1; 16]);
    log.appender("edge-1").append(epoch, first, records).await.expect("appended");
}

/// Waits until `done` says so.
pub(crate) async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !done() {
        assert!(Instant::now() < deadline, "{what} did not come about in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What a sink of this name runs with.
pub(crate) fn context(partition: &Partition, name: &'static str) -> Context {
    Context {
        partition: partition.clone(),
        counters: Metrics::default().of(name),
        status: footfall_daemon::status::Status::default(),
        pace: PACE,
        seed: 7,
    }
}

/// What a store does with the next attempts, and what it holds; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Store(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    /// Whether it is not even there to be asked.
    pub(crate) absent: bool,
    /// How it fails to say where to go on.
    pub(crate) begin_fails: Option<Fault>,
    /// How it fails to write.
    pub(crate) write_fails: Option<Fault>,
    /// Writes for ever once it was asked and told so often.
    pub(crate) hangs_after: Option<usize>,
    /// Whether it does.
    pub(crate) hangs: bool,
    /// Whether such a write was given up.
    pub(crate) given_up: bool,
    /// Whether the records of this sink cannot even be gathered.
    pub(crate) batch_panics: bool,
    /// Whether to panic instead.
    pub(crate) panics: bool,
    /// How often it panics yet when it is told to write.
    pub(crate) write_panics: u32,
    /// The record that it refuses as bad data.
    pub(crate) refuses: Option<u64>,
    /// When it was asked where to go on, or told to write.
    pub(crate) attempts: Vec<Instant>,
    /// The consumers that the log knew of when it was asked first.
    pub(crate) known: Vec<&'static str>,
    /// What it was told at each beginning to have committed.
    pub(crate) committed: Vec<u64>,
    /// Offsets of the records that it holds.
    pub(crate) held: Vec<u64>,
}

impl Store {
    pub(crate) fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().expect("lock"));
    }

    pub(crate) fn is(&self, what: impl FnOnce(&State) -> bool) -> bool {
        what(&self.0.lock().expect("lock"))
    }

    pub(crate) fn held(&self) -> Vec<u64> {
        self.0.lock().expect("lock").held.clone()
    }

    pub(crate) fn known(&self) -> Vec<&'static str> {
        self.0.lock().expect("lock").known.clone()
    }

    pub(crate) fn committed(&self) -> Vec<u64> {
        self.0.lock().expect("lock").committed.clone()
    }

    pub(crate) fn attempts(&self) -> Vec<Instant> {
        self.0.lock().expect("lock").attempts.clone()
    }

    fn attempt(&self, fails: impl FnOnce(&State) -> Option<Fault>) -> Result<(), Failure> {
        let mut state = self.0.lock().expect("lock");
        state.attempts.push(Instant::now());
        let panics = state.panics;
        let fails = fails(&state);
        drop(state);
        assert!(!panics, "as the test wanted it");
        fails.map_or(Ok(()), |fault| Err(Failure { fault, sentence: SENTENCE.to_owned() }))
    }
}

/// The sink of such a store.
pub(crate) struct Fake<const WHICH: usize>(pub(crate) Store);

impl<const WHICH: usize> Sink for Fake<WHICH> {
    const NAME: &'static str = NAMES[WHICH];
    type Batcher = Offsets;
    type Writer = Store;

    async fn ready(&self) {
        while self.0.is(|state| state.absent) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn begin(&self, start: Start) -> Result<Begun<Offsets, Store>, Failure> {
        self.0.set(|state| {
            state.committed.push(start.committed);
            let known = start.partition.lags();
            if state.attempts.is_empty() {
                state.known = known.into_iter().map(|(name, _)| name).collect();
            }
        });
        self.0.attempt(|state| state.begin_fails)?;
        let cursor = start.partition.consumer(Self::NAME).await?;
        Ok(Begun { batcher: Offsets::of(&self.0), writer: self.0.clone(), cursor })
    }
}

/// Most records in a batch.
const MAX_OFFSETS: usize = 50;

/// Collects the offsets of records, and takes no more of a read than there is room for.
#[derive(Default)]
pub(crate) struct Offsets {
    store: Store,
    gathered: Vec<u64>,
    since: Option<Instant>,
}

impl Offsets {
    fn of(store: &Store) -> Self {
        Self { store: store.clone(), ..Self::default() }
    }
}

impl Batcher for Offsets {
    type Batch = Vec<u64>;

    fn add(&mut self, records: &RecordBatch, now: Instant) -> Option<RecordBatch> {
        assert!(!self.store.is(|state| state.batch_panics), "as the test wanted it");
        let room = MAX_OFFSETS.saturating_sub(self.gathered.len());
        self.gathered.extend(records.records().iter().take(room).map(|record| record.offset));
        self.since.get_or_insert(now);
        records.records().get(room).map(|record| records.rest(record.offset))
    }

    fn due(&self, _: u64) -> Option<Instant> {
        self.since
    }

    fn is_full(&self) -> bool {
        self.gathered.len() >= MAX_OFFSETS
    }

    fn take(&mut self) -> Vec<u64> {
        self.since = None;
        std::mem::take(&mut self.gathered)
    }
}

impl Writer for Store {
    type Batch = Vec<u64>;

    async fn write(&mut self, offsets: &Vec<u64>, _: Span) -> Result<Vec<Poison>, Failure> {
        if self.is(|state| state.hangs_after.is_some_and(|after| state.attempts.len() >= after)) {
            let _given_up = GivenUp(self.clone());
            self.set(|state| state.hangs = true);
            std::future::pending::<()>().await;
        }
        self.attempt(|state| state.write_fails)?;
        let mut panics = false;
        self.set(|state| {
            panics = state.write_panics > 0;
            state.write_panics = state.write_panics.saturating_sub(1);
        });
        assert!(!panics, "as the test wanted it");
        let mut refused = Vec::new();
        self.set(|state| {
            for offset in offsets {
                if state.refuses == Some(*offset) {
                    refused.push(*offset);
                } else {
                    state.held.push(*offset);
                }
            }
        });
        let poison = |offset| Poison {
            offset,
            index: Some(0),
            reason: PoisonReason::Refused,
            payload: Bytes::from_static(b"row"),
        };
        Ok(refused.into_iter().map(poison).collect())
    }
}

/// Tells that a write was given up.
struct GivenUp(Store);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.set(|state| state.given_up = true);
    }
}
