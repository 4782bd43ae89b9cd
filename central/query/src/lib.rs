//! From a typed question to rows of the event store: [`Question`] → plan → [`reports`] → [`Stats`]. Reads only; knows neither HTTP nor how the
//! events came there, nor how tables are derived of them.

mod answer;
mod buckets;
mod cache;
mod definitions;
mod freshness;
mod known_freshness;
mod period;
mod plan;
mod question;
mod reports;
mod spans;
mod zone;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use footfall_clickhouse::{QueryClient, QueryError};
use footfall_live::Answers;

pub use answer::{
    Answered, Basis, Bucket, Counted, EntryPage, ExitPage, OfSessions, ReachedGoal, Series, Stats, Totals,
    Visits,
};
use buckets::Buckets;
pub use buckets::{Interval, MAX_BUCKETS, TooManyBuckets};
use cache::Cache;
pub use cache::Metrics;
pub use definitions::{DEFINITIONS, Definition};
use freshness::Freshness;
use known_freshness::KnownFreshness;
pub use period::{InvalidPeriod, Period};
use plan::Plan;
pub use plan::{Piece, Source};
use question::Scope;
pub use question::{PlanChoice, Question, SeriesQuestion};
use reports::{Dimension, End, Report, SeriesRow, VisitsRow};
use spans::Span;
pub use zone::{UnknownZone, Zone};

/// Most questions that run at once; each runs several reports.
const MAX_RUNNING: usize = 8;

/// Answers questions from the event store, or from the cache. Clones share it.
#[derive(Clone)]
pub struct Reports {
    client: QueryClient,
    running: Arc<Semaphore>,
    cache: Cache,
    freshness: Arc<KnownFreshness>,
    /// How old a cached answer may be, milliseconds; 0 caches none.
    max_age_ms: i64,
}

