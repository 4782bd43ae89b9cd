//! All sinks of a partition beside each other: what one of them suffers is nothing to the others. The runner is in a hurry here.

use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::sample::{Fake, NAMES, PACE, State, Store, append, context, eventually, only, open_log};
use footfall_daemon::fault::Fault;
use footfall_log::Log;

/// Four sinks under supervision.
struct Scene {
    stores: [Store; 4],
    metrics: Metrics,
    health: SinkHealth,
    stop: Stop,
    task: JoinHandle<()>,
}

impl Scene {
    fn start(log: &Log, stores: [Store; 4]) -> Self {
        let (health, stop) = (SinkHealth::default(), Stop::default());
        let [first, second, third, fourth] = stores.clone();
        let sinks: Vec<Arc<dyn AnySink>> = vec![
            Arc::new(Fake::<0>(first)),
            Arc::new(Fake::<1>(second)),
            Arc::new(Fake::<2>(third)),
            Arc::new(Fake::<3>(fourth)),
        ];
        let random = fastrand::Rng::with_seed(7);
        let (metrics, own) = (Metrics::default(), health.clone());
        let task = supervise(log.owned(), sinks, metrics.clone(), own, PACE, random, stop.clone());
        Self { stores, metrics, health, stop, task: tokio::spawn(task) }
    }

    async fn stop(self) {
        self.stop.drain.cancel();
        let ended = timeout(Duration::from_secs(20), self.task).await;
        ended.expect("it ends in time").expect("supervised");
    }
}

