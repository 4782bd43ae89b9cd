//! The one runner of all sinks, against a store that fails in every way that it is told to.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::running::Running;
use crate::support::{append, eventually, only, open_log, send};
use bytes::Bytes;
use footfall_daemon::fault::Fault;
use footfall_log::{Partition, Poison, PoisonReason, RecordBatch, dead_letter};
use footfall_sink::{Begin, Failure, Sink, Span, Writer};

/// Gathers the offsets of records.
#[derive(Default)]
struct Offsets<const PARKING: bool>(Vec<u64>);

impl<const PARKING: bool> Sink for Offsets<PARKING> {
    const NAME: &'static str = if PARKING { "parking" } else { "keeping" };
    const PARKS: bool = PARKING;
    type Load = Vec<u64>;

    fn gather(&mut self, piece: &RecordBatch, _: Instant) {
        self.0.extend(piece.records().iter().map(|reading| reading.offset));
    }

    fn due(&self, _: u64) -> Option<Instant> {
        // Since before the runner looked at its own clock.
        if self.0.is_empty() { None } else { Instant::now().checked_sub(Duration::from_secs(1)) }
    }

    fn is_full(&self) -> bool {
        self.0.len() > 50
    }

    fn seal(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.0)
    }
}

/// What the store does with the next attempts, and what it holds.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<Shelf>>);

#[derive(Default)]
struct Shelf {
    failing: Option<Fault>,
    refusing: Option<u64>,
    attempts: Vec<Instant>,
    held: Vec<u64>,
}

impl Writer for Store {
    type Load = Vec<u64>;

    async fn write(&mut self, offsets: &Vec<u64>, _: Span) -> Result<Vec<Poison>, Failure> {
        let mut state = self.0.lock().expect("lock");
        state.attempts.push(Instant::now());
        if let Some(fault) = state.failing {
            return Err(Failure { fault, sentence: "the store at home is out".into() });
        }
        let refused = state.refusing.filter(|offset| offsets.contains(offset));
        state.held.extend(offsets.iter().filter(|offset| Some(**offset) != refused));
        let poison = |offset| Poison {
            offset,
            index: Some(0),
            reason: PoisonReason::Refused,
            payload: Bytes::from_static(b"row"),
        };
        Ok(refused.map(poison).into_iter().collect())
    }
}

impl Store {
    fn set(&self, change: impl FnOnce(&mut Shelf)) {
        change(&mut self.0.lock().expect("lock"));
    }

    fn held(&self) -> Vec<u64> {
        self.0.lock().expect("lock").held.clone()
    }
}

async fn start<const PARKING: bool>(partition: &Partition, store: &Store) -> Running {
    let name = Offsets::<PARKING>::NAME;
    let cursor = partition.consumer(name).await.expect("a consumer");
    let counters = footfall_sink::Metrics::default().of(name);
    Running::start(|health, stop| {
        let begin = Begin { keep: Some(partition.clone()), cursor, counters, health, seed: 7 };
        footfall_sink::run(Offsets::<PARKING>::default(), store.clone(), begin, stop)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_is_asked_ever_more_rarely_and_gets_all_when_it_is_back() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    let (away, well) = (Store::default(), Store::default());
    away.set(|shelf| shelf.failing = Some(Fault::Transient));
    let (failing, other) =
        (start::<true>(&only(&log), &away).await, start::<false>(&only(&log), &well).await);
    append(&log, 1, 0, 100).await;
    // The other one is not delayed, and stays so while the first is away.
    eventually("the other store", async || well.held().len() == 100).await;
    eventually("the sentence", async || failing.health.fault().is_some()).await;
    let sentence = failing.health.fault().expect("just seen");
    assert!(sentence.contains("parking") && sentence.contains("the store at home is out"), "{sentence}");
    eventually("five attempts", async || away.0.lock().expect("lock").attempts.len() >= 5).await;
    append(&log, 1, 100, 10).await;
    eventually("the other store", async || well.held().len() == 110 && only(&log).lag("keeping") == 0).await;
    assert_eq!(only(&log).lag("parking"), 110);
    assert_eq!(other.health.fault(), None);

    let attempts = away.0.lock().expect("lock").attempts.clone();
    let waits: Vec<_> = attempts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let least = (0..4).map(|doubled| Duration::from_millis(50) * 2_u32.pow(doubled));
    assert!(waits.iter().zip(least).all(|(wait, least)| *wait >= least), "{waits:?}");
    away.set(|shelf| shelf.failing = None);
    let health = failing.health.clone();
    failing.drain().await;
    other.drain().await;
    assert_eq!(health.fault(), None);
    assert_eq!(away.held(), (0..110).collect::<Vec<_>>(), "all of it, once, in order");
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_only_a_person_can_help_stops_its_sink_with_a_sentence() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    let store = Store::default();
    store.set(|shelf| shelf.failing = Some(Fault::Permanent));
    let sink = start::<true>(&only(&log), &store).await;
    append(&log, 1, 0, 5).await;
    eventually("the sentence", async || {
        sink.health.fault().is_some_and(|fault| fault.contains("has stopped"))
    })
    .await;
    store.set(|shelf| shelf.failing = None);
    append(&log, 1, 5, 5).await;
    assert_eq!((store.held(), only(&log).lag("parking")), (Vec::new(), 10), "nothing is tried any more");
    sink.abandon().await;
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_poison_is_parked_once_with_its_reason_by_the_sink_that_parks() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    let (parking, keeping) = (Store::default(), Store::default());
    parking.set(|shelf| shelf.refusing = Some(3));
    let sinks = [start::<true>(&only(&log), &parking).await, start::<false>(&only(&log), &keeping).await];
    append(&log, 1, 0, 5).await;
    let rubbish = vec![Bytes::from_static(b"\xff\xff rubbish")];
    send(&log, "edge-1", Bytes::from_static(&[1; 16]), 5, rubbish).await.expect("appended");
    append(&log, 1, 6, 2).await;
    for sink in sinks {
        let health = sink.health.clone();
        sink.drain().await;
        assert_eq!(health.fault(), None, "poison is no reason to stop");
    }
    assert_eq!(parking.held(), [0, 1, 2, 4, 6, 7]);
    assert_eq!(keeping.held(), [0, 1, 2, 3, 4, 6, 7]);
    log.close();
    let dir = dir.path().join("dead-letter");
    let mut parked: Vec<_> = dead_letter::in_folder(&dir)
        .expect("read")
        .into_iter()
        .map(|parked| (parked.offset, parked.index, parked.reason))
        .collect();
    parked.sort_unstable();
    assert_eq!(parked, [(3, Some(0), "refused".to_owned()), (5, None, "record".to_owned())]);
}
