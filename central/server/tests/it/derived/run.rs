//! One run: some histories at once through one log into one store, in stretches; who dies in between; and the comparison at the end.

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;

use super::dimensions::Scopes;
use super::event::Request;
use super::goals::Owners;
use super::history::{self, Site};
use super::oracle::{self, Event, Reach};
use super::system::{System, now_ms};
use super::tables::{Rows, Said, Tables};
use super::{invariants, plans, tables};

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

/// What happens at last, when all else is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Events come that are days late, or a month.
    Late,
    /// Dimensions belong again to what they belonged to before.
    Restored,
    /// Events are changed that are derived already.
    Changed,
}

/// What a run does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) histories: u64,
    pub(super) start: Start,
    pub(super) kills: bool,
    pub(super) ending: Ending,
}

/// What was compared: so many.
#[derive(Clone, Debug, Default)]
pub(super) struct Compared {
    pub(super) events: usize,
    pub(super) repeats: usize,
    pub(super) rows: usize,
    /// Sessions, or parts of those that go on for more than a day ...
    pub(super) sessions: usize,
    /// ... which are so many of them.
    pub(super) later_parts: usize,
    pub(super) bounces: usize,
    pub(super) conversions: usize,
    /// Sessions of which it matters what dimensions belong to.
    pub(super) scoped: usize,
    /// What reports were read from.
    pub(super) sources: BTreeSet<String>,
}

impl Compared {
    fn of(tables: &Tables) -> Self {
        let sessions = &tables["sessions_local"];
        let count = |wanted: &dyn Fn(&[String], &Said) -> bool| {
            sessions.iter().filter(|(key, said)| wanted(key, said)).count()
        };
        Self {
            rows: tables.values().map(Rows::len).sum(),
            sessions: sessions.len(),
            later_parts: count(&|key, _| key[2].contains('~')),
            bounces: count(&|_, said| said.texts[22] == "1"),
            conversions: tables["conversions_local"].len(),
            ..Self::default()
        }
    }

    /// All in all.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.sources.extend(other.sources);
        Self {
            events: self.events + other.events,
            repeats: self.repeats + other.repeats,
            rows: self.rows + other.rows,
            sessions: self.sessions + other.sessions,
            later_parts: self.later_parts + other.later_parts,
            bounces: self.bounces + other.bounces,
            conversions: self.conversions + other.conversions,
            scoped: self.scoped + other.scoped,
            sources: self.sources,
        }
    }

    /// Whether there was some of everything.
    pub(super) fn has_all(&self) -> bool {
        let counts =
            [self.events, self.repeats, self.later_parts, self.bounces, self.conversions, self.scoped];
        counts.iter().all(|count| *count > 0) && self.sources.len() == 4
    }
}

/// Does it.
///
/// # Panics
/// When a row is not as the oracle wants it.
pub(super) async fn run(plan: Plan) -> Compared {
    let mut rng = Rng::with_seed(plan.seed);
    // A seed says the same all day. Hours and sessions that end one after the other take a step each.
    let today = now_ms().div_euclid(DAY_MS) * DAY_MS;
    let length = if plan.start == Start::Behind { 60 * HOUR_MS } else { 4 * DAY_MS };
    let window = (today - length, today - DAY_MS);
    let mut owners = Owners::new().await;
    let (mut requests, mut sites) = (Vec::new(), Vec::new());
    for number in 0..plan.histories {
        let of_history = owners.add_websites(&mut rng, number).await;
        let events = rng.usize(200..800);
        requests.extend(history::requests(&mut rng, &of_history, window, events));
        sites.extend(of_history);
    }
    requests.sort_by_key(|request| request.arrives);
    requests.extend(history::straggler(&mut rng, &requests));
    let late = if plan.ending == Ending::Late && plan.start != Start::Behind {
        history::held_back(&mut rng, &mut requests)
    } else {
        Vec::new()
    };
    let last = requests.iter().chain(&late).map(|request| request.time).max().expect("there is some");
    owners.add_goals(&mut rng, window).await;
    owners.change_dimensions(&mut rng).await;
    let mut system = System::start(owners.metadata(), plan.seed).await;
    let rest = begin(&mut system, plan.start, &requests, &mut rng).await;
    let (one, other) = rest.split_at(rest.len() / 2);
    feed(&mut system, plan, one, &mut rng).await;
    owners.add_goals(&mut rng, window).await;
    let before = owners.scopes.clone();
    owners.change_dimensions(&mut rng).await;
    feed(&mut system, plan, other, &mut rng).await;
    if plan.start != Start::Behind {
        system.stored().await;
        system.quiet().await;
        match plan.ending {
            Ending::Late => system.append(&late, &mut rng).await,
            Ending::Restored => owners.restore_dimensions(&mut rng, &before).await,
            Ending::Changed => system.change_words(&mut rng, &owners.scopes).await,
        }
        let recent = recent(&sites, &mut rng);
        system.append(&recent, &mut rng).await;
    }
    system.stored().await;
    let reach = settled(&mut system, plan.start, last).await;
    let sources = plans::agree(&system, &sites, window, &mut rng).await;
    Compared { sources, ..compare(system, &owners, reach).await }
}

