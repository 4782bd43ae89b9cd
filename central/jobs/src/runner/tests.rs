//! Jobs that fail, hang and panic, and leases that are lost. The runner is in a hurry here.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use super::*;
use footfall_metadata::{Location, Metadata};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::task::JoinHandle;

const PERIOD: Duration = Duration::from_millis(100);
const PACE: Pace = Pace {
    first_wait: Duration::from_millis(4),
    // Longer than a busy machine keeps a test waiting.
    lease_margin: Duration::from_secs(2),
    lease_poll: Duration::from_millis(20),
};

/// Leases of one database; clones are other centrals' ways to it.
#[derive(Clone, Default)]
struct Database(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    away: bool,
    /// How often somebody wanted the lease.
    asked: u32,
    token: i64,
    held: Option<(String, Instant)>,
}

#[derive(Debug, thiserror::Error)]
#[error("the database is on holiday")]
struct Away;

impl Database {
    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().expect("lock"));
    }

    fn until(&self) -> Option<Instant> {
        self.0.lock().expect("lock").held.clone().map(|(_, until)| until)
    }

    fn asked(&self) -> u32 {
        self.0.lock().expect("lock").asked
    }

    fn holder(&self) -> Option<String> {
        self.0.lock().expect("lock").held.clone().map(|(holder, _)| holder)
    }
}

impl Leases for Database {
    type Error = Away;

    async fn take(&self, _: &str, holder: &str, duration: Duration) -> Result<Option<i64>, Away> {
        let mut state = self.0.lock().expect("lock");
        state.asked += 1;
        if state.away {
            return Err(Away);
        }
        let now = Instant::now();
        match &state.held {
            Some((held, until)) if held != holder && *until > now => return Ok(None),
            Some((held, _)) if held == holder => {}
            _ => state.token += 1,
        }
        state.held = Some((holder.to_owned(), now + duration));
        Ok(Some(state.token))
    }

    async fn give_up(&self, _: &str, token: i64) -> Result<(), Away> {
        self.set(|state| state.held = state.held.take().filter(|_| state.token != token));
        Ok(())
    }
}

/// When a job ran, since the test had it made, and under which token.
type Run = (Duration, Option<i64>);

/// What a job does when it is told to run, and when it was.
#[derive(Clone, Default)]
struct Work {
    runs: Arc<Mutex<Vec<Run>>>,
    failures: Arc<AtomicU32>,
}

impl Work {
    /// A job that counts its runs by the time since now, and fails as often as it is told to.
    fn job(&self, name: &'static str, lease: Lease) -> Job {
        let (work, begun) = (self.clone(), Instant::now());
        Job::new(name, PERIOD, lease, move |token| {
            let work = work.clone();
            async move {
                work.runs.lock().expect("lock").push((begun.elapsed(), token));
                let failures = &work.failures;
                let fails =
                    failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
                if fails.is_ok() { Err("the floor is wet".into()) } else { Ok(()) }
            }
        })
    }

    fn runs(&self) -> Vec<Run> {
        self.runs.lock().expect("lock").clone()
    }

    fn times(&self) -> Vec<Duration> {
        self.runs().into_iter().map(|(at, _)| at).collect()
    }
}

