//! One run: some histories at once through one log into one store, in stretches; who dies in between; and the comparison at the end.

use std::time::{Duration, Instant};

use fastrand::Rng;

use super::event::{Goal, Request};
use super::history::{self, Site};
use super::oracle::{self, Event, Reach};
use super::system::{System, now_ms};
use super::{goals, invariants, tables};
use crate::metadata::fixture::Fixture;

const MINUTE_MS: i64 = 60 * 1000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// An hour and a session wait for so long before they count as over.
const LATENESS_MS: i64 = 5 * MINUTE_MS;

/// What is there when the derivation begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// Nothing: all events come to it as late ones.
    Empty,
    /// Events: they are the past.
    Past,
    /// Old events, and a log with newer ones behind: hours and sessions end one after the other.
    Behind,
}

/// What a run does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) histories: u64,
    pub(super) start: Start,
    pub(super) kills: bool,
}

/// What was compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compared {
    pub(super) events: usize,
    #[expect(dead_code, reason = "it is printed")]
    pub(super) repeats: usize,
    pub(super) rows: usize,
    #[expect(dead_code, reason = "it is printed")]
    pub(super) took: Duration,
}

/// Does it.
///
/// # Panics
/// When a row is not as the oracle wants it.
pub(super) async fn run(plan: Plan) -> Compared {
    let begun = Instant::now();
    let mut rng = Rng::with_seed(plan.seed);
    let now = now_ms();
    let window = (now - 5 * DAY_MS, now - 2 * DAY_MS);
    let fixture = Fixture::sqlite();
    let metadata = fixture.open().await;
    let (mut requests, mut goals, mut sites) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..plan.histories {
        let websites = goals::websites(&metadata, &mut rng, number).await;
        for (website, site) in &websites {
            goals.extend(goals::goals(&fixture, &metadata, &mut rng, website, window).await);
            sites.push(site.clone());
        }
        let of_history: Vec<_> = websites.into_iter().map(|(_, site)| site).collect();
        let events = rng.usize(200..800);
        requests.extend(history::requests(&mut rng, &of_history, window, events));
    }
    requests.sort_by_key(|request| request.arrives);
    let mut system = System::start(metadata, plan.seed).await;
    feed(&mut system, plan, &requests, &mut rng).await;
    if plan.start != Start::Behind {
        let recent = recent(&sites, &mut rng);
        system.append(&recent, &mut rng).await;
    }
    system.stored().await;
    let reach = settled(&mut system, plan.start, window.1).await;
    compare(system, &goals, reach, begun).await
}

/// Sends all of it in stretches.
async fn feed(system: &mut System, plan: Plan, requests: &[Request], rng: &mut Rng) {
    let (first, rest) = requests.split_at(match plan.start {
        Start::Empty => 0,
        Start::Past => requests.len() * rng.usize(1..9) / 10,
        Start::Behind => requests.len() / 10,
    });
    system.start_sink();
    if !first.is_empty() {
        system.append(first, rng).await;
        system.stored().await;
    }
    if plan.start == Start::Behind {
        system.drop_sink().await;
        system.append(&rest[..1], rng).await;
    }
    system.start_derivation();
    if plan.start == Start::Behind {
        // It has to see that the store lacks what the log has.
        system.begun().await;
        system.start_sink();
    }
    let rest = if plan.start == Start::Behind { &rest[1..] } else { rest };
    let stretch = rest.len() / rng.usize(3..7) + 1;
    for requests in rest.chunks(stretch) {
        system.append(requests, rng).await;
        if plan.kills {
            kill(system, rng).await;
        } else if rng.bool() {
            system.stored().await;
            system.taken_in().await;
        }
    }
}

/// Whoever it is, dies at some moment of what goes on.
async fn kill(system: &mut System, rng: &mut Rng) {
    for _ in 0..rng.usize(1..3) {
        tokio::time::sleep(Duration::from_millis(rng.u64(..1_200))).await;
        match rng.u8(..5) {
            0 | 1 => system.kill_engine().await,
            2 => {
                system.drop_derivation().await;
                system.start_derivation();
            }
            3 => {
                system.drop_sink().await;
                system.start_sink();
            }
            _ => {
                system.drop_derivation().await;
                system.drop_sink().await;
                system.kill_engine().await;
                system.start_sink();
                system.start_derivation();
            }
        }
    }
}

/// What goes on just now: sessions that are not over, of which one has been stored as if it were, or could have been.
fn recent(sites: &[Site], rng: &mut Rng) -> Vec<Request> {
    let now = now_ms();
    let mut requests = history::requests(rng, sites, (now - 20 * MINUTE_MS, now), 30);
    if let Some(mut early) = requests.first().cloned() {
        early.time = now - 3 * HOUR_MS;
        for happening in &mut early.happenings {
            happening.id = rng.u128(1..).to_be_bytes();
        }
        requests.insert(0, early);
    }
    requests
}

/// Waits until all that was sent is derived, and ends the derivation at a moment when it does nothing.
async fn settled(system: &mut System, start: Start, window_to: i64) -> Reach {
    let hour = |time: i64| (time - LATENESS_MS).div_euclid(HOUR_MS) * HOUR_MS;
    loop {
        if start == Start::Behind {
            // Nothing happens any more in what lies behind.
            let reach = system.derived(window_to.div_euclid(DAY_MS) * DAY_MS + DAY_MS + HOUR_MS).await;
            system.drop_derivation().await;
            return system.reach().await.unwrap_or(reach);
        }
        let whole_to = hour(now_ms());
        let reach = system.derived(whole_to - 35 * MINUTE_MS).await;
        system.drop_derivation().await;
        // Had an hour become whole meanwhile, its rows could be half there.
        if reach.whole_to == whole_to && hour(now_ms()) == whole_to {
            return reach;
        }
        system.start_derivation();
    }
}

async fn compare(system: System, goals: &[Goal], reach: Reach, begun: Instant) -> Compared {
    let events: Vec<Event<'_>> = system.events().await;
    let wanted = oracle::tables(&events, goals, reach);
    let found = system.tables().await;
    let differences = tables::differences(&wanted, &found);
    assert!(differences.is_empty(), "{reach:?}\n{differences}");
    invariants::hold(&found);
    let rows = found.values().map(|rows| rows.len()).sum();
    let compared = Compared {
        events: events.len(),
        repeats: system.happenings() - events.len(),
        rows,
        took: begun.elapsed(),
    };
    drop(events);
    system.stop().await;
    compared
}
