//! The names of the raw log's objects, which are its manifest: what they say is all that anybody has to know to find a record. Pure.

use std::fmt;
use std::str::FromStr;

use time::{Date, Month, OffsetDateTime};

/// The folder of all logs.
pub const ROOT: &str = "raw";
/// What an object's name ends with.
const ENDING: &str = ".zst";

/// An hour, counted from 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub u32);

/// Hours of a day, milliseconds of an hour.
const DAY_HOURS: u32 = 24;
const HOUR_MS: i64 = 3_600_000;

impl Hour {
    /// Where records are filed whose receipt time cannot be read: the first hour of 1970.
    pub const UNKNOWN: Self = Self(0);

    /// The hour of a time in milliseconds since 1970, [`UNKNOWN`](Self::UNKNOWN) without one.
    pub fn of(server_timestamp_ms: Option<i64>) -> Self {
        let hour = server_timestamp_ms.and_then(|time| u32::try_from(time.div_euclid(HOUR_MS)).ok());
        hour.map_or(Self::UNKNOWN, Self)
    }

    /// The last hour of its day. What is filed there is found by whoever looks for its day, or for what was received since its hour.
    #[must_use]
    pub fn last_of_day(self) -> Self {
        Self(self.0 - self.0 % DAY_HOURS + (DAY_HOURS - 1))
    }

    /// Its UTC day, counted from 1970.
    pub fn day(self) -> u16 {
        u16::try_from(self.0 / DAY_HOURS).unwrap_or(u16::MAX)
    }
}

/// The folder of a log's day: `yyyy-mm-dd`.
pub fn day_folder(day: u16) -> String {
    let seconds = i64::from(day) * 86_400;
    let date = OffsetDateTime::from_unix_timestamp(seconds).expect("65,536 days end in 2149").date();
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// The day of such a folder.
pub fn parse_day(text: &str) -> Option<u16> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    let days = date.midnight().assume_utc().unix_timestamp().div_euclid(86_400);
    let whole = parts.next().is_none() && text.len() == "yyyy-mm-dd".len();
    u16::try_from(days).ok().filter(|_| whole)
}

/// What an object holds: the records that were received in one hour, of one batch of one partition of one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The log.
    pub incarnation: [u8; 16],
    /// Its partition.
    pub partition: u32,
    /// First and last offset of the batch; other objects may hold the batch's records of other hours.
    pub first: u64,
    /// See `first`.
    pub last: u64,
    /// The hour; of a batch that is spread over many, also the last one of the day.
    pub hour: Hour,
    /// In how many objects the batch's records lie, this one among them: it is whole once they are all there.
    pub hours: u32,
    /// Records in this object.
    pub count: u64,
    /// CRC-32C of its unpacked bytes.
    pub crc32c: u32,
}

/// `raw/{incarnation}/{yyyy-mm-dd}/{hh}/{partition}-{first}-{last}-{hours}-{count}-{crc32c}.zst`
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, first, last, hour, hours, count, crc32c, .. } = self;
        write!(
            f,
            "{}/{}/{:02}/{partition}-{first:020}-{last:020}-{hours}-{count}-{crc32c:08x}{ENDING}",
            log_folder(self.incarnation),
            day_folder(hour.day()),
            hour.0 % DAY_HOURS,
        )
    }
}

impl FromStr for Name {
    type Err = ForeignName;

    fn from_str(name: &str) -> Result<Self, ForeignName> {
        parse(name).filter(|parsed| parsed.to_string() == name).ok_or(ForeignName)
    }
}

fn parse(name: &str) -> Option<Name> {
    let mut folders = name.strip_prefix(ROOT)?.strip_prefix('/')?.split('/');
    let incarnation = parse_incarnation(folders.next()?)?;
    let day = parse_day(folders.next()?)?;
    let hour: u32 = folders.next()?.parse().ok().filter(|hour| *hour < DAY_HOURS)?;
    let mut parts = folders.next()?.strip_suffix(ENDING)?.split('-');
    Some(Name {
        incarnation,
        partition: parts.next()?.parse().ok()?,
        first: parts.next()?.parse().ok()?,
        last: parts.next()?.parse().ok()?,
        hour: Hour(u32::from(day) * DAY_HOURS + hour),
        hours: parts.next()?.parse().ok()?,
        count: parts.next()?.parse().ok()?,
        crc32c: u32::from_str_radix(parts.next()?, 16).ok()?,
    })
}

/// The folder of a log.
pub fn log_folder(incarnation: [u8; 16]) -> String {
    format!("{ROOT}/{:032x}", u128::from_be_bytes(incarnation))
}

/// The log of such a folder's last part.
pub fn parse_incarnation(text: &str) -> Option<[u8; 16]> {
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(u128::to_be_bytes)
}

/// A name that is none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a raw-log object")]
pub struct ForeignName;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_says_where_a_record_is() {
        let name = Name {
            incarnation: [0xab; 16],
            partition: 3,
            first: 17,
            last: 4_000,
            hour: Hour::of(Some(1_795_435_200_000)),
            hours: 2,
            count: 3_900,
            crc32c: 0x00c0_ffee,
        };
        let text = "raw/abababababababababababababababab/2026-11-23/12/\
                    3-00000000000000000017-00000000000000004000-2-3900-00c0ffee.zst";
        assert_eq!(name.to_string(), text);
        assert_eq!(text.parse(), Ok(name));
        assert_eq!(Hour::of(None).day(), 0);
        assert_eq!(day_folder(0), "1970-01-01");
        assert_eq!(parse_day("2026-11-23").map(day_folder).as_deref(), Some("2026-11-23"));
        assert!(parse_day("2026-13-01").or(parse_day("2026-11-23-1")).is_none());
    }

    proptest! {
        #[test]
        fn every_name_is_read_as_it_was_written(
            incarnation in any::<[u8; 16]>(), partition in any::<u32>(), first in any::<u64>(), last in any::<u64>(),
            hour in 0_u32..(65_536 * 24), hours in any::<u32>(), count in any::<u64>(), crc32c in any::<u32>(),
        ) {
            let name = Name { incarnation, partition, first, last, hour: Hour(hour), hours, count, crc32c };
            prop_assert_eq!(name.to_string().parse(), Ok(name));
        }

        #[test]
        fn other_names_are_no_names_of_ours(text in "[a-z0-9/.-]{0,90}") {
            prop_assert!(text.parse::<Name>().is_err());
        }
    }
}