/// Jobs that run beside a test.
struct Running {
    health: JobHealth,
    counted: Registry,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start<L: Leases>(jobs: Vec<Job>, leases: &L, holder: &str) -> Self {
        let (health, stop) = (JobHealth::default(), CancellationToken::new());
        let mut counted = Registry::default();
        let context = Context {
            leases: leases.clone(),
            holder: holder.to_owned(),
            metrics: Metrics::register(&mut counted),
            health: health.clone(),
            pace: PACE,
            random: fastrand::Rng::with_seed(7),
        };
        let task = tokio::spawn(run(jobs, context, stop.clone()));
        Self { health, counted, stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        timeout(Duration::from_secs(20), self.task).await.expect("it ends in time").expect("ran");
    }

    /// What is counted of the sweep job.
    fn count(&self, what: &str) -> u64 {
        let mut text = String::new();
        encode(&mut text, &self.counted).expect("a String takes everything");
        let line = format!("{what}{{job=\"sweep\"}} ");
        text.lines().find_map(|found| found.strip_prefix(&line)?.parse().ok()).expect("a number")
    }
}

#[tokio::test]
async fn a_job_runs_at_the_start_and_then_at_its_period() {
    let work = Work::default();
    let jobs = Running::start(vec![work.job("sweep", Lease::None)], &Database::default(), "one");
    until(|| work.runs().len() >= 4).await;
    jobs.stop().await;
    let times = work.times();
    assert!(times[3] >= PERIOD * 3, "{times:?}");
    assert!(work.runs().iter().all(|(_, token)| token.is_none()));
}

#[tokio::test]
async fn a_job_that_fails_is_told_and_tried_again_ever_more_rarely_and_delays_no_other() {
    let (failing, well) = (Work::default(), Work::default());
    failing.failures.store(4, Ordering::Relaxed);
    let jobs = vec![failing.job("sweep", Lease::None), well.job("mop", Lease::None)];
    let jobs = Running::start(jobs, &Database::default(), "one");
    let told = "the sweep job failed: the floor is wet";
    until(|| jobs.health.faults() == [told] && !well.runs().is_empty()).await;
    assert_eq!(jobs.count("last_success_seconds"), 0, "it has never succeeded");
    until(|| failing.runs().len() >= 6 && jobs.health.faults().is_empty()).await;
    assert_eq!(jobs.count("failures_total"), 4);
    assert!(jobs.count("runs_total") >= 6 && jobs.count("last_success_seconds") > 0);
    let times = failing.times();
    let waits: Vec<_> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    for (number, wait) in waits.iter().enumerate().take(4) {
        assert!(*wait >= PACE.first_wait * 2_u32.pow(number as u32) / 2, "{waits:?}");
    }
    assert!(waits[4] >= PERIOD / 2, "it keeps its period again: {waits:?}");
    jobs.stop().await;
}

#[tokio::test]
async fn a_job_that_fails_every_other_time_is_tried_again_soon_each_time() {
    let runs = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&runs);
    let moody = Job::new("sweep", PERIOD, Lease::None, move |_| {
        let mut runs = seen.lock().expect("lock");
        runs.push(Instant::now());
        let fails = runs.len() % 2 == 1;
        async move { if fails { Err("the floor is wet".into()) } else { Ok(()) } }
    });
    let jobs = Running::start(vec![moody], &Database::default(), "one");
    until(|| runs.lock().expect("lock").len() >= 14).await;
    jobs.stop().await;
    let runs = runs.lock().expect("lock").clone();
    let waits: Vec<_> = runs.chunks_exact(2).map(|pair| pair[1] - pair[0]).collect();
    // A busy machine may delay one of the later ones, hardly all.
    assert!(waits[4..].iter().any(|wait| *wait < PERIOD / 4), "{waits:?}");
}

#[tokio::test]
async fn a_job_that_panics_is_told_and_delays_no_other() {
    let well = Work::default();
    let panics = Job::new("sweep", PERIOD, Lease::None, |token| async move {
        assert!(token.is_some(), "as the test wanted it");
        Ok(())
    });
    let jobs = Running::start(vec![panics, well.job("mop", Lease::None)], &Database::default(), "one");
    until(|| well.runs().len() >= 2 && !jobs.health.faults().is_empty()).await;
    let faults = jobs.health.faults();
    assert!(faults.len() == 1 && faults[0].starts_with("the sweep job has ended"), "{faults:?}");
    jobs.stop().await;
}

#[tokio::test]
async fn one_central_does_a_leased_job_and_another_goes_on_when_it_stops_or_dies() {
    let (database, work) = (Database::default(), [Work::default(), Work::default(), Work::default()]);
    let central = |which: usize| {
        let job = work[which].job("sweep", Lease::OneCentral);
        Running::start(vec![job], &database, ["one", "two", "three"][which])
    };
    let first = central(0);
    until(|| !work[0].runs().is_empty()).await;
    let (second, third) = (central(1), central(2));
    until(|| work[0].runs().len() >= 4).await;
    assert!(work[0].runs().iter().all(|(_, token)| *token == Some(1)), "{:?}", work[0].runs());
    assert!(work[1].runs().is_empty() && work[2].runs().is_empty());
    // It stops: its lease is given up.
    let stopped = Instant::now();
    first.stop().await;
    until(|| !work[1].runs().is_empty() || !work[2].runs().is_empty()).await;
    assert!(stopped.elapsed() < PACE.lease_margin, "nobody waited for its end");
    let heir = database.holder().expect("one of them has it");
    let (heir, other, waiting) =
        if heir == "two" { (second, third, &work[2]) } else { (third, second, &work[1]) };
    assert!(waiting.runs().is_empty());
    // It dies: its lease ends by itself, and not before.
    let held = database.until().expect("one of them has it");
    heir.task.abort();
    until(|| !waiting.runs().is_empty()).await;
    assert!(Instant::now() >= held);
    assert_eq!(waiting.runs()[0].1, Some(3), "a token above all before");
    other.stop().await;
}

#[tokio::test]
async fn a_lease_outlasts_a_long_period_and_who_waits_for_it_need_not_wait_so_long() {
    const HOUR: Duration = Duration::from_hours(1);
    let (database, ran) = (Database::default(), Arc::new(Mutex::new(Vec::new())));
    let central = |name: &'static str| {
        let ran = Arc::clone(&ran);
        let job = Job::new("sweep", HOUR, Lease::OneCentral, move |_| {
            ran.lock().expect("lock").push(name);
            std::future::ready(Ok(()))
        });
        Running::start(vec![job], &database, name)
    };
    let ran = || ran.lock().expect("lock").clone();
    let begun = Instant::now();
    let first = central("one");
    until(|| ran() == ["one"]).await;
    assert!(database.until().expect("it has it") > begun + HOUR, "it has it when it runs next");
    let second = central("two");
    until(|| database.asked() >= 4).await;
    assert_eq!((first.count("runs_total"), second.count("runs_total")), (1, 0));
    assert_eq!(second.count("last_success_seconds"), 0, "another's success is not its own");
    first.stop().await;
    until(|| ran() == ["one", "two"]).await;
    second.stop().await;
}

