//! From a typed question to rows of the event store: [`Question`] → [`plan`] → [`Stats`]. Reads only; knows neither HTTP nor how the
//! events came there. Each report's SQL is the file of its name in `query/reports/`.

mod period;
mod plan;

use serde::{Deserialize, Serialize};

use crate::store::events::{Reader, Row};

pub use crate::store::events::ReadError as Error;
pub use period::{InvalidPeriod, Period};
use plan::Report;

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
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stats {
    /// The period's own figures.
    #[serde(flatten)]
    pub totals: Totals,
    /// Pages by page views.
    pub top_pages: Vec<Counted>,
    /// Traffic sources by page views.
    pub sources: Vec<Counted>,
    /// Countries (ISO 3166 codes) by page views.
    pub countries: Vec<Counted>,
    /// Device types by page views.
    pub devices: Vec<Counted>,
    /// Browsers by page views.
    pub browsers: Vec<Counted>,
}

/// The figures of a period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Row)]
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
pub struct Counted {
    /// Empty where it is not known.
    pub name: String,
    /// Page views.
    pub pageviews: u64,
    /// Distinct users among them, exactly.
    pub visitors: u64,
}

/// Answers questions from the event store.
#[derive(Clone)]
pub struct Reports {
    reader: Reader,
}

impl Reports {
    /// `reader` reads the database that holds `events_local`.
    pub fn new(reader: Reader) -> Self {
        Self { reader }
    }

    /// All figures and lists of one website and period, from the website's shard. Each report runs with the limits of [`plan`].
    ///
    /// # Errors
    /// [`Error`].
    pub async fn stats(&self, question: &Question) -> Result<Stats, Error> {
        let website = question.website_id.as_str();
        let totals = plan::plan(Report::Totals, question);
        let list = async |report| {
            let statement = plan::plan(report, question);
            self.reader.fetch_all::<Counted>(website, &statement).await
        };
        let (totals, top_pages, sources, countries, devices, browsers) = tokio::try_join!(
            self.reader.fetch_one::<Totals>(website, &totals),
            list(Report::TopPages),
            list(Report::Sources),
            list(Report::Countries),
            list(Report::Devices),
            list(Report::Browsers),
        )?;
        Ok(Stats { totals, top_pages, sources, countries, devices, browsers })
    }
}
