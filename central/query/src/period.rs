//! A span of time, as people write it. Pure: now is an argument.

use serde::{Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::macros::{datetime, format_description};
use time::{Date, OffsetDateTime, UtcOffset};

use super::zone::Zone;

/// What ClickHouse's DateTime64 can hold with room to spare.
const EARLIEST: OffsetDateTime = datetime!(1970-01-01 0:00 UTC);
const LATEST: OffsetDateTime = datetime!(2200-01-01 0:00 UTC);

/// From an instant, inclusive, to another, exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Period {
    #[serde(serialize_with = "rfc3339")]
    from: OffsetDateTime,
    #[serde(serialize_with = "rfc3339")]
    to: OffsetDateTime,
}

/// Which end a text stands for: a day as the end of a period means that whole day.
#[derive(Clone, Copy, PartialEq)]
enum End {
    From,
    To,
}

impl Period {
    /// Reads two ends, each a day (`2026-11-23`, in UTC; as `to` the whole day counts) or an instant (RFC 3339). What is missing is the
    /// beginning of today, and now.
    ///
    /// # Errors
    /// [`InvalidPeriod`].
    pub fn parse(from: Option<&str>, to: Option<&str>, now: OffsetDateTime) -> Result<Self, InvalidPeriod> {
        Self::parse_in(from, to, now, &Zone::utc())
    }

    /// The same with the days of a zone.
    ///
    /// # Errors
    /// [`InvalidPeriod`].
    pub fn parse_in(
        from: Option<&str>,
        to: Option<&str>,
        now: OffsetDateTime,
        zone: &Zone,
    ) -> Result<Self, InvalidPeriod> {
        let now = now.to_offset(UtcOffset::UTC);
        let today = || Ok(at_ms(zone.day_start(milliseconds(now))));
        let from = from.map_or_else(today, |text| instant("from", text, End::From, zone))?;
        let to = to.map_or(Ok(now), |text| instant("to", text, End::To, zone))?;
        if from > to {
            return Err(InvalidPeriod::Backwards);
        }
        Ok(Self { from, to })
    }

    /// The same, but for an end that is not past at `now_ms`: that is as far away as can be, so that everybody who asks about now means
    /// the same period.
    pub(super) fn normalised(self, now_ms: i64) -> Self {
        Self { to: if self.to_ms() >= now_ms { LATEST } else { self.to }, ..self }
    }

    /// The same with another end, where that is later.
    pub(super) fn until_at_least(self, to_ms: i64) -> Self {
        if to_ms > self.to_ms() { Self { to: at_ms(to_ms), ..self } } else { self }
    }

    /// The first instant, milliseconds since 1970.
    pub fn from_ms(&self) -> i64 {
        milliseconds(self.from)
    }

    /// The first instant after it, milliseconds since 1970.
    pub fn to_ms(&self) -> i64 {
        milliseconds(self.to)
    }
}

fn instant(name: &'static str, text: &str, end: End, zone: &Zone) -> Result<OffsetDateTime, InvalidPeriod> {
    let invalid = || InvalidPeriod::Instant { name, text: text.chars().take(40).collect() };
    let day = format_description!("[year]-[month]-[day]");
    let begin = |day: Date| {
        let begin = zone.start_of(day)?;
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(begin) * 1_000_000).ok()
    };
    let instant = match Date::parse(text, &day) {
        Ok(day) if end == End::To => day.next_day().and_then(begin),
        Ok(day) => begin(day),
        Err(_) => OffsetDateTime::parse(text, &Rfc3339)
            .ok()
            .and_then(|instant| instant.checked_to_offset(UtcOffset::UTC)),
    };
    instant.filter(|instant| (EARLIEST..=LATEST).contains(instant)).ok_or_else(invalid)
}

/// Of a time that lies between 1970 and 2200.
fn at_ms(instant: i64) -> OffsetDateTime {
    let nanoseconds = i128::from(instant) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).expect("between 1970 and 2200")
}

fn milliseconds(instant: OffsetDateTime) -> i64 {
    i64::try_from(instant.unix_timestamp_nanos().div_euclid(1_000_000)).expect("between 1970 and 2200")
}

