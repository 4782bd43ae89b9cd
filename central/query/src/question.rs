//! What somebody wants to know about one website, and under which name its answer is kept. Pure.

use super::buckets::{Buckets, Interval, TooManyBuckets};
use super::period::Period;
use super::zone::Zone;

/// What somebody wants to know about one website and period.
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
    /// From what it is answered.
    pub choice: PlanChoice,
}

/// How the course of a period is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesQuestion {
    /// UUID in text form, as the events carry it.
    pub website_id: String,
    /// When.
    pub period: Period,
    /// How long a bucket is.
    pub interval: Interval,
    /// On whose clocks.
    pub zone: Zone,
    /// Whether bots are counted, too.
    pub bots: bool,
    /// From what it is answered.
    pub choice: PlanChoice,
}

/// From what a question is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlanChoice {
    /// From tables as far as they suffice, and from events beyond.
    #[default]
    Best,
    /// From events and single sessions alone: what any other plan is compared with.
    Raw,
}

/// Whose rows count: what all statements about events and tables of one question share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) website_id: String,
    pub(super) bots: bool,
}

impl Question {
    /// The same question for all who ask about the present: a period that has not ended has no end, so that they share an answer.
    pub(super) fn normalised(mut self, now_ms: i64) -> Self {
        self.period = self.period.normalised(now_ms);
        self
    }

    pub(super) fn scope(&self) -> Scope {
        Scope { website_id: self.website_id.clone(), bots: self.bots }
    }

    /// Says all about a normalised question and how fresh its answer has to be: the number of the time slot of `max_age_ms` that `now_ms`
    /// lies in. So an answer shows what the store held at most that long ago.
    pub(super) fn cache_key(&self, now_ms: i64, max_age_ms: i64) -> String {
        let Self { website_id, period, limit, bots, choice } = self;
        let who = counted(*bots, *choice);
        let slot = now_ms.div_euclid(max_age_ms);
        format!("{{{website_id}}}:stats:{}-{}:{limit}:{who}:{slot}", period.from_ms(), period.to_ms())
    }
}

impl SeriesQuestion {
    /// Its buckets, and the same question for all who ask about the present: a period that has not ended ends with its last bucket.
    pub(super) fn normalised(mut self, now_ms: i64) -> Result<(Self, Buckets), TooManyBuckets> {
        let buckets = Buckets::new(&self.period, self.interval, &self.zone)?;
        if self.period.to_ms() >= now_ms {
            self.period = self.period.until_at_least(buckets.end());
        }
        Ok((self, buckets))
    }

    pub(super) fn scope(&self) -> Scope {
        Scope { website_id: self.website_id.clone(), bots: self.bots }
    }

    /// As [`Question::cache_key`].
    pub(super) fn cache_key(&self, now_ms: i64, max_age_ms: i64) -> String {
        let Self { website_id, period, interval, zone, bots, choice } = self;
        let who = counted(*bots, *choice);
        let (from, to, slot) = (period.from_ms(), period.to_ms(), now_ms.div_euclid(max_age_ms));
        let interval = match interval {
            Interval::Hour => "hour",
            Interval::Day => "day",
        };
        format!("{{{website_id}}}:series:{from}-{to}:{interval}:{}:{who}:{slot}", zone.name())
    }
}

const fn counted(bots: bool, choice: PlanChoice) -> &'static str {
    match (bots, choice) {
        (true, PlanChoice::Best) => "bots",
        (false, PlanChoice::Best) => "people",
        (true, PlanChoice::Raw) => "bots-raw",
        (false, PlanChoice::Raw) => "people-raw",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_question_about_the_present_has_one_cache_key_for_a_while_and_other_questions_have_others() {
        let ask = |from, to, now: time::OffsetDateTime, limit| {
            let now_ms = now.unix_timestamp() * 1000;
            let period = Period::parse(from, to, now).unwrap();
            let choice = PlanChoice::Best;
            let question = Question { website_id: "w".to_owned(), period, limit, bots: false, choice };
            question.normalised(now_ms).cache_key(now_ms, 5000)
        };
        let noon = datetime!(2026-11-23 12:00 UTC);
        let (soon, later) = (noon + Duration::from_secs(4), noon + Duration::from_secs(5));
        assert_eq!(ask(None, None, noon, 10), ask(None, None, soon, 10));
        assert_eq!(ask(None, None, noon, 10), ask(Some("2026-11-23"), Some("2026-11-23"), soon, 10));
        assert_ne!(ask(None, None, noon, 10), ask(None, None, later, 10));
        assert_ne!(ask(None, None, noon, 10), ask(None, None, noon, 11));
        assert_ne!(ask(None, None, noon, 10), ask(None, Some("2026-11-23T11:00:00Z"), noon, 10));
        assert_eq!(ask(None, None, noon, 10), "{w}:stats:1795392000000-7258118400000:10:people:359087040");
    }

    #[test]
    fn a_series_about_the_present_has_one_cache_key_for_a_while_too() {
        let ask = |zone, interval, now: time::OffsetDateTime| {
            let zone = Zone::named(zone).unwrap();
            let period = Period::parse_in(None, None, now, &zone).unwrap();
            let question = SeriesQuestion {
                website_id: "w".to_owned(),
                period,
                interval,
                zone,
                bots: true,
                choice: PlanChoice::Best,
            };
            let now_ms = now.unix_timestamp() * 1000;
            question.normalised(now_ms).unwrap().0.cache_key(now_ms, 5000)
        };
        let noon = datetime!(2026-11-23 12:00:01 UTC);
        let soon = noon + Duration::from_secs(3);
        assert_eq!(ask("UTC", Interval::Hour, noon), ask("UTC", Interval::Hour, soon));
        assert_ne!(ask("UTC", Interval::Hour, noon), ask("UTC", Interval::Day, noon));
        assert_ne!(ask("UTC", Interval::Hour, noon), ask("Europe/London", Interval::Hour, noon));
        assert_eq!(
            ask("Asia/Kolkata", Interval::Day, noon),
            "{w}:series:1795372200000-1795458600000:day:Asia/Kolkata:bots:359087040"
        );
    }
}