#[tokio::test]
async fn a_job_that_nobody_can_give_a_lease_for_is_told_and_runs_once_somebody_can() {
    let (database, work) = (Database::default(), Work::default());
    database.set(|state| state.away = true);
    let jobs = Running::start(vec![work.job("sweep", Lease::OneCentral)], &database, "one");
    until(|| jobs.health.faults() == ["the sweep job failed: the database is on holiday"]).await;
    assert!(work.runs().is_empty());
    database.set(|state| state.away = false);
    until(|| !work.runs().is_empty() && jobs.health.faults().is_empty()).await;
    assert_eq!(jobs.count("runs_total"), work.runs().len() as u64);
    jobs.stop().await;
}

#[tokio::test]
async fn a_job_whose_lease_is_lost_while_it_runs_is_ended_and_told() {
    let lease = PERIOD + PACE.lease_margin;
    for away in [false, true] {
        let database = Database::default();
        let ended = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&ended);
        let endless = Job::new("sweep", PERIOD, Lease::OneCentral, move |_| {
            let guard = Ended(Arc::clone(&seen));
            async move {
                std::future::pending::<()>().await;
                drop(guard);
                Ok(())
            }
        });
        let begun = Instant::now();
        let jobs = Running::start(vec![endless], &database, "one");
        until(|| database.until().is_some_and(|until| until > begun + lease * 3 / 2)).await;
        assert!(ended.lock().expect("lock").is_none(), "it keeps its lease for as long as it runs");
        let held = database.until().expect("it has it");
        database.set(|state| {
            state.away = away;
            state.held = Some(("another".to_owned(), Instant::now() + lease * 9));
        });
        let ended = || *ended.lock().expect("lock");
        until(|| ended().is_some()).await;
        let at = ended().expect("just seen");
        // Where nobody can be asked, it may have it until its end.
        assert_eq!(at >= held, away, "{:?} before", held.checked_duration_since(at));
        let told = if away { "the sweep job failed: " } else { "" };
        until(|| jobs.health.faults().concat().starts_with(told) && jobs.health.faults().is_empty() != away)
            .await;
        jobs.stop().await;
    }
}

/// Says when it was dropped.
struct Ended(Arc<Mutex<Option<Instant>>>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.lock().expect("lock").get_or_insert(Instant::now());
    }
}

#[tokio::test]
async fn a_job_whose_lease_another_central_had_meanwhile_is_ended() {
    let database = Database::default();
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&tokens);
    let endless = Job::new("sweep", PERIOD, Lease::OneCentral, move |token| {
        seen.lock().expect("lock").push(token);
        std::future::pending()
    });
    let tokens = || tokens.lock().expect("lock").clone();
    let jobs = Running::start(vec![endless], &database, "one");
    until(|| tokens() == [Some(1)]).await;
    // Between two renewals another one took it and gave it up.
    database.set(|state| {
        state.token += 1;
        state.held = None;
    });
    until(|| tokens().len() >= 2).await;
    assert_eq!(tokens(), [Some(1), Some(3)], "what it writes from now on carries another token");
    jobs.stop().await;
}

#[tokio::test]
async fn two_centrals_share_the_leases_of_a_real_database() {
    let dir = tempfile::tempdir().expect("temp dir");
    let open = async || {
        let metadata = Metadata::at(Location::Sqlite(dir.path().join("metadata.sqlite")));
        metadata.connect().await.expect("opened");
        metadata
    };
    let (one, two) = (open().await, open().await);
    let work = [Work::default(), Work::default()];
    let begin = |which: usize, metadata: &Metadata| {
        let job = work[which].job("sweep", Lease::OneCentral);
        Running::start(vec![job], metadata, ["one", "two"][which])
    };
    let first = begin(0, &one);
    until(|| !work[0].runs().is_empty()).await;
    assert_eq!(two.take("sweep", "two", PERIOD).await.expect("asked"), None, "somebody else has it");
    let stopped = Instant::now();
    first.stop().await;
    let second = begin(1, &two);
    until(|| !work[1].runs().is_empty()).await;
    assert!(stopped.elapsed() < PACE.lease_margin, "nobody waited for its end");
    let token = |work: &Work| work.runs()[0].1.expect("it has a lease");
    assert!(token(&work[1]) > token(&work[0]));
    second.stop().await;
}

async fn until(done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !done() {
        assert!(Instant::now() < deadline, "it did not come about in time");
        sleep(Duration::from_millis(5)).await;
    }
}
