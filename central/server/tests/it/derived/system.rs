//! A log, its sink, an event store and what derives tables in it, which die and come back; and what was sent through them.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use fastrand::Rng;
use footfall_clickhouse::{EventStore, QueryClient};
use footfall_derive::{Derivation, Health, Metrics, Pace, Reason, supervise};
use footfall_log::Log;
use footfall_metadata::{Metadata, Scope};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::dimensions::Scopes;
use super::event::Request;
use super::oracle::{Event, Reach};
use super::tables::{self, Tables};
use crate::support::running::Running;
use crate::support::{Engine, eventually, only, open_log, send};

/// How long everything may take to be derived: ten histories on a machine that is busy with others.
const PATIENCE: Duration = Duration::from_mins(15);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// So many events say something else afterwards.
const CHANGED_WORDS: usize = 20;
const EDGES: [&str; 2] = ["edge-0", "edge-1"];

/// All of it in one folder.
pub(super) struct System {
    engine: Engine,
    log: Log,
    metadata: Metadata,
    sink: Option<Running>,
    derivation: Option<(CancellationToken, JoinHandle<()>)>,
    health: Health,
    /// What each edge has sent, in its order.
    sent: [Vec<Request>; 2],
    seed: u64,
    // Goes last.
    _dir: tempfile::TempDir,
}

/// Where an event stands, and whether it repeats another: as the store says.
type Stored = (String, u64, u32, u64, u8);