impl Reports {
    /// `client` reads the database that holds `events_local`; answers are kept in `answers` and are at most `max_age` old.
    pub fn new(client: QueryClient, answers: Answers, max_age: Duration, metrics: Metrics) -> Self {
        let max_age_ms = i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX);
        let cache = Cache::new(answers, max_age, metrics);
        let freshness = Arc::new(KnownFreshness::new(max_age));
        Self { client, running: Arc::new(Semaphore::new(MAX_RUNNING)), cache, freshness, max_age_ms }
    }

    /// All figures and lists of one website and period, asked at `now_ms` (milliseconds since 1970). Each report runs with the limits
    /// of [`reports`].
    ///
    /// # Errors
    /// [`Error`], shared by all who asked the same.
    pub async fn stats(&self, question: Question, now_ms: i64) -> Result<Answered<Stats>, Arc<Error>> {
        let question = question.normalised(now_ms);
        let key = |max_age_ms| question.cache_key(now_ms, max_age_ms);
        let (reports, wanted) = (self.clone(), question.clone());
        self.answer(key, move || {
            let (reports, wanted) = (reports.clone(), wanted.clone());
            async move { Box::pin(reports.ask_stats(&wanted)).await }
        })
        .await
    }

    /// The course of a period, asked at `now_ms`.
    ///
    /// # Errors
    /// [`Error`], shared by all who asked the same.
    pub async fn series(
        &self,
        question: SeriesQuestion,
        now_ms: i64,
    ) -> Result<Answered<Series>, Arc<Error>> {
        let (question, buckets) =
            question.normalised(now_ms).map_err(|too_many| Arc::new(Error::TooMany(too_many)))?;
        let key = |max_age_ms| question.cache_key(now_ms, max_age_ms);
        let (reports, wanted) = (self.clone(), question.clone());
        self.answer(key, move || {
            let (reports, wanted, buckets) = (reports.clone(), wanted.clone(), buckets.clone());
            async move { Box::pin(reports.ask_series(&wanted, &buckets)).await }
        })
        .await
    }

    /// From the cache, or else asked; `key` is told how old the answer may be.
    async fn answer<T, F>(
        &self,
        key: impl Fn(i64) -> String,
        ask: impl Fn() -> F,
    ) -> Result<Answered<T>, Arc<Error>>
    where
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<Answered<T>, Error>> + Send + 'static,
    {
        if self.max_age_ms == 0 {
            return ask().await.map_err(Arc::new);
        }
        let asked = ask();
        let make = Box::pin(async move {
            let answer = asked.await?;
            Ok(Bytes::from(serde_json::to_vec(&answer).expect("figures and lists are plain data")))
        });
        let answer = self.cache.answer(&key(self.max_age_ms), make).await?;
        match serde_json::from_slice(&answer) {
            Ok(answer) => Ok(answer),
            Err(error) => {
                tracing::warn!(%error, "an answer in the cache cannot be read");
                ask().await.map_err(Arc::new)
            }
        }
    }

    async fn ask_stats(&self, question: &Question) -> Result<Answered<Stats>, Error> {
        let _running = self.running.try_acquire().map_err(|_| Error::Busy)?;
        let scope = &question.scope();
        let period = (question.period.from_ms(), question.period.to_ms());
        let freshness = self.freshness.of(&self.client, &scope.website_id).await?;
        let (plan, visits) = plans(question.choice, period, &[], &freshness);
        let list = async |dimension| {
            let statement = Report::TopList(&plan, dimension, question.limit).statement(scope);
            self.client.fetch_all::<Counted>(&scope.website_id, &statement).await
        };
        let totals = Report::Totals(&plan).statement(scope);
        let (totals, top_pages, sources, channels, countries, devices, browsers, of_sessions) = tokio::try_join!(
            self.client.fetch_one::<Totals>(&scope.website_id, &totals),
            list(Dimension::Page),
            list(Dimension::Source),
            list(Dimension::Channel),
            list(Dimension::Country),
            list(Dimension::Device),
            list(Dimension::Browser),
            self.ask_sessions(scope, period, &visits, question.limit, &freshness),
        )?;
        let answer =
            Stats { totals, top_pages, sources, channels, countries, devices, browsers, of_sessions };
        Ok(Answered { answer, basis: Basis::new(&plan, &visits, &freshness) })
    }

    /// Nothing where not all sessions of the period are derived.
    async fn ask_sessions(
        &self,
        scope: &Scope,
        period: Span,
        visits: &Plan,
        limit: u16,
        freshness: &Freshness,
    ) -> Result<Option<OfSessions>, QueryError> {
        if !freshness.has_sessions(period) {
            return Ok(None);
        }
        let (client, website) = (&self.client, scope.website_id.as_str());
        let statements = [
            Report::Visits(visits),
            Report::SessionPages(period, End::Entry, limit),
            Report::SessionPages(period, End::Exit, limit),
            Report::Goals(period),
        ];
        let [visits, entry_pages, exit_pages, goals] = statements.map(|report| report.statement(scope));
        let (visits, entry_pages, exit_pages, goals) = tokio::try_join!(
            client.fetch_one::<Visits>(website, &visits),
            client.fetch_all::<EntryPage>(website, &entry_pages),
            client.fetch_all::<ExitPage>(website, &exit_pages),
            client.fetch_all::<ReachedGoal>(website, &goals),
        )?;
        Ok(Some(OfSessions { visits, entry_pages, exit_pages, goals }))
    }

    async fn ask_series(
        &self,
        question: &SeriesQuestion,
        buckets: &Buckets,
    ) -> Result<Answered<Series>, Error> {
        let _running = self.running.try_acquire().map_err(|_| Error::Busy)?;
        let (scope, starts) = (&question.scope(), buckets.starts());
        let period = (question.period.from_ms(), question.period.to_ms());
        let freshness = self.freshness.of(&self.client, &scope.website_id).await?;
        let (plan, of_visits) = plans(question.choice, period, starts, &freshness);
        let mut series = Series::empty(starts, period, |bucket| freshness.has_sessions(bucket));
        if !starts.is_empty() {
            let (client, website) = (&self.client, scope.website_id.as_str());
            let events = Report::Series(&plan, starts).statement(scope);
            let visits = Report::VisitsSeries(&of_visits, starts).statement(scope);
            let (events, visits) = tokio::try_join!(
                client.fetch_all::<SeriesRow>(website, &events),
                client.fetch_all::<VisitsRow>(website, &visits),
            )?;
            series.fill(&events, &visits);
        }
        Ok(Answered { answer: series, basis: Basis::new(&plan, &of_visits, &freshness) })
    }
}

/// From what events are counted, and from what visits are.
fn plans(choice: PlanChoice, period: Span, edges: &[i64], freshness: &Freshness) -> (Plan, Plan) {
    match choice {
        PlanChoice::Best => (Plan::new(period, edges, freshness), Plan::of_visits(period, edges, freshness)),
        PlanChoice::Raw => (Plan::raw(period), Plan::sessions(period)),
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Too many questions run already. Transient.
    #[error("too many reports are running")]
    Busy,
    /// A series would be too long. Permanent.
    #[error(transparent)]
    TooMany(TooManyBuckets),
    /// The event store gave none. See [`QueryError`].
    #[error(transparent)]
    Read(#[from] QueryError),
}