fn rfc3339<S: Serializer>(instant: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&instant.format(&Rfc3339).map_err(serde::ser::Error::custom)?)
}

/// Why a text is no period. Permanent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPeriod {
    /// One end cannot be read.
    #[error(
        "`{name}` is {text:?}; give a day like 2026-11-23 or an instant like 2026-11-23T09:00:00Z (a + in it is written %2B)"
    )]
    Instant {
        /// The end's name.
        name: &'static str,
        /// What was given, cut.
        text: String,
    },
    /// It ends before it begins.
    #[error("`from` is after `to`")]
    Backwards,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: OffsetDateTime = datetime!(2026-11-23 9:30 +2);

    fn period(
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(OffsetDateTime, OffsetDateTime), InvalidPeriod> {
        Period::parse(from, to, NOW).map(|period| (period.from, period.to))
    }

    #[test]
    fn days_are_whole_and_both_count() {
        assert_eq!(
            period(Some("2026-11-01"), Some("2026-11-30")),
            Ok((datetime!(2026-11-01 0:00 UTC), datetime!(2026-12-01 0:00 UTC)))
        );
        assert_eq!(
            period(Some("2026-12-31"), Some("2026-12-31")),
            Ok((datetime!(2026-12-31 0:00 UTC), datetime!(2027-01-01 0:00 UTC)))
        );
    }

    #[test]
    fn instants_are_taken_as_they_are_in_any_offset() {
        assert_eq!(
            period(Some("2026-11-23T01:00:00+02:00"), Some("2026-11-23T00:00:00.250Z")),
            Ok((datetime!(2026-11-22 23:00 UTC), datetime!(2026-11-23 0:00:00.250 UTC)))
        );
    }

    #[test]
    fn what_is_missing_is_today_until_now() {
        assert_eq!(period(None, None), Ok((datetime!(2026-11-23 0:00 UTC), datetime!(2026-11-23 7:30 UTC))));
        assert_eq!(
            period(Some("2026-11-20"), None),
            Ok((datetime!(2026-11-20 0:00 UTC), datetime!(2026-11-23 7:30 UTC)))
        );
    }

    #[test]
    fn what_is_no_day_and_no_instant_is_refused_by_name() {
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-02-30",
            "20261123",
            "1600-01-01",
            "9999-12-31",
            "2026-11-23 09:00",
            "9999-12-31T23:59:59-01:00",
        ] {
            let refused = period(Some("2026-11-01"), Some(text));
            assert_eq!(refused, Err(InvalidPeriod::Instant { name: "to", text: text.to_owned() }));
        }
        assert_eq!(period(Some("2026-11-23"), Some("2026-11-21")), Err(InvalidPeriod::Backwards));
    }

    #[test]
    fn days_are_those_of_the_zone_that_is_named() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let parse = |from, to| Period::parse_in(from, to, NOW, &zone).map(|period| (period.from, period.to));
        let day = Some("2026-03-29");
        assert_eq!(
            parse(day, day),
            Ok((datetime!(2026-03-28 23:00 UTC), datetime!(2026-03-29 22:00 UTC))),
            "it has 23 hours"
        );
        assert_eq!(parse(None, None), Ok((datetime!(2026-11-22 23:00 UTC), datetime!(2026-11-23 7:30 UTC))));
        let instant = Some("2026-11-23T01:00:00Z");
        assert_eq!(parse(instant, instant).map(|period| period.0), Ok(datetime!(2026-11-23 1:00 UTC)));
    }

    #[test]
    fn milliseconds_are_since_1970() {
        let period = Period::parse(Some("1970-01-02"), Some("1970-01-02"), NOW).unwrap();
        assert_eq!((period.from_ms(), period.to_ms()), (86_400_000, 172_800_000));
    }

    proptest! {
        #[test]
        fn any_text_is_a_period_or_refused(from in ".{0,40}", to in "[0-9TZ:+. -]{0,30}") {
            if let Ok(period) = Period::parse(Some(&from), Some(&to), NOW) {
                prop_assert!(period.from_ms() <= period.to_ms());
            }
        }
    }
}