impl System {
    pub(super) async fn start(metadata: Metadata, seed: u64) -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let engine = Engine::start(dir.path()).await;
        let log = open_log(dir.path()).await;
        let (sink, derivation, health) = (None, None, Health::default());
        let sent = [Vec::new(), Vec::new()];
        Self { engine, log, metadata, sink, derivation, health, sent, seed, _dir: dir }
    }

    /// Appends what edges send, in this order; now and then one of them sends its last records again.
    pub(super) async fn append(&mut self, requests: &[Request], rng: &mut Rng) {
        for run in requests.chunk_by(|one, other| one.edge == other.edge) {
            let edge = run[0].edge;
            let again = if rng.u8(..100) < 10 { rng.usize(..3).min(self.sent[edge].len()) } else { 0 };
            let first = self.sent[edge].len() - again;
            self.sent[edge].extend_from_slice(run);
            let records = self.sent[edge][first..].iter().map(Request::record).collect();
            let epoch = Bytes::from(vec![edge as u8 + 1; 16]);
            send(&self.log, EDGES[edge], epoch, first as u64, records).await.expect("appended");
        }
    }

    pub(super) fn start_sink(&mut self) {
        self.seed += 1;
        let metrics = footfall_sink::Metrics::default();
        self.sink = Some(Running::clickhouse(&only(&self.log), &self.engine.store, &metrics, self.seed));
    }

    /// Ends the sink where it is.
    pub(super) async fn drop_sink(&mut self) {
        if let Some(sink) = self.sink.take() {
            sink.abandon().await;
        }
    }

    pub(super) fn start_derivation(&mut self) {
        self.start_derivation_every(Duration::from_millis(20));
    }

    /// Starts it with so long a wait between two steps where nothing waits.
    pub(super) fn start_derivation_every(&mut self, pause: Duration) {
        let pace =
            Pace { pause, rest: 0, longest_rest: Duration::ZERO, longest_wait: Duration::from_millis(500) };
        let derivation = Derivation {
            log: self.log.clone(),
            store: self.engine.store.clone(),
            metadata: self.metadata.clone(),
            holder: "central-1".to_owned(),
            metrics: Metrics::default(),
            health: self.health.clone(),
            pace,
        };
        let stop = CancellationToken::new();
        self.derivation = Some((stop.clone(), tokio::spawn(supervise(derivation, stop))));
    }

    /// Ends the derivation where it is, in the middle of a statement if it is at one.
    pub(super) async fn drop_derivation(&mut self) {
        if let Some((stop, run)) = self.derivation.take() {
            stop.cancel();
            run.await.expect("ran");
        }
    }

    pub(super) async fn kill_engine(&self) {
        eventually("a child to kill", async || self.engine.kill()).await;
    }

    /// Waits until the sink has stored all that was sent.
    pub(super) async fn stored(&self) {
        eventually("the sink", async || only(&self.log).lag("clickhouse") == Some(0)).await;
    }

    /// How far the tables are.
    async fn reach(&self) -> clickhouse::error::Result<Reach> {
        let question = "SELECT log_offset, toUnixTimestamp64Milli(whole_from), toUnixTimestamp64Milli(whole_to), \
                        toUnixTimestamp64Milli(sessions_from), toUnixTimestamp64Milli(sessions_to), \
                        assumeNotNull((SELECT count() FROM derivation_requests_local FINAL WHERE state = 'pending')) + (visits_from > toDateTime64(0, 3)) \
                        FROM derivation_progress_local FINAL";
        let answer =
            self.engine.client().query(question).fetch_one::<(u64, i64, i64, i64, i64, u64)>().await?;
        let (log_offset, whole_from, whole_to, sessions_from, sessions_to, pending) = answer;
        Ok(Reach { log_offset, whole_from, whole_to, sessions_from, sessions_to, pending })
    }

    /// How many requests to compute days again are not done.
    pub(super) async fn waiting_requests(&self) -> u64 {
        self.reach().await.expect("an answer").pending
    }

    /// Waits until the store says how far the tables are.
    pub(super) async fn begun(&self) {
        self.until("begun", |_| true).await;
    }

    /// Waits until all that was sent has been looked at.
    pub(super) async fn taken_in(&self) {
        let end = only(&self.log).end();
        self.until("taken in", |reach| reach.log_offset == end).await;
    }

    /// Waits until all that was sent has been looked at, the past is done, and nothing is to be computed again.
    pub(super) async fn quiet(&self) {
        let end = only(&self.log).end();
        let is_quiet = |reach: &Reach| {
            (reach.log_offset, reach.whole_from, reach.sessions_from, reach.pending) == (end, 0, 0, 0)
        };
        self.until("quiet", is_quiet).await;
    }

    /// How many events were sent, repeats too.
    pub(super) fn happenings(&self) -> usize {
        self.sent.iter().flatten().map(|request| request.happenings.len()).sum()
    }

    /// Waits until all that was sent is derived, all hours until `whole_to` and all sessions whose last event was received by `last`.
    pub(super) async fn derived(&self, whole_to: i64, last: i64) -> Reach {
        let end = only(&self.log).end();
        let is_there = |reach: &Reach| {
            (reach.log_offset, reach.whole_from, reach.sessions_from) == (end, 0, 0)
                && reach.whole_to >= whole_to
                && reach.sessions_to >= last
                && reach.pending == 0
        };
        self.until("derived", is_there).await
    }

    async fn until(&self, what: &str, done: impl Fn(&Reach) -> bool) -> Reach {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reach = self.reach().await;
            if let Ok(reach) = reach
                && done(&reach)
            {
                return reach;
            }
            let (end, warnings) = (only(&self.log).end(), self.health.warnings(now_ms()));
            assert!(Instant::now() < deadline, "not {what}: {reach:?} of {end}; {warnings:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The events that count, each once: all that was sent, as the store placed it, without what it calls a repeat.
    pub(super) async fn events(&self) -> Vec<Event<'_>> {
        self.events_but(|_, _| false).await
    }

    /// The same when those of these websites and times were taken out of the store.
    pub(super) async fn events_but(&self, is_gone: impl Fn(&str, i64) -> bool) -> Vec<Event<'_>> {
        let question =
            "SELECT toString(edge_id), edge_offset, log_index, log_offset, is_duplicate FROM events_local";
        let rows = self.engine.client().query(question).fetch_all::<Stored>().await.expect("an answer");
        let mut stored = HashMap::new();
        for (edge, edge_offset, index, offset, is_duplicate) in rows {
            let before = stored.insert((edge, edge_offset, index), (offset, is_duplicate));
            assert!(before.is_none(), "an event is stored twice");
        }
        let mut events = Vec::new();
        for (edge, requests) in EDGES.iter().zip(&self.sent) {
            for (edge_offset, request) in requests.iter().enumerate() {
                if is_gone(&request.visitor.website, request.time) {
                    continue;
                }
                for (index, happening) in request.happenings.iter().enumerate() {
                    let place = ((*edge).to_owned(), edge_offset as u64, index as u32);
                    let (offset, is_duplicate) = stored.remove(&place).expect("every event is stored");
                    if is_duplicate == 0 {
                        let place = (request.time, offset, index as u32);
                        events.push(Event { place, visitor: &request.visitor, happening });
                    }
                }
            }
        }
        assert!(stored.is_empty(), "nothing is stored that was not sent");
        events
    }

    /// Changes what some events said, below what is derived of them already, as a replay may: central does not run, and days are noted before.
    pub(super) async fn change_words(&mut self, rng: &mut Rng, scopes: &Scopes) {
        self.drop_derivation().await;
        self.engine.ready().await;
        // All on one of the first days: those behind are only computed again because of what users said.
        let day_of = |request: &Request| request.time.div_euclid(DAY_MS);
        let mut days: Vec<_> = self.sent.iter().flatten().map(day_of).collect();
        days.sort_unstable();
        let day = days[days.len() / 5];
        let places = self.sent.iter().enumerate().flat_map(|(edge, requests)| {
            let on_day = requests.iter().enumerate().filter(|(_, request)| day_of(request) == day);
            on_day.map(move |(edge_offset, _)| (edge, edge_offset))
        });
        let places: Vec<_> = places.collect();
        let day = u16::try_from(day).expect("a day");
        for _ in 0..CHANGED_WORDS {
            let (edge, edge_offset) = places[rng.usize(..places.len())];
            let request = &mut self.sent[edge][edge_offset];
            let index = rng.usize(..request.happenings.len());
            // What a user said matters to the days behind, too.
            let is_of_user =
                |number: &u32| scopes.get(&(request.visitor.website.clone(), *number)) == Some(&Scope::User);
            let of_users: Vec<_> = (1..21).filter(is_of_user).collect();
            let number = rng.choice(of_users).unwrap_or_else(|| rng.u32(1..21));
            let word = ["", "changed"][rng.usize(..2)];
            request.happenings[index].dimensions.insert(number, word.to_owned());
            let noted = footfall_derive::Request {
                id: rng.u128(..).to_be_bytes(),
                reason: Reason::Events,
                day_from: day,
                day_to: day,
                website_id: None,
                requested_at: now_ms(),
            };
            footfall_derive::request(&self.engine.store, self.log.partitions(), &noted).await.expect("noted");
            let change = format!(
                "ALTER TABLE events_local UPDATE custom_dimension_{number} = '{word}' \
                 WHERE edge_id = '{}' AND edge_offset = {edge_offset} AND log_index = {index}",
                EDGES[edge]
            );
            let change = self.engine.client().query(&change).with_setting("mutations_sync", "2");
            change.execute().await.expect("changed");
        }
        self.start_derivation();
    }

    /// What the store has of the derived tables.
    pub(super) async fn tables(&self) -> Tables {
        self.engine.ready().await;
        tables::read(&self.engine.client()).await
    }

    /// The event store.
    pub(super) fn store(&self) -> &EventStore {
        &self.engine.store
    }

    /// Changes something in the store behind everybody's back.
    pub(super) async fn execute(&self, statement: &str) {
        self.engine.client().query(statement).execute().await.expect("done");
    }

    /// A column of texts.
    pub(super) async fn texts(&self, question: &str) -> Vec<String> {
        self.engine.client().query(question).fetch_all().await.expect("an answer")
    }

    /// Who asks it for reports.
    pub(super) fn query_client(&self) -> QueryClient {
        self.engine.store.query_client()
    }

    pub(super) async fn stop(mut self) {
        self.drop_derivation().await;
        self.drop_sink().await;
        self.log.close();
        self.engine.stop().await;
        self.metadata.close().await;
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64
}
