//! The one runner of all sinks, against a store that fails in every way that it is told to. The runner is in a hurry here.

use super::*;
use crate::dead_letters::DeadLetters;
use crate::sample::{
    Fake, NAMES, PACE, SENTENCE, Store, append, append_rubbish, context, eventually, only, open_log,
};
use footfall_daemon::fault::Fault;
use footfall_log::{Log, embedded};

/// A sink that runs beside a test.
struct Running {
    status: Status,
    stop: Stop,
    task: JoinHandle<()>,
}

fn start<S: Sink>(log: &Log, sink: S) -> Running {
    let (context, stop) = (context(&only(log), S::NAME), Stop::default());
    context.partition.register(S::NAME);
    let status = context.status.clone();
    let task = tokio::spawn(run(Arc::new(sink), context, stop.clone()));
    Running { status, stop, task }
}

impl Running {
    /// Lets it write what the log holds.
    async fn drain(self) {
        self.stop.drain.cancel();
        self.task.await.expect("ran");
    }
}

/// How long a store was left in peace between attempts.
fn waits(store: &Store) -> Vec<Duration> {
    store.attempts().windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Ever longer waits, each at least half of what it may be.
fn assert_backed_off(waits: &[Duration]) {
    for (number, wait) in waits.iter().enumerate() {
        let longest = (PACE.first_wait * 2_u32.pow(number as u32)).min(PACE.longest_wait);
        assert!(*wait >= longest / 2, "wait {number} of {waits:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_is_asked_ever_more_rarely_and_gets_all_when_it_is_back() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    let (away, well) = (Store::default(), Store::default());
    append(&log, 0..40).await;
    let (failing, other) = (start(&log, Fake::<0>(away.clone())), start(&log, Fake::<1>(well.clone())));
    eventually("the first records", || away.held().len() == 40 && well.held().len() == 40).await;
    away.set(|state| {
        state.write_fails = Some(Fault::Transient);
        state.attempts.clear();
    });
    append(&log, 40..100).await;
    eventually("ten attempts", || away.attempts().len() >= 10).await;
    let sentence = failing.status.fault().expect("it is told");
    assert!(sentence.contains(NAMES[0]) && sentence.contains(SENTENCE), "{sentence}");
    assert_backed_off(&waits(&away));
    // The other one is not delayed, and stays so while the first is away.
    eventually("the other store", || well.held().len() == 100 && only(&log).lag(NAMES[1]) == 0).await;
    assert_eq!((other.status.fault(), only(&log).lag(NAMES[0])), (None, 60));
    away.set(|state| state.write_fails = None);
    let status = failing.status.clone();
    failing.drain().await;
    other.drain().await;
    assert_eq!(status.fault(), None);
    assert_eq!(away.held(), (0..100).collect::<Vec<_>>(), "all of it, once, in order");
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_say_where_to_go_on_is_asked_ever_more_rarely_until_it_can() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    let store = Store::default();
    store.set(|state| state.begin_fails = Some(Fault::Transient));
    append(&log, 0..10).await;
    let sink = start(&log, Fake::<0>(store.clone()));
    eventually("ten attempts", || store.attempts().len() >= 10).await;
    assert_backed_off(&waits(&store));
    let sentence = sink.status.fault().expect("it is told");
    assert!(sentence.contains("first sink cannot begin") && sentence.contains(SENTENCE), "{sentence}");
    store.set(|state| state.begin_fails = None);
    eventually("the records", || only(&log).lag(NAMES[0]) == 0).await;
    assert_eq!((sink.status.fault(), store.held()), (None, (0..10).collect()));
    sink.drain().await;
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_only_a_person_can_help_stops_its_sink_with_a_sentence() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    let store = Store::default();
    store.set(|state| state.write_fails = Some(Fault::Permanent));
    let sink = start(&log, Fake::<0>(store.clone()));
    append(&log, 0..5).await;
    eventually("the sentence", || sink.status.fault().is_some_and(|fault| fault.contains("has stopped")))
        .await;
    let attempts = store.attempts().len();
    store.set(|state| state.write_fails = None);
    append(&log, 5..10).await;
    // For as long as another is asked again and again.
    let away = Store::default();
    away.set(|state| state.write_fails = Some(Fault::Transient));
    let other = start(&log, Fake::<1>(away.clone()));
    eventually("ten attempts", || away.attempts().len() >= 10).await;
    other.stop.abandon.cancel();
    other.task.await.expect("ran");
    assert_eq!(store.attempts().len(), attempts, "nothing is tried any more");
    assert_eq!((store.held(), only(&log).lag(NAMES[0])), (Vec::new(), 10));
    sink.stop.abandon.cancel();
    sink.task.await.expect("ran");
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_parked_once_and_what_a_store_refuses_by_its_own_sink() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    let (refusing, taking) = (Store::default(), Store::default());
    refusing.set(|state| state.refuses = Some(3));
    let sinks = [
        start(&log, Fake::<0>(refusing.clone())),
        start(&log, Fake::<1>(taking.clone())),
        start(&log, DeadLetters),
    ];
    append(&log, 0..5).await;
    append_rubbish(&log, 5).await;
    append(&log, 6..8).await;
    for sink in sinks {
        let status = sink.status.clone();
        sink.drain().await;
        assert_eq!(status.fault(), None, "poison is no reason to stop");
    }
    assert_eq!(refusing.held(), [0, 1, 2, 4, 6, 7]);
    assert_eq!(taking.held(), [0, 1, 2, 3, 4, 6, 7]);
    for name in [NAMES[0], NAMES[1], DeadLetters::NAME] {
        assert_eq!(only(&log).lag(name), 0, "{name}");
    }
    log.close();
    let parked = embedded::read_dead_letters(&dir.path().join("dead-letter")).expect("read");
    let mut parked: Vec<_> =
        parked.into_iter().map(|parked| (parked.offset, parked.index, parked.reason)).collect();
    parked.sort_unstable();
    assert_eq!(parked, [(3, Some(0), "refused".to_owned()), (5, None, "record".to_owned())]);
}
