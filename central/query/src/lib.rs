//! From a typed question to rows of the event store: [`Question`] → [`reports`] → [`Stats`]. Reads only; knows neither HTTP nor how the
//! events came there.

mod cache;
mod definitions;
mod period;
mod reports;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use footfall_clickhouse::{QueryClient, QueryError, Row};
use footfall_live::Answers;

use cache::Cache;
pub use cache::Metrics;
pub use period::{InvalidPeriod, Period};
use reports::{Dimension, Report};

/// Most questions that run at once; each runs several reports.
const MAX_RUNNING: usize = 8;

/// What somebody wants to know about one website.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// UUID in text form, as the events carry it.
    pub website_id: String,
    /// When.
    pub period: Period,
    /// Rows per list.
    pub limit: u16,
    /// Whether bots are counted, too.
    pub bots: bool,
}

/// The answer: duplicates left out, and bots unless asked for; counts and the average weighted by the inverse of the share of events kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// The period's own figures.
    #[serde(flatten)]
    pub totals: Totals,
    /// Pages by page views.
    pub top_pages: Vec<Counted>,
    /// Those who sent the visits, by page views.
    pub sources: Vec<Counted>,
    /// Classes of traffic sources by page views.
    pub channels: Vec<Counted>,
    /// Countries (ISO 3166 codes) by page views.
    pub countries: Vec<Counted>,
    /// Device types by page views.
    pub devices: Vec<Counted>,
    /// Browsers by page views.
    pub browsers: Vec<Counted>,
}

/// The figures of a period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Row)]
#[clickhouse(crate = "footfall_clickhouse::client")]
pub struct Totals {
    /// Page views.
    pub pageviews: u64,
    /// Distinct users of all events, exactly.
    pub visitors: u64,
    /// Distinct sessions of all events, exactly.
    pub sessions: u64,
    /// Engagement received in the period ÷ page views in the period, milliseconds; none without page views.
    pub average_engagement_ms: Option<f64>,
}

/// One row of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Row)]
#[clickhouse(crate = "footfall_clickhouse::client")]
pub struct Counted {
    /// Empty where it is not known.
    pub name: String,
    /// Page views.
    pub pageviews: u64,
    /// Distinct users among them, exactly.
    pub visitors: u64,
}

impl Question {
    /// The same question for all who ask about the present: a period that has not ended has no end, so that they share an answer.
    fn normalised(mut self, now_ms: i64) -> Self {
        self.period = self.period.normalised(now_ms);
        self
    }

    /// Says all about a normalised question and how fresh its answer has to be: the number of the time slot of `max_age_ms` that `now_ms`
    /// lies in. So an answer shows what the store held at most that long ago.
    fn cache_key(&self, now_ms: i64, max_age_ms: i64) -> String {
        let Self { website_id, period, limit, bots } = self;
        let bots = if *bots { "bots" } else { "people" };
        let slot = now_ms.div_euclid(max_age_ms);
        format!("{{{website_id}}}:stats:{}-{}:{limit}:{bots}:{slot}", period.from_ms(), period.to_ms())
    }
}

/// Answers questions from the event store, or from the cache. Clones share it.
#[derive(Clone)]
pub struct Reports {
    client: QueryClient,
    running: Arc<Semaphore>,
    cache: Cache,
    /// How old a cached answer may be, milliseconds; 0 caches none.
    max_age_ms: i64,
}

