//! Runs every job at its period, each by itself: what one suffers delays no other. Knows no job.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use footfall_daemon::backoff::Backoff;
use footfall_daemon::status::Status;
use futures_util::FutureExt as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::lease::Leases;
use super::metrics::Counters;
use super::{Job, JobHealth, Lease, Metrics, Outcome};

/// How long giving a lease up may take at the end; it ends by itself a little later.
const GIVE_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// How long jobs and their leases wait for what; tests have less time.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The wait after the first failure; each further one waits longer, at most for the job's period.
    pub first_wait: Duration,
    /// A lease outlasts the job's period by this, so that who holds it keeps it.
    pub lease_margin: Duration,
    /// How often a lease that another central has is asked for, and one's own is renewed while the job runs.
    pub lease_poll: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_secs(1),
            lease_margin: Duration::from_mins(1),
            lease_poll: Duration::from_secs(20),
        }
    }
}

/// What jobs run with.
pub struct Context<L> {
    /// Where leases are kept.
    pub leases: L,
    /// Who this central is among those that share the leases: a name that no other has.
    pub holder: String,
    /// Counts.
    pub metrics: Metrics,
    /// Told when something is wrong.
    pub health: JobHealth,
    /// How long they wait.
    pub pace: Pace,
    /// Makes waits differ.
    pub random: fastrand::Rng,
}

/// Runs the jobs until `stop`.
pub async fn run<L: Leases>(jobs: Vec<Job>, context: Context<L>, stop: CancellationToken) {
    let Context { leases, holder, metrics, health, pace, mut random } = context;
    let mut running = JoinSet::new();
    for job in jobs {
        let status = health.enter(job.name);
        let runner = Runner {
            counters: metrics.of(job.name),
            status: status.clone(),
            leases: leases.clone(),
            holder: holder.clone(),
            token: None,
            pace,
            job,
        };
        let (name, random, stop) = (runner.job.name, random.fork(), stop.clone());
        running.spawn(async move {
            if AssertUnwindSafe(runner.run(random, stop)).catch_unwind().await.is_err() {
                tracing::error!(job = name, "a job has panicked");
                status.fail(format!("the {name} job has ended; it runs again when central is started again"));
            }
        });
    }
    while running.join_next().await.is_some() {}
}

/// One job.
struct Runner<L> {
    job: Job,
    leases: L,
    holder: String,
    /// Of the lease, once it was held.
    token: Option<i64>,
    pace: Pace,
    counters: Counters,
    status: Status,
}

/// What came of an attempt.
enum Attempt {
    /// The job has run.
    Ran(Outcome),
    /// Another central does it.
    Elsewhere,
}

impl<L: Leases> Runner<L> {
    async fn run(mut self, mut random: fastrand::Rng, stop: CancellationToken) {
        let mut backoff = Backoff::new(self.pace.first_wait, self.job.period);
        loop {
            let begun = Instant::now();
            let attempt = tokio::select! {
                attempt = self.attempt() => attempt,
                () = stop.cancelled() => break,
            };
            let next = match attempt {
                Attempt::Ran(Ok(())) => {
                    backoff.reset();
                    self.counters.succeeded();
                    self.status.recover();
                    begun + self.job.period
                }
                Attempt::Ran(Err(error)) => {
                    tracing::warn!(job = self.job.name, %error, "a job failed; it is tried again");
                    self.counters.failures.inc();
                    self.status.fail(format!("the {} job failed: {error}", self.job.name));
                    Instant::now() + backoff.next(random.u64(..))
                }
                Attempt::Elsewhere => {
                    self.status.recover();
                    begun + self.job.period.min(self.pace.lease_poll)
                }
            };
            tokio::select! {
                () = sleep_until(next) => {}
                () = stop.cancelled() => break,
            }
        }
        if let Some(token) = self.token {
            // Another central need not wait for its end.
            let given_up = timeout(GIVE_UP_TIMEOUT, self.leases.give_up(self.job.name, token)).await;
            tracing::debug!(job = self.job.name, ?given_up, "the lease is given up");
        }
    }

    async fn attempt(&mut self) -> Attempt {
        let Lease::OneCentral = self.job.lease else {
            self.counters.runs.inc();
            return Attempt::Ran((self.job.function)(None).await);
        };
        self.token = match self.take().await {
            Ok(token) => token,
            Err(error) => return Attempt::Ran(Err(error.into())),
        };
        let Some(token) = self.token else { return Attempt::Elsewhere };
        self.counters.runs.inc();
        let outcome = tokio::select! {
            outcome = (self.job.function)(Some(token)) => outcome,
            () = self.held(token) => Err("another central took its lease, or might have, before it was done".into()),
        };
        Attempt::Ran(outcome)
    }

    async fn take(&self) -> Result<Option<i64>, L::Error> {
        self.leases.take(self.job.name, &self.holder, self.duration()).await
    }

    /// Renews the lease as long as it can be renewed.
    async fn held(&self, token: i64) {
        let mut until = Instant::now() + self.duration();
        loop {
            sleep(self.pace.lease_poll).await;
            let asked = Instant::now();
            match self.take().await {
                Ok(renewed) if renewed == Some(token) => until = asked + self.duration(),
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(job = self.job.name, %error, "a lease was not renewed");
                    if Instant::now() >= until {
                        return;
                    }
                }
            }
        }
    }

    fn duration(&self) -> Duration {
        self.job.period + self.pace.lease_margin
    }
}

#[cfg(test)]
mod tests;
