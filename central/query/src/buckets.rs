//! The hours or days of a time zone that a period lies in. Pure.

use serde::{Deserialize, Serialize};

use super::period::Period;
use super::zone::Zone;

/// Most buckets of a series.
pub const MAX_BUCKETS: usize = 750;

/// How long a bucket of a series is, on the zone's clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interval {
    /// An hour; one in which the clock is changed is two buckets.
    Hour,
    /// A day.
    Day,
}

/// Consecutive spans of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Buckets {
    starts: Vec<i64>,
    end: i64,
}

impl Buckets {
    /// Those that a period touches: the first begins at its beginning or before, the last ends at its end or behind it.
    ///
    /// # Errors
    /// [`TooManyBuckets`].
    pub(super) fn new(period: &Period, interval: Interval, zone: &Zone) -> Result<Self, TooManyBuckets> {
        let (from, to) = (period.from_ms(), period.to_ms());
        let mut at = match interval {
            Interval::Hour => zone.hour_start(from),
            Interval::Day => zone.day_start(from),
        };
        let mut starts = Vec::new();
        while at < to {
            if starts.len() == MAX_BUCKETS {
                return Err(TooManyBuckets(interval));
            }
            starts.push(at);
            at = match interval {
                Interval::Hour => zone.next_hour(at),
                Interval::Day => zone.next_day(at),
            };
        }
        Ok(Self { starts, end: at })
    }

    /// Where each begins, milliseconds since 1970.
    pub(super) fn starts(&self) -> &[i64] {
        &self.starts
    }

    /// Where the last one ends.
    pub(super) fn end(&self) -> i64 {
        self.end
    }
}

/// A period has more buckets than are answered at once. Permanent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the period from `from` to `to` has more than {MAX_BUCKETS} {}; {}", plural(*.0), advice(*.0))]
pub struct TooManyBuckets(Interval);

const fn plural(interval: Interval) -> &'static str {
    match interval {
        Interval::Hour => "hours",
        Interval::Day => "days",
    }
}

const fn advice(interval: Interval) -> &'static str {
    match interval {
        Interval::Hour => "ask for a shorter one, or for interval=day",
        Interval::Day => "ask for a shorter one",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;
    use time::macros::datetime;

    fn buckets(name: &str, from: &str, to: &str, interval: Interval) -> Result<Buckets, TooManyBuckets> {
        let zone = Zone::named(name).unwrap();
        let now = datetime!(2026-11-30 12:00 UTC);
        Buckets::new(&Period::parse_in(Some(from), Some(to), now, &zone).unwrap(), interval, &zone)
    }

    fn lengths(name: &str, from: &str, to: &str, interval: Interval) -> Vec<i64> {
        let buckets = buckets(name, from, to, interval).unwrap();
        let ends = buckets.starts()[1..].iter().chain([&buckets.end]);
        buckets.starts().iter().zip(ends).map(|(start, end)| (end - start) / 60_000).collect()
    }

    #[test]
    fn days_are_those_of_the_zone() {
        let days = |name, from, to| lengths(name, from, to, Interval::Day);
        assert_eq!(days("UTC", "2026-03-28", "2026-03-30"), [1440, 1440, 1440]);
        assert_eq!(days("Europe/Berlin", "2026-03-28", "2026-03-30"), [1440, 23 * 60, 1440]);
        assert_eq!(days("Europe/Berlin", "2026-10-25", "2026-10-25"), [25 * 60]);
        assert_eq!(days("Australia/Lord_Howe", "2026-04-05", "2026-04-06"), [1470, 1440]);
        assert_eq!(days("Pacific/Apia", "2011-12-29", "2011-12-31"), [1440, 1440], "one was left out");
        let buckets = buckets("Asia/Kolkata", "2026-11-01", "2026-11-02", Interval::Day).unwrap();
        let first = OffsetDateTime::from_unix_timestamp(buckets.starts()[0] / 1000).unwrap();
        assert_eq!(first, datetime!(2026-10-31 18:30 UTC));
    }

    #[test]
    fn a_period_that_cuts_buckets_has_them_whole() {
        let cut = buckets("Asia/Kathmandu", "2026-11-01T10:10:30Z", "2026-11-01T11:20:00Z", Interval::Hour)
            .unwrap();
        let at = |instant: OffsetDateTime| instant.unix_timestamp() * 1000;
        let (first, second) = (at(datetime!(2026-11-01 09:15 UTC)), at(datetime!(2026-11-01 10:15 UTC)));
        assert_eq!(
            (cut.starts(), cut.end()),
            (&[first, second, at(datetime!(2026-11-01 11:15 UTC))][..], at(datetime!(2026-11-01 12:15 UTC)))
        );
        let empty = buckets("UTC", "2026-11-01T10:00:00Z", "2026-11-01T10:00:00Z", Interval::Hour).unwrap();
        assert!(empty.starts().is_empty());
    }

    #[test]
    fn no_more_are_made_than_are_answered() {
        assert_eq!(
            buckets("UTC", "2024-11-12", "2026-12-01", Interval::Day).unwrap().starts().len(),
            MAX_BUCKETS
        );
        let refused = buckets("UTC", "2024-11-11", "2026-12-01", Interval::Day).unwrap_err();
        assert!(refused.to_string().contains("more than 750 days"), "{refused}");
        let refused = buckets("UTC", "1970-01-01", "2199-12-31", Interval::Hour).unwrap_err();
        assert!(refused.to_string().contains("interval=day"), "{refused}");
    }
}
