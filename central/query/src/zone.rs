//! A time zone of the built-in database: which day and hour an instant lies in, and where they begin. Pure: reads neither the machine's zone
//! nor its files. Times are milliseconds since 1970.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

const SECOND_MS: i64 = 1000;
/// All changes of a zone's offset since 1970 that are still of interest lie on a multiple of it.
const QUARTER_MS: i64 = 15 * 60 * SECOND_MS;
const HOUR_MS: i64 = 4 * QUARTER_MS;

/// A time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    zone: TimeZone,
    name: String,
}

impl Zone {
    /// UTC.
    pub fn utc() -> Self {
        Self { zone: TimeZone::UTC, name: "UTC".to_owned() }
    }

    /// By its name, like `Europe/Berlin`.
    ///
    /// # Errors
    /// [`UnknownZone`].
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        let unknown = || UnknownZone(name.chars().take(40).collect());
        let zone = TimeZone::get(name).map_err(|_| unknown())?;
        let name = zone.iana_name().ok_or_else(unknown)?.to_owned();
        Ok(Self { zone, name })
    }

    /// Its name, as the database writes it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How far it is ahead of UTC at an instant, seconds.
    pub fn offset_s(&self, at_ms: i64) -> i32 {
        self.zone.to_offset(timestamp(at_ms)).seconds()
    }

    /// Where a day begins; where the zone leaves it out, where the next one does.
    pub(super) fn start_of(&self, day: time::Date) -> Option<i64> {
        let year = i16::try_from(day.year()).ok()?;
        let month = i8::try_from(u8::from(day.month())).ok()?;
        let day = i8::try_from(day.day()).ok()?;
        self.midnight(Date::new(year, month, day).ok()?)
    }

    /// Where the day begins that an instant lies in.
    pub(super) fn day_start(&self, at_ms: i64) -> i64 {
        self.midnight(self.date(at_ms)).filter(|start| *start <= at_ms).unwrap_or(at_ms)
    }

    /// Where the first day begins that begins after an instant.
    pub(super) fn next_day(&self, at_ms: i64) -> i64 {
        let mut date = self.date(at_ms);
        loop {
            date = date.tomorrow().expect("periods end in 2200");
            match self.midnight(date) {
                Some(start) if start > at_ms => return start,
                _ => {}
            }
        }
    }

    /// Where the clock hour begins that an instant lies in. An hour in which the clock is changed is two: one under each offset.
    pub(super) fn hour_start(&self, at_ms: i64) -> i64 {
        let offset = self.offset_s(at_ms);
        let mut start = at_ms - since_the_hour(at_ms, offset);
        while start < at_ms && self.offset_s(start) != offset {
            start += QUARTER_MS;
        }
        start.min(at_ms)
    }

    /// Where the first clock hour begins that begins after an instant.
    pub(super) fn next_hour(&self, at_ms: i64) -> i64 {
        let offset = self.offset_s(at_ms);
        let end = at_ms - since_the_hour(at_ms, offset) + HOUR_MS;
        let mut quarter = at_ms - at_ms.rem_euclid(QUARTER_MS) + QUARTER_MS;
        while quarter < end && self.offset_s(quarter) == offset {
            quarter += QUARTER_MS;
        }
        quarter.min(end)
    }

    fn date(&self, at_ms: i64) -> Date {
        self.zone.to_datetime(timestamp(at_ms)).date()
    }

    fn midnight(&self, date: Date) -> Option<i64> {
        self.zone.to_timestamp(date.at(0, 0, 0, 0)).ok().map(Timestamp::as_millisecond)
    }
}

fn since_the_hour(at_ms: i64, offset_s: i32) -> i64 {
    (at_ms + i64::from(offset_s) * SECOND_MS).rem_euclid(HOUR_MS)
}

fn timestamp(at_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(at_ms).expect("periods lie between 1970 and 2200")
}

/// There is no such time zone. Permanent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`tz` is {0:?}; give a name of the time zone database, like Europe/Berlin or UTC")]
pub struct UnknownZone(String);

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;
    use time::macros::{date, datetime};

    fn zone(name: &str) -> Zone {
        Zone::named(name).unwrap()
    }

    fn ms(instant: OffsetDateTime) -> i64 {
        instant.unix_timestamp() * 1000
    }

    #[test]
    fn zones_have_the_names_of_the_database() {
        assert_eq!(zone("europe/berlin").name(), "Europe/Berlin");
        assert_eq!(zone("UTC").name(), "UTC");
        for name in ["", "Europe/Atlantis", "../../etc/passwd", "+02:00", "CET-1CEST"] {
            assert!(Zone::named(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_day_begins_where_the_zone_says() {
        let begins = |name: &str, day| zone(name).start_of(day).unwrap();
        assert_eq!(begins("Europe/Berlin", date!(2026 - 03 - 29)), ms(datetime!(2026-03-28 23:00 UTC)));
        assert_eq!(begins("Europe/Berlin", date!(2026 - 03 - 30)), ms(datetime!(2026-03-29 22:00 UTC)));
        assert_eq!(begins("Asia/Kolkata", date!(2026 - 03 - 29)), ms(datetime!(2026-03-28 18:30 UTC)));
        assert_eq!(begins("Asia/Kathmandu", date!(2026 - 03 - 29)), ms(datetime!(2026-03-28 18:15 UTC)));
        // On its clocks 2011-12-30 was left out.
        assert_eq!(
            begins("Pacific/Apia", date!(2011 - 12 - 30)),
            begins("Pacific/Apia", date!(2011 - 12 - 31))
        );
        // Its clocks went from 23:59:59 to 01:00.
        assert_eq!(begins("America/Sao_Paulo", date!(2018 - 11 - 04)), ms(datetime!(2018-11-04 03:00 UTC)));
    }

    #[test]
    fn an_hour_in_which_clocks_are_changed_is_two() {
        let hours = |name: &str, from: OffsetDateTime, count| {
            let (zone, mut at, mut hours) = (zone(name), ms(from), Vec::new());
            for _ in 0..count {
                let next = zone.next_hour(at);
                hours.push((next - at) / 60_000);
                at = next;
            }
            hours
        };
        assert_eq!(hours("Europe/Berlin", datetime!(2026-10-24 23:00 UTC), 4), [60, 60, 60, 60]);
        assert_eq!(hours("Asia/Kolkata", datetime!(2026-10-24 23:00 UTC), 2), [30, 60]);
        // At 02:00 its clocks go back to 01:30, in spring from 02:00 to 02:30.
        assert_eq!(hours("Australia/Lord_Howe", datetime!(2026-04-04 14:00 UTC), 4), [60, 30, 60, 60]);
        assert_eq!(hours("Australia/Lord_Howe", datetime!(2026-10-03 14:30 UTC), 4), [60, 30, 60, 60]);
    }
}
