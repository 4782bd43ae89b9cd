//! All sinks of a partition beside each other: what one of them suffers is nothing to the others. The runner is in a hurry here.

use std::time::Duration;

use super::*;
use crate::sample::{Fake, NAMES, PACE, State, Store, append, eventually, only, open_log};
use footfall_daemon::fault::Fault;

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
        let task = supervise(log.clone(), sinks, metrics.clone(), own, PACE, random, stop.clone());
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
                only(&log).lag(NAMES[other]) == 0 && scene.stores[other].held().len() == all.len()
            })
        })
        .await;
        assert!(others().all(|other| scene.stores[other].held() == all), "once, in order");
        let name = NAMES[which];
        eventually("the sentence", || !scene.health.faults().is_empty()).await;
        let faults = scene.health.faults();
        assert!(faults.len() == 1 && faults[0].starts_with(&format!("the {name} sink ")), "{faults:?}");
        assert_eq!(only(&log).lag(name), 100, "nothing of it was committed");
        scene.stop().await;

        // What the log kept for it is there when a person has helped.
        stores[which].set(|state| *state = State::default());
        let scene = Scene::start(&log, stores.clone());
        eventually("the rest", || only(&log).lag(name) == 0).await;
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
        eventually("all records", || NAMES.iter().all(|name| only(&log).lag(name) == 0)).await;
        assert!(scene.stores.iter().all(|store| store.held() == all), "once, in order");
        for (other, name) in NAMES.iter().enumerate() {
            let expected = if other == which { 3 } else { 0 };
            assert_eq!(scene.metrics.of(name).restarts.get(), expected, "{name}");
        }
        assert_eq!(scene.health.faults(), Vec::<String>::new(), "it is well again");
        scene.stop().await;
        log.close();
    }
}
