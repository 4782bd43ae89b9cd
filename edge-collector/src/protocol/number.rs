//! Numbers as protocols spell them: in a text, as a JSON token, with a fraction where a column holds whole numbers. What is
//! no number to its end is none: nothing is half read. Pure.

use std::borrow::Cow;

/// Beyond this a double is spelled with an exponent, as browsers do.
const LONGEST_PLAIN: f64 = 1e21;
/// Below this, too.
const SHORTEST_PLAIN: f64 = 1e-7;

/// The number that `text` spells: an optional sign, digits with at most one point, an optional exponent, and blanks around it.
/// No thousands separators, no decimal comma, no infinity. Minus zero is zero.
#[must_use]
pub(super) fn read(text: &str) -> Option<f64> {
    let text = text.trim();
    // Rust also knows the words for what is no number.
    let spelled = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    if spelled { of_token(text) } else { None }
}

/// The number that a JSON token is, whose grammar the parser has seen to.
#[must_use]
pub(super) fn of_token(token: &str) -> Option<f64> {
    let number: f64 = token.parse().ok()?;
    number.is_finite().then_some(number + 0.0)
}

/// What was measured, to the nearest whole: browsers measure time and distances in fractions.
#[must_use]
pub(super) fn measured(number: f64) -> Option<u32> {
    let number = number.round();
    (0.0..=f64::from(u32::MAX)).contains(&number).then_some(number as u32)
}

/// What was counted. There is no half a piece.
#[must_use]
pub(super) fn counted(number: f64) -> Option<i32> {
    let range = f64::from(i32::MIN)..=f64::from(i32::MAX);
    (number.fract() == 0.0 && range.contains(&number)).then_some(number as i32)
}

/// How a number of a JSON document is spelled where a column holds a text: as a browser would write it, so that the
/// same call says the same in every form. Whole numbers keep all digits that were sent.
#[must_use]
pub(super) fn spelled(token: &str) -> Cow<'_, str> {
    let whole = token.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-'));
    match read(token) {
        Some(0.0) => Cow::Borrowed("0"),
        Some(number) if !whole => {
            let plain = (SHORTEST_PLAIN..LONGEST_PLAIN).contains(&number.abs());
            Cow::Owned(if plain { number.to_string() } else { format!("{number:e}") })
        }
        _ => Cow::Borrowed(token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_is_a_number_to_its_end_or_none() {
        for (text, expected) in [
            ("10.00", Some(10.0)),
            (" 5\t", Some(5.0)),
            ("+5", Some(5.0)),
            ("-12.5", Some(-12.5)),
            (".5", Some(0.5)),
            ("1e3", Some(1000.0)),
            ("2E-2", Some(0.02)),
            ("9223372036854775808", Some(9_223_372_036_854_775_808.0)),
            ("1e-400", Some(0.0)),
            ("19,999.99", None),
            ("6,795", None),
            ("1.000,39", None),
            ("1.000.000", None),
            ("1 000", None),
            ("1_000", None),
            ("5%", None),
            ("€5", None),
            ("0x10", None),
            ("5-3", None),
            ("--5", None),
            ("e5", None),
            ("1e", None),
            (".", None),
            ("-", None),
            ("", None),
            ("NaN", None),
            ("nan", None),
            ("inf", None),
            ("-Infinity", None),
            ("1e400", None),
            ("−5", None),
            ("٥", None),
            ("five", None),
            ("null", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        assert!(read("-0").expect("a number").is_sign_positive());
    }

    #[test]
    fn whole_columns_take_whole_numbers_however_they_are_written() {
        for (number, measure, count) in [
            (2.0, Some(2), Some(2)),
            (87.5, Some(88), None),
            (-0.4, Some(0), None),
            (-2.0, None, Some(-2)),
            (2_147_483_647.0, Some(2_147_483_647), Some(i32::MAX)),
            (2_147_483_648.0, Some(2_147_483_648), None),
            (-2_147_483_649.0, None, None),
            (4_294_967_295.0, Some(u32::MAX), None),
            (4_294_967_296.0, None, None),
            (1.7e308, None, None),
        ] {
            assert_eq!((measured(number), counted(number)), (measure, count), "{number}");
        }
    }

    #[test]
    fn a_number_in_a_text_is_spelled_as_browsers_do() {
        for (token, text) in [
            ("10045", "10045"),
            ("-7", "-7"),
            ("2.0", "2"),
            ("9.50", "9.5"),
            ("1e3", "1000"),
            ("-0", "0"),
            ("0.0", "0"),
            ("0.1", "0.1"),
            ("1.5e-9", "1.5e-9"),
            ("1e22", "1e22"),
            ("1e999", "1e999"),
            ("18446744073709551616123", "18446744073709551616123"),
        ] {
            assert_eq!(spelled(token), text, "{token}");
        }
    }

    proptest! {
        #[test]
        fn every_finite_number_is_read_as_it_is_written(number in any::<f64>()) {
            for text in [number.to_string(), format!("{number:e}")] {
                prop_assert_eq!(read(&text), number.is_finite().then_some(number), "{}", text);
            }
        }

        #[test]
        fn what_is_read_is_finite_and_spelled_it_is_read_the_same(text in "[-+0-9.eE ,]{0,12}|\\PC{0,8}") {
            if let Some(number) = read(&text) {
                prop_assert!(number.is_finite());
                prop_assert_eq!(read(&spelled(text.trim())), Some(number));
            }
        }
    }
}
