//! From a typed question to rows of the event store: [`Question`] → [`plan`] → [`Stats`]. Reads only; knows neither HTTP nor how the
//! events came there. Each report's SQL is the file of its name in `query/reports/`.

mod period;
mod plan;

use std::time::Duration;

use clickhouse::Client;
use clickhouse::error::Error as ClientError;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

pub use period::{InvalidPeriod, Period};
use plan::Report;

/// Longer than the store's own limit, which answers with a reason; this one is for a store that does not answer at all.
const PATIENCE: Duration = Duration::from_secs(15);

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clickhouse::Row)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clickhouse::Row)]
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
    client: Client,
}

impl Reports {
    /// `client` reads the database that holds `events_local`.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// All figures and lists of one website and period. Each report runs with the limits of [`plan`].
    pub async fn stats(&self, question: &Question) -> Result<Stats, Error> {
        let totals = async { plan::plan(&self.client, Report::Totals, question).fetch_one::<Totals>().await };
        let list = |report| plan::plan(&self.client, report, question).fetch_all::<Counted>();
        let all = async {
            tokio::try_join!(
                totals,
                list(Report::TopPages),
                list(Report::Sources),
                list(Report::Countries),
                list(Report::Devices),
                list(Report::Browsers),
            )
        };
        let (totals, top_pages, sources, countries, devices, browsers) =
            timeout(PATIENCE, all).await.map_err(|_| ClientError::TimedOut)??;
        Ok(Stats { totals, top_pages, sources, countries, devices, browsers })
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers, or the tables are not there yet. Transient.
    #[error("the event store does not answer: {0}")]
    Away(#[source] ClientError),
    /// The report hit its limit of time or memory. A shorter period may do.
    #[error("the report was stopped at its limit of time or memory; ask for a shorter period")]
    TooCostly(#[source] ClientError),
    /// The store refused the report: a defect of ours. Permanent.
    #[error("the event store refused the report: {0}")]
    Refused(#[source] ClientError),
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Network(_) | ClientError::TimedOut => Self::Away(error),
            ClientError::BadResponse(text) => match exception_code(text) {
                // TIMEOUT_EXCEEDED, MEMORY_LIMIT_EXCEEDED, TOO_SLOW, QUERY_WAS_CANCELLED.
                Some(159 | 160 | 241 | 394) => Self::TooCostly(error),
                // UNKNOWN_TABLE, UNKNOWN_DATABASE, TOO_MANY_SIMULTANEOUS_QUERIES, or a proxy that speaks for a dead server.
                Some(60 | 81 | 202) | None => Self::Away(error),
                Some(_) => Self::Refused(error),
            },
            _ => Self::Refused(error),
        }
    }
}

/// ClickHouse's errors begin with "Code: 241. DB::Exception: …".
fn exception_code(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("Code: ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sorted_by_clickhouse_code() {
        let sorted = |text: &str| Error::from(ClientError::BadResponse(text.to_owned()));
        assert!(matches!(sorted("Code: 241. DB::Exception: Memory limit"), Error::TooCostly(_)));
        assert!(matches!(sorted("Code: 159. DB::Exception: Timeout exceeded"), Error::TooCostly(_)));
        assert!(matches!(sorted("Code: 60. DB::Exception: Unknown table"), Error::Away(_)));
        assert!(matches!(sorted("502 Bad Gateway"), Error::Away(_)));
        assert!(matches!(sorted("Code: 47. DB::Exception: Unknown identifier"), Error::Refused(_)));
        assert!(matches!(Error::from(ClientError::TimedOut), Error::Away(_)));
    }
}