impl Reports {
    /// `client` reads the database that holds `events_local`; answers are kept in `answers` and are at most `max_age` old.
    pub fn new(client: QueryClient, answers: Answers, max_age: Duration, metrics: Metrics) -> Self {
        let max_age_ms = i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX);
        let cache = Cache::new(answers, max_age, metrics);
        Self { client, running: Arc::new(Semaphore::new(MAX_RUNNING)), cache, max_age_ms }
    }

    /// All figures and lists of one website and period, asked at `now_ms` (milliseconds since 1970). Each report runs with the limits
    /// of [`reports`].
    ///
    /// # Errors
    /// [`Error`], shared by all who asked the same.
    pub async fn stats(&self, question: Question, now_ms: i64) -> Result<Stats, Arc<Error>> {
        let question = question.normalised(now_ms);
        if self.max_age_ms == 0 {
            return self.ask(&question).await.map_err(Arc::new);
        }
        let (reports, wanted) = (self.clone(), question.clone());
        let make = Box::pin(async move {
            let stats = reports.ask(&wanted).await?;
            Ok(Bytes::from(serde_json::to_vec(&stats).expect("figures and lists are plain data")))
        });
        let answer = self.cache.answer(&question.cache_key(now_ms, self.max_age_ms), make).await?;
        match serde_json::from_slice(&answer) {
            Ok(stats) => Ok(stats),
            Err(error) => {
                tracing::warn!(%error, "an answer in the cache cannot be read");
                self.ask(&question).await.map_err(Arc::new)
            }
        }
    }

    async fn ask(&self, question: &Question) -> Result<Stats, Error> {
        let _running = self.running.try_acquire().map_err(|_| Error::Busy)?;
        let website = question.website_id.as_str();
        let totals = Report::Totals.statement(question);
        let list = async |dimension| {
            let statement = Report::TopList(dimension).statement(question);
            self.client.fetch_all::<Counted>(website, &statement).await
        };
        let (totals, top_pages, sources, channels, countries, devices, browsers) = tokio::try_join!(
            self.client.fetch_one::<Totals>(website, &totals),
            list(Dimension::Page),
            list(Dimension::Source),
            list(Dimension::Channel),
            list(Dimension::Country),
            list(Dimension::Device),
            list(Dimension::Browser),
        )?;
        Ok(Stats { totals, top_pages, sources, channels, countries, devices, browsers })
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Too many questions run already. Transient.
    #[error("too many reports are running")]
    Busy,
    /// The event store gave none. See [`QueryError`].
    #[error(transparent)]
    Read(#[from] QueryError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_about_the_present_has_one_cache_key_for_a_while_and_other_questions_have_others() {
        let ask = |from, to, now: time::OffsetDateTime, limit| {
            let now_ms = now.unix_timestamp() * 1000;
            let period = Period::parse(from, to, now).unwrap();
            let question = Question { website_id: "w".to_owned(), period, limit, bots: false };
            question.normalised(now_ms).cache_key(now_ms, 5000)
        };
        let noon = time::macros::datetime!(2026-11-23 12:00 UTC);
        let (soon, later) = (noon + Duration::from_secs(4), noon + Duration::from_secs(5));
        assert_eq!(ask(None, None, noon, 10), ask(None, None, soon, 10));
        assert_eq!(ask(None, None, noon, 10), ask(Some("2026-11-23"), Some("2026-11-23"), soon, 10));
        assert_ne!(ask(None, None, noon, 10), ask(None, None, later, 10));
        assert_ne!(ask(None, None, noon, 10), ask(None, None, noon, 11));
        assert_ne!(ask(None, None, noon, 10), ask(None, Some("2026-11-23T11:00:00Z"), noon, 10));
        assert_eq!(ask(None, None, noon, 10), "{w}:stats:1795392000000-7258118400000:10:people:359087040");
    }

    #[test]
    fn stats_can_be_cached() {
        let totals =
            Totals { pageviews: u64::MAX, visitors: 1, sessions: 0, average_engagement_ms: Some(0.1 + 0.2) };
        let row = Counted { name: "/\u{1F600}\"".to_owned(), pageviews: 3, visitors: 2 };
        let stats = Stats {
            totals,
            top_pages: vec![row],
            sources: Vec::new(),
            channels: Vec::new(),
            countries: Vec::new(),
            devices: Vec::new(),
            browsers: Vec::new(),
        };
        let kept = serde_json::to_vec(&stats).unwrap();
        assert_eq!(serde_json::from_slice::<Stats>(&kept).unwrap(), stats);
    }
}
