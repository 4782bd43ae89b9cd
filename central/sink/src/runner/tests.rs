//! The one runner of all sinks, against a store that fails in every way that it is told to. The runner is in a hurry here.

use super::*;
use crate::dead_letters::DeadLetters;
use crate::sample::{
    Fake, NAMES, PACE, SENTENCE, Store, append, append_rubbish, context, eventually, only, open_log,
};
use footfall_daemon::fault::Fault;
use footfall_log::{Log, embedded};
use tokio::time::timeout;

/// A sink that runs beside a test.
struct Running {
    status: Status,
    counters: Counters,
    stop: Stop,
    task: JoinHandle<()>,
}

fn start<S: Sink>(log: &Log, sink: S) -> Running {
    let (context, stop) = (context(&only(log), S::NAME), Stop::default());
    context.partition.register(S::NAME);
    let (status, counters) = (context.status.clone(), context.counters.clone());
    let task = tokio::spawn(run(Arc::new(sink), context, stop.clone()));
    Running { status, counters, stop, task }
}

/// The same, told to drain before it has begun.
fn late<S: Sink>(log: &Log, sink: S) -> JoinHandle<()> {
    let stop = Stop::default();
    stop.drain.cancel();
    tokio::spawn(run(Arc::new(sink), context(&only(log), S::NAME), stop))
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
    eventually("the other store", || well.held().len() == 100 && only(&log).lag(NAMES[1]) == Some(0)).await;
    assert_eq!((other.status.fault(), only(&log).lag(NAMES[0])), (None, Some(60)));
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
    eventually("the records", || only(&log).lag(NAMES[0]) == Some(0)).await;
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
    assert_eq!((store.held(), only(&log).lag(NAMES[0])), (Vec::new(), Some(10)));
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
    for (sink, poison) in sinks.into_iter().zip([1, 0, 0]) {
        let (status, counters) = (sink.status.clone(), sink.counters.clone());
        sink.drain().await;
        assert_eq!(status.fault(), None, "poison is no reason to stop");
        assert_eq!(counters.poison.get(), poison, "what its store refused");
    }
    assert_eq!(refusing.held(), [0, 1, 2, 4, 6, 7]);
    assert_eq!(taking.held(), [0, 1, 2, 3, 4, 6, 7]);
    for name in [NAMES[0], NAMES[1], DeadLetters::NAME] {
        assert_eq!(only(&log).lag(name), Some(0), "{name}");
    }
    log.close();
    let parked = embedded::read_dead_letters(&dir.path().join("dead-letter")).expect("read");
    let mut parked: Vec<_> =
        parked.into_iter().map(|parked| (parked.offset, parked.index, parked.reason)).collect();
    parked.sort_unstable();
    assert_eq!(parked, [(3, Some(0), "refused".to_owned()), (5, None, "record".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_say_for_good_where_to_go_on_is_asked_once_and_its_sink_still_ends() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    let (store, away) = (Store::default(), Store::default());
    store.set(|state| state.begin_fails = Some(Fault::Permanent));
    away.set(|state| state.begin_fails = Some(Fault::Transient));
    append(&log, 0..5).await;
    let sink = start(&log, Fake::<0>(store.clone()));
    eventually("the sentence", || sink.status.fault().is_some()).await;
    // For as long as another is asked again and again.
    let other = start(&log, Fake::<1>(away.clone()));
    eventually("ten attempts", || away.attempts().len() >= 10).await;
    assert_eq!(store.attempts().len(), 1, "a person is waited for");
    for sink in [sink, other] {
        timeout(Duration::from_secs(20), sink.drain()).await.expect("it ends in time");
    }
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_there_is_not_asked_and_one_that_is_gets_all_also_when_all_ends() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    let (absent, there) = (Store::default(), Store::default());
    absent.set(|state| state.absent = true);
    append(&log, 0..10).await;
    let (waiting, other) = (start(&log, Fake::<0>(absent.clone())), start(&log, Fake::<1>(there.clone())));
    eventually("the other store", || there.held().len() == 10).await;
    assert!(absent.attempts().is_empty(), "nobody can be asked");
    for sink in [waiting, other] {
        timeout(Duration::from_secs(20), sink.drain()).await.expect("it ends in time");
    }
    // Told to end before they begin: what the log holds is written all the same.
    absent.set(|state| state.absent = false);
    append(&log, 10..15).await;
    let late = [late(&log, Fake::<0>(absent.clone())), late(&log, Fake::<1>(there.clone()))];
    for sink in late {
        timeout(Duration::from_secs(20), sink).await.expect("it ends in time").expect("ran");
    }
    for store in [&absent, &there] {
        assert_eq!(store.held(), (0..15).collect::<Vec<_>>(), "once, in order");
    }
    assert_eq!((absent.committed(), there.committed()), (vec![0], vec![0, 10]));
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_twice_and_then_takes_long_is_nothing_to_tell_and_one_that_fails_again_is() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    append(&log, 0..5).await;
    for (failures, told) in [(2, false), (3, true)] {
        let store = Store::default();
        // The first attempt is to begin.
        store.set(|state| {
            (state.write_fails, state.hangs_after) = (Some(Fault::Transient), Some(1 + failures));
        });
        let sink = start(&log, Fake::<0>(store.clone()));
        eventually("the failures", || store.attempts().len() > failures).await;
        eventually("the wait after them", || sink.counters.failures.get() == failures as u64).await;
        eventually("the sentence, if any", || sink.status.fault().is_some() == told).await;
        sink.stop.abandon.cancel();
        let status = sink.status.clone();
        timeout(Duration::from_secs(20), sink.task).await.expect("it ends in time").expect("ran");
        assert_eq!(status.fault().is_some(), told, "after {failures} failures");
    }
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_waits_for_records_ends_at_once_when_it_is_told_to() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    append(&log, 0..5).await;
    let store = Store::default();
    let sink = start(&log, Fake::<0>(store.clone()));
    eventually("all records", || store.held().len() == 5 && only(&log).lag(NAMES[0]) == Some(0)).await;
    sink.stop.abandon.cancel();
    timeout(Duration::from_secs(20), sink.task).await.expect("it ends in time").expect("ran");
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_panics_while_it_writes_has_given_its_write_up_before_anybody_hears_of_it() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    append(&log, 0..5).await;
    let store = Store::default();
    store.set(|state| state.hangs_after = Some(1));
    let sink = start(&log, Fake::<0>(store.clone()));
    eventually("the write", || store.is(|state| state.hangs)).await;
    store.set(|state| state.batch_panics = true);
    append(&log, 5..10).await;
    let ended = timeout(Duration::from_secs(20), sink.task).await.expect("it ends in time");
    assert!(ended.expect_err("it has panicked").is_panic());
    assert!(store.is(|state| state.given_up), "nothing of it writes any more");
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_give_a_sink_nothing_to_write_are_committed_too() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    let sink = start(&log, DeadLetters);
    append(&log, 0..5).await;
    eventually("the commit", || only(&log).lag(DeadLetters::NAME) == Some(0)).await;
    sink.drain().await;
    log.close();
}