/// Sends what is there before the derivation begins, and begins it; returns what is left.
async fn begin<'a>(
    system: &mut System,
    start: Start,
    requests: &'a [Request],
    rng: &mut Rng,
) -> &'a [Request] {
    let (first, mut rest) = requests.split_at(match start {
        Start::Empty => 0,
        Start::Past => requests.len() * rng.usize(1..9) / 10,
        Start::Behind => requests.len() / 10,
    });
    system.start_sink();
    if !first.is_empty() {
        system.append(first, rng).await;
        system.stored().await;
    }
    if start == Start::Behind {
        system.drop_sink().await;
        let next;
        (next, rest) = rest.split_at(1);
        system.append(next, rng).await;
    }
    system.start_derivation();
    if start != Start::Empty {
        // It has to see what there is, and, behind, that the store lacks what the log has.
        system.begun().await;
    }
    if start == Start::Behind {
        system.start_sink();
    }
    rest
}

/// Sends some more in stretches.
async fn feed(system: &mut System, plan: Plan, requests: &[Request], rng: &mut Rng) {
    let stretch = requests.len() / rng.usize(1..4) + 1;
    for requests in requests.chunks(stretch) {
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

/// Waits until all that was sent is derived, of which the last was received at `last` but for what goes on, and ends the derivation at a
/// moment when it does nothing.
async fn settled(system: &mut System, start: Start, last: i64) -> Reach {
    let hour = |time: i64| (time - LATENESS_MS).div_euclid(HOUR_MS) * HOUR_MS;
    loop {
        // Behind, it goes on from hour to hour, and nothing happens in them any more.
        let whole_to = if start == Start::Behind { hour(last) + 2 * HOUR_MS } else { hour(now_ms()) };
        system.derived(whole_to, last).await;
        system.drop_derivation().await;
        let reach = system.derived(whole_to, last).await;
        // Had an hour with events become whole meanwhile, its rows could be half there.
        if start == Start::Behind || reach.whole_to == whole_to && hour(now_ms()) == whole_to {
            return reach;
        }
        system.start_derivation();
    }
}

async fn compare(system: System, owners: &Owners, reach: Reach) -> Compared {
    let events: Vec<Event<'_>> = system.events().await;
    let wanted = oracle::tables(&events, &owners.goals, &owners.scopes, reach);
    let found = system.tables().await;
    let differences = tables::differences(&wanted, &found);
    assert!(differences.is_empty(), "{reach:?}\n{differences}");
    invariants::hold(&found);
    let repeats = system.happenings() - events.len();
    let unscoped = oracle::tables(&events, &owners.goals, &Scopes::new(), reach);
    let is_scoped = |(key, said): &(&Vec<String>, &Said)| unscoped["sessions_local"].get(*key) != Some(*said);
    let scoped = wanted["sessions_local"].iter().filter(is_scoped).count();
    let compared = Compared { events: events.len(), repeats, scoped, ..Compared::of(&found) };
    drop(events);
    system.stop().await;
    compared
}