/// A sink suffers this for as long as the person who could help is not there; the others begin, run and stop as if nothing had happened.
async fn delays_no_other(fault: impl Fn(&mut State)) {
    for which in 0..NAMES.len() {
        let dir = tempfile::tempdir().expect("temp dir");
        let log = open_log(dir.path()).await;
        append(&log, 0..10).await;
        let stores: [Store; 4] = std::array::from_fn(|_| Store::default());
        stores[which].set(&fault);
        let scene = Scene::start(&log, stores.clone());
        append(&log, 10..100).await;
        let others = || (0..NAMES.len()).filter(|other| *other != which);
        let all: Vec<u64> = (0..100).collect();
        eventually("the others", || {
            others().all(|other| {
                only(&log).lag(NAMES[other]) == Some(0) && scene.stores[other].held().len() == all.len()
            })
        })
        .await;
        assert!(others().all(|other| scene.stores[other].held() == all), "once, in order");
        let name = NAMES[which];
        eventually("the sentence", || !scene.health.faults().is_empty()).await;
        let faults = scene.health.faults();
        assert!(faults.len() == 1 && faults[0].starts_with(&format!("the {name} sink ")), "{faults:?}");
        assert_eq!(only(&log).lag(name), Some(100), "nothing of it was committed");
        scene.stop().await;

        // What the log kept for it is there when a person has helped.
        stores[which].set(|state| *state = State::default());
        let scene = Scene::start(&log, stores.clone());
        eventually("the rest", || only(&log).lag(name) == Some(0)).await;
        assert!(stores.iter().all(|store| store.held() == all), "once, in order");
        assert_eq!(scene.health.faults(), Vec::<String>::new());
        scene.stop().await;
        log.close();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_cannot_begin_for_good_delays_no_other() {
    delays_no_other(|state| state.begin_fails = Some(Fault::Permanent)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_cannot_write_for_good_delays_no_other() {
    delays_no_other(|state| state.write_fails = Some(Fault::Permanent)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_cannot_begin_yet_delays_no_other() {
    delays_no_other(|state| state.begin_fails = Some(Fault::Transient)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_panics_delays_no_other() {
    delays_no_other(|state| state.panics = true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_knows_every_sink_before_one_begins() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    append(&log, 0..10).await;
    let scene = Scene::start(&log, std::array::from_fn(|_| Store::default()));
    eventually("the beginning of all", || scene.stores.iter().all(|store| !store.known().is_empty())).await;
    for store in &scene.stores {
        let mut known = store.known();
        known.sort_unstable();
        assert_eq!(known, ["first", "fourth", "second", "third"]);
    }
    scene.stop().await;
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_panics_is_started_again_and_counted_and_stores_each_record_once() {
    for which in 0..NAMES.len() {
        let dir = tempfile::tempdir().expect("temp dir");
        let log = open_log(dir.path()).await;
        let scene = Scene::start(&log, std::array::from_fn(|_| Store::default()));
        append(&log, 0..70).await;
        eventually("the first records", || scene.stores.iter().all(|store| store.held().len() == 70)).await;
        scene.stores[which].set(|state| {
            state.write_panics = 3;
            state.attempts.clear();
        });
        append(&log, 70..200).await;
        let all: Vec<u64> = (0..200).collect();
        eventually("all records", || NAMES.iter().all(|name| only(&log).lag(name) == Some(0))).await;
        assert!(scene.stores.iter().all(|store| store.held() == all), "once, in order");
        assert_eq!(scene.health.faults(), Vec::<String>::new(), "it is well again");
        let metrics = scene.metrics.clone();
        scene.stop().await;
        // To be told to end is no reason to be started again.
        for (other, name) in NAMES.iter().enumerate() {
            let expected = if other == which { 3 } else { 0 };
            assert_eq!(metrics.of(name).restarts.get(), expected, "{name}");
        }
        log.close();
    }
}

/// Ends although nobody told it to: [`HASTY`] times at once, and then each time after it had run for long.
#[derive(Default)]
struct Restless(Mutex<Vec<(Instant, Instant)>>);

const HASTY: usize = 6;

impl Restless {
    /// When each run began and ended.
    fn runs(&self) -> Vec<(Instant, Instant)> {
        self.0.lock().expect("lock").clone()
    }
}

impl AnySink for Restless {
    fn name(&self) -> &'static str {
        NAMES[3]
    }

    fn holds_log(&self) -> bool {
        false
    }

    fn run(self: Arc<Self>, context: Context, _: Stop) -> BoxFuture<'static, ()> {
        let run = async move {
            let begun = Instant::now();
            if self.runs().len() >= HASTY {
                sleep(context.pace.longest_wait * (STEADY_WAITS + 1)).await;
            }
            self.0.lock().expect("lock").push((begun, Instant::now()));
        };
        run.boxed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_ends_unasked_is_started_again_ever_more_rarely_and_at_once_after_it_ran_for_long() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    let (sink, stop) = (Arc::new(Restless::default()), Stop::default());
    let pace = Pace { longest_wait: Duration::from_millis(32), ..PACE };
    let context = Context { pace, ..context(&only(&log), NAMES[3]) };
    let task = tokio::spawn(run_one(sink.clone(), context.clone(), stop.clone()));
    eventually("long runs", || sink.runs().len() >= HASTY + 4).await;
    stop.drain.cancel();
    timeout(Duration::from_secs(20), task).await.expect("it ends in time").expect("ran");
    assert!(context.counters.restarts.get() >= HASTY as u64 + 3);
    let sentence = context.status.fault().expect("it is told");
    assert!(sentence.contains("the fourth sink has ended and is started again"), "{sentence}");
    let waits: Vec<_> = sink.runs().windows(2).map(|pair| pair[1].0 - pair[0].1).collect();
    for (number, wait) in waits.iter().enumerate().take(HASTY) {
        let longest = (pace.first_wait * 2_u32.pow(number as u32)).min(pace.longest_wait);
        assert!(*wait >= longest / 2, "wait {number} of {waits:?}");
    }
    // A busy machine may delay one of them, hardly all.
    assert!(waits[HASTY..].iter().any(|wait| *wait < pace.longest_wait / 2), "{waits:?}");
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_only_looks_keeps_no_record_in_the_log() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    let (store, looks) = (Store::default(), Arc::new(Restless::default()));
    let sinks: Vec<Arc<dyn AnySink>> = vec![looks.clone(), Arc::new(Fake::<0>(store.clone()))];
    let (random, stop) = (fastrand::Rng::with_seed(7), Stop::default());
    let task =
        supervise(log.owned(), sinks, Metrics::default(), SinkHealth::default(), PACE, random, stop.clone());
    let task = tokio::spawn(task);
    append(&log, 0..10).await;
    eventually("both", || store.held().len() == 10 && !looks.runs().is_empty()).await;
    let known: Vec<_> = only(&log).lags().into_iter().map(|(name, _)| name).collect();
    assert_eq!(known, [NAMES[0]], "the log waits for nobody else");
    stop.drain.cancel();
    timeout(Duration::from_secs(20), task).await.expect("it ends in time").expect("supervised");
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_waits_to_be_started_again_ends_when_all_ends() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    for end in [|stop: &Stop| stop.drain.cancel(), |stop: &Stop| stop.abandon.cancel()] {
        let (sink, stop) = (Arc::new(Restless::default()), Stop::default());
        let hour = Duration::from_hours(1);
        let pace = Pace { first_wait: hour, longest_wait: hour, ..PACE };
        let context = Context { pace, ..context(&only(&log), NAMES[3]) };
        let task = tokio::spawn(run_one(sink, context.clone(), stop.clone()));
        eventually("the sentence", || context.status.fault().is_some()).await;
        end(&stop);
        timeout(Duration::from_secs(20), task).await.expect("it ends in time").expect("ran");
    }
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sinks_of_a_lost_partition_end_whatever_their_stores_do_and_nothing_is_told_of_them() {
    let dir = tempfile::tempdir().expect("temp dir");
    let log = open_log(dir.path()).await;
    append(&log, 0..10).await;
    let (stuck, well) = (Store::default(), Store::default());
    stuck.set(|state| state.write_fails = Some(Fault::Permanent));
    let shared = shared([stuck, well.clone()]);
    let random = fastrand::Rng::with_seed(7);
    let task = tokio::spawn(run_partition(only(&log), None, shared.clone(), random, Stop::default()));
    eventually("the fault", || well.held().len() == 10 && shared.health.faults().len() == 1).await;
    only(&log).lost().cancel();
    timeout(Duration::from_secs(20), task).await.expect("they end in time").expect("ran");
    assert_eq!(shared.health.faults(), Vec::<String>::new(), "another central has it");
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_was_lost_and_is_owned_again_is_stored_again_once_the_earlier_sinks_have_ended() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("temp dir"));
    let (lost, gained) = (open_log(dirs[0].path()).await, open_log(dirs[1].path()).await);
    append(&lost, 0..10).await;
    append(&gained, 0..5).await;
    let owned = watch::Sender::new(Owned::from([(0, only(&lost))]));
    let (slow, stop) = (Arc::new(Slow::default()), Stop::default());
    let task = supervise(
        owned.subscribe(),
        vec![slow.clone()],
        Metrics::default(),
        SinkHealth::default(),
        PACE,
        fastrand::Rng::with_seed(7),
        stop.clone(),
    );
    let task = tokio::spawn(task);
    eventually("the beginning", || slow.seen() == ["begun"]).await;
    only(&lost).lost().cancel();
    owned.send_replace(Owned::from([(0, only(&gained))]));
    eventually("the second beginning", || slow.seen().len() >= 3).await;
    assert_eq!(slow.seen(), ["begun", "ended", "begun"]);
    stop.drain.cancel();
    timeout(Duration::from_secs(20), task).await.expect("it ends in time").expect("supervised");
    for log in [lost, gained] {
        log.close();
    }
}

/// Ends when it is told to, and takes its time.
#[derive(Default)]
struct Slow(Mutex<Vec<&'static str>>);

impl Slow {
    fn seen(&self) -> Vec<&'static str> {
        self.0.lock().expect("lock").clone()
    }
}

impl AnySink for Slow {
    fn name(&self) -> &'static str {
        NAMES[3]
    }

    fn holds_log(&self) -> bool {
        false
    }

    fn run(self: Arc<Self>, context: Context, stop: Stop) -> BoxFuture<'static, ()> {
        let run = async move {
            self.0.lock().expect("lock").push("begun");
            tokio::select! {
                () = stop.drain.cancelled() => {}
                () = stop.abandon.cancelled() => {}
            }
            sleep(context.pace.longest_wait).await;
            self.0.lock().expect("lock").push("ended");
        };
        run.boxed()
    }
}

/// What two sinks of such stores run with.
fn shared([first, second]: [Store; 2]) -> Shared {
    let sinks: Vec<Arc<dyn AnySink>> = vec![Arc::new(Fake::<0>(first)), Arc::new(Fake::<1>(second))];
    Shared { sinks: sinks.into(), metrics: Metrics::default(), health: SinkHealth::default(), pace: PACE }
}
