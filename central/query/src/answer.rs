//! What a question is answered with: figures, lists and series, as they are read from the store, kept in the cache and shown. Pure.

use serde::{Deserialize, Serialize};

use footfall_clickhouse::Row;

use super::freshness::Freshness;
use super::plan::{Piece, Plan};
use super::reports::{SeriesRow, VisitsRow};
use super::spans::Span;

/// An answer, and what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answered<T> {
    /// The figures.
    pub answer: T,
    /// What they were made from.
    pub basis: Basis,
}

/// What an answer was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The parts of the period, in order, and what each was read from. The last one of a period that has not ended goes on for ever.
    pub plan: Vec<Piece>,
    /// The same of what visits were counted from.
    pub visits_plan: Vec<Piece>,
    /// Whole hours up to here are in the tables, milliseconds since 1970; none where nothing is derived yet.
    pub fresh_until_ms: Option<i64>,
    /// Sessions whose last event lies before it are in the tables; none as above.
    pub sessions_until_ms: Option<i64>,
}

impl Basis {
    pub(super) fn new(plan: &Plan, visits: &Plan, freshness: &Freshness) -> Self {
        let known = |at: i64| (at > 0).then_some(at);
        Self {
            plan: plan.pieces().to_vec(),
            visits_plan: visits.pieces().to_vec(),
            fresh_until_ms: known(freshness.whole_to),
            sessions_until_ms: known(freshness.sessions_to),
        }
    }
}

/// The answer: duplicates left out, and bots unless asked for; counts and averages weighted by the inverse of the share of events kept.
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
    /// Of the sessions that began in the period; none where the period begins before what is derived.
    pub of_sessions: Option<OfSessions>,
}

/// What sessions that began in the period, and have ended, come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfSessions {
    /// Their figures.
    pub visits: Visits,
    /// Pages that they viewed first, by visits.
    pub entry_pages: Vec<EntryPage>,
    /// Pages that they viewed last, by visits.
    pub exit_pages: Vec<ExitPage>,
    /// Goals that they reached, by visits.
    pub goals: Vec<ReachedGoal>,
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

/// The figures of the visits of a period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Row)]
#[clickhouse(crate = "footfall_clickhouse::client")]
pub struct Visits {
    /// Sessions that began in the period and have ended.
    pub visits: u64,
    /// Sessions of one page view without interaction or engagement, which was viewed in the period.
    pub bounces: u64,
    /// Share of the visits that were bounces; none without visits.
    pub bounce_rate: Option<f64>,
    /// Seconds; none without visits.
    pub average_duration_s: Option<f64>,
    /// Page views ÷ visits; none without visits.
    pub pages_per_visit: Option<f64>,
    /// Visits that reached a goal.
    pub conversions: u64,
    /// Share of the visits that did; none without visits.
    pub conversion_rate: Option<f64>,
    /// Of their transactions, in the site's currency.
    pub revenue: f64,
}

/// A page that visits began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Row)]
#[clickhouse(crate = "footfall_clickhouse::client")]
pub struct EntryPage {
    /// Its path.
    pub name: String,
    /// Visits.
    pub visits: u64,
    /// Bounces.
    pub bounces: u64,
}

/// A page that visits ended with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Row)]
#[clickhouse(crate = "footfall_clickhouse::client")]
pub struct ExitPage {
    /// Its path.
    pub name: String,
    /// Visits.
    pub visits: u64,
}

/// A goal that visits reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Row)]
#[clickhouse(crate = "footfall_clickhouse::client")]
pub struct ReachedGoal {
    /// UUID in text form.
    pub goal_id: String,
    /// Visits that reached it.
    pub conversions: u64,
    /// How often they did.
    pub times: u64,
    /// Of their transactions, in the site's currency.
    pub revenue: f64,
}

/// The course of a period, bucket by bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// In order, the empty ones too.
    pub buckets: Vec<Bucket>,
}

/// One bucket of a series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Where it begins, milliseconds since 1970.
    pub start_ms: i64,
    /// Page views.
    pub pageviews: u64,
    /// Distinct users of all events.
    pub visitors: u64,
    /// Distinct sessions of all events.
    pub sessions: u64,
    /// Sessions that began in it and have ended; none where they are not derived.
    pub visits: Option<u64>,
    /// Bounces whose page was viewed in it; none as above.
    pub bounces: Option<u64>,
}

impl Series {
    /// Without any event; `derived` says whether all sessions are known that began in a part of the period.
    pub(super) fn empty(starts: &[i64], period: Span, derived: impl Fn(Span) -> bool) -> Self {
        let ends = starts.iter().skip(1).copied().chain([period.1]);
        let bucket = |(&start_ms, end_ms): (&i64, i64)| {
            let none = derived((start_ms.max(period.0), end_ms)).then_some(0);
            Bucket { start_ms, pageviews: 0, visitors: 0, sessions: 0, visits: none, bounces: none }
        };
        Self { buckets: starts.iter().zip(ends).map(bucket).collect() }
    }

    /// With what was read.
    pub(super) fn fill(&mut self, events: &[SeriesRow], visits: &[VisitsRow]) {
        for row in events {
            if let Some(bucket) = self.bucket(row.bucket) {
                (bucket.pageviews, bucket.visitors, bucket.sessions) =
                    (row.pageviews, row.visitors, row.sessions);
            }
        }
        for row in visits {
            if let Some(bucket) = self.bucket(row.bucket)
                && bucket.visits.is_some()
            {
                (bucket.visits, bucket.bounces) = (Some(row.visits), Some(row.bounces));
            }
        }
    }

    /// Counted from 1.
    fn bucket(&mut self, number: u32) -> Option<&mut Bucket> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.buckets.get_mut(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stats_can_be_cached() {
        let totals =
            Totals { pageviews: u64::MAX, visitors: 1, sessions: 0, average_engagement_ms: Some(0.1 + 0.2) };
        let row = Counted { name: "/\u{1F600}\"".to_owned(), pageviews: 3, visitors: 2 };
        let visits = Visits {
            visits: 1,
            bounces: 1,
            bounce_rate: Some(1.0 / 3.0),
            average_duration_s: None,
            pages_per_visit: Some(1.0),
            conversions: 0,
            conversion_rate: Some(0.0),
            revenue: 0.1,
        };
        let goal = ReachedGoal { goal_id: "g".to_owned(), conversions: 1, times: 2, revenue: 0.3 };
        let stats = Stats {
            totals,
            top_pages: vec![row],
            sources: Vec::new(),
            channels: Vec::new(),
            countries: Vec::new(),
            devices: Vec::new(),
            browsers: Vec::new(),
            of_sessions: Some(OfSessions {
                visits,
                entry_pages: Vec::new(),
                exit_pages: Vec::new(),
                goals: vec![goal],
            }),
        };
        let answered = Answered {
            answer: stats,
            basis: Basis::new(&Plan::raw((0, 1)), &Plan::sessions((0, 1)), &Freshness::default()),
        };
        let kept = serde_json::to_vec(&answered).unwrap();
        assert_eq!(serde_json::from_slice::<Answered<Stats>>(&kept).unwrap(), answered);
    }
}
