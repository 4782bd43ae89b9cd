//! Times as documents write them: milliseconds since the Unix epoch, or RFC 3339. Reads no clock. Pure.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::value::Value;
use crate::protocol::number;

/// From here on a number is no milliseconds (the year 5138) but microseconds.
const MICROSECONDS_FROM: f64 = 1e14;
/// From here on it is nanoseconds, as Go and Python give them.
const NANOSECONDS_FROM: f64 = 1e17;
/// And from here on no time at all.
const NO_TIME_FROM: f64 = 1e20;

/// Milliseconds since the Unix epoch. A number of seconds is read as milliseconds like any other, so that it is told to be too
/// old; too large a number would be stored as a time in the future, so its unit is told by its size.
pub(super) fn read(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Text(text) => match number::read(text) {
            Some(number) => of_number(number),
            None => of_text(text.trim()),
        },
        _ => of_number(value.number()?),
    }
}

fn of_number(number: f64) -> Option<i64> {
    let milliseconds = match number.abs() {
        size if size < MICROSECONDS_FROM => number,
        size if size < NANOSECONDS_FROM => number / 1e3,
        size if size < NO_TIME_FROM => number / 1e6,
        _ => return None,
    };
    Some(milliseconds.floor() as i64)
}

fn of_text(text: &str) -> Option<i64> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-11-30 06:00 UTC.
    const AT: i64 = 1_796_018_400_000;

    fn text(text: &str) -> Option<i64> {
        read(&Value::Text(text.into()))
    }

    #[test]
    fn times_come_in_several_forms() {
        for (written, expected) in [
            ("2026-11-30T06:00:00Z", Some(AT)),
            ("2026-11-30T06:00:00.123+02:00", Some(AT - 7_200_000 + 123)),
            ("2026-11-30t06:00:00z", Some(AT)),
            ("2026-11-30 06:00:00Z", Some(AT)),
            ("2026-11-30T06:00:00.123456789Z", Some(AT + 123)),
            (" 2026-11-30T06:00:00Z\n", Some(AT)),
            ("1969-12-31T23:59:59.9995Z", Some(-1)),
            ("1796018400000", Some(AT)),
            // Nobody knows where it was six o'clock.
            ("2026-11-30T06:00:00", None),
            ("2026-11-30", None),
            ("2026-13-30T06:00:00Z", None),
            ("Mon, 30 Nov 2026 06:00:00 GMT", None),
            ("yesterday", None),
            ("1e30", None),
            ("", None),
        ] {
            assert_eq!(text(written), expected, "{written}");
        }
        for (number, expected) in [
            ("1796018400000", Some(AT)),
            ("1796018400000.75", Some(AT)),
            ("1.7960184e12", Some(AT)),
            ("1796018400000123", Some(AT)),
            ("1796018400000123456", Some(AT)),
            // Seconds: too old, and told so.
            ("1796018400", Some(1_796_018_400)),
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("-0.5", Some(-1)),
            ("1e20", None),
            ("1e999", None),
        ] {
            assert_eq!(read(&Value::Number(number)), expected, "{number}");
        }
        assert_eq!(read(&Value::Truth(true)), None);
    }

    proptest! {
        #[test]
        fn every_millisecond_comes_back_in_every_form(at in 0_i64..4_000_000_000_000) {
            let nanoseconds = i128::from(at) * 1_000_000;
            let written = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).expect("a time");
            prop_assert_eq!(text(&written.format(&Rfc3339).expect("a year of four digits")), Some(at));
            prop_assert_eq!(read(&Value::Number(&at.to_string())), Some(at));
        }

        #[test]
        fn no_text_panics(written in "[0-9TZ:+. -]{0,40}|\\PC{0,20}") {
            let _ = text(&written);
        }
    }
}
