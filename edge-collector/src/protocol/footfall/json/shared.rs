//! The keys that all events of a document share: site, language, screen, what the visitor allowed. Pure.

use footfall_proto::beacon::{BeaconEnvelope, Consent};

use super::timestamp;
use super::value::Value;
use crate::protocol::number;

/// Takes a key with its value, of which the last one counts; says whether it is one of these. What cannot be read as such is
/// as good as absent.
pub(super) fn take(shared: &mut BeaconEnvelope, key: &str, value: Value<'_>) -> bool {
    let place = match key {
        "tracking_id" => &mut shared.tracking_id,
        "sdk_version" => &mut shared.sdk_version,
        "language" => &mut shared.language,
        "timezone" => &mut shared.timezone,
        _ => return take_other(shared, key, &value),
    };
    *place = value.text().unwrap_or_default().into_owned();
    true
}

fn take_other(shared: &mut BeaconEnvelope, key: &str, value: &Value<'_>) -> bool {
    match key {
        "sent_at" => shared.sent_at_ms = timestamp::read(value).unwrap_or_default(),
        "screen_resolution" => {
            (shared.screen_width, shared.screen_height) = screen(value).unwrap_or_default();
        }
        "consent" => shared.consent = consent(value) as i32,
        "gpc" => shared.gpc = value.says_yes(),
        "dnt" => shared.dnt = value.says_yes(),
        _ => return false,
    }
    true
}

/// Width and height, as in "1920x1080". Sizes in CSS pixels have fractions where a page is zoomed.
fn screen(value: &Value<'_>) -> Option<(u32, u32)> {
    let Value::Text(text) = value else { return None };
    let (width, height) = text.split_once(['x', 'X', '×'])?;
    let pixels = |text| number::read(text).and_then(number::measured).filter(|pixels| *pixels > 0);
    Some((pixels(width)?, pixels(height)?))
}

/// A visitor's consent is what a text says. A plain no is one, too; a plain yes to nobody knows what is not.
fn consent(value: &Value<'_>) -> Consent {
    match value {
        Value::Text(text) if text.trim().eq_ignore_ascii_case("granted") => Consent::Granted,
        Value::Text(text) if text.trim().eq_ignore_ascii_case("denied") => Consent::Denied,
        Value::Truth(false) => Consent::Denied,
        _ => Consent::Unspecified,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value<'_> {
        Value::Text(text.into())
    }

    #[test]
    fn a_screen_is_two_sizes_or_nothing() {
        for (written, size) in [
            ("1920x1080", Some((1920, 1080))),
            (" 1920 x 1080 ", Some((1920, 1080))),
            ("1920X1080", Some((1920, 1080))),
            ("1920×1080", Some((1920, 1080))),
            ("414.4x896.7", Some((414, 897))),
            ("0x0", None),
            ("0.4x900", None),
            ("-1x5", None),
            ("99999999999x9", None),
            ("1920", None),
            ("1920x", None),
            ("1920x1080x24", None),
            ("NaNxNaN", None),
            ("", None),
        ] {
            assert_eq!(screen(&text(written)), size, "{written}");
        }
        assert_eq!(screen(&Value::Number("1920")), None);
    }

    #[test]
    fn consent_is_given_in_words_only() {
        for (value, expected) in [
            (text("granted"), Consent::Granted),
            (text(" Granted"), Consent::Granted),
            (text("DENIED"), Consent::Denied),
            (Value::Truth(false), Consent::Denied),
            (Value::Truth(true), Consent::Unspecified),
            (Value::Number("1"), Consent::Unspecified),
            (text("maybe"), Consent::Unspecified),
            (Value::Null, Consent::Unspecified),
        ] {
            assert_eq!(consent(&value), expected, "{value:?}");
        }
    }

    #[test]
    fn the_last_value_of_a_key_counts_and_other_keys_are_not_taken() {
        let mut shared = BeaconEnvelope::default();
        for (key, value, taken) in [
            ("tracking_id", Value::Number("7"), true),
            ("language", text("de"), true),
            ("language", Value::Null, true),
            ("sdk_version", Value::Number("1.2"), true),
            ("gpc", text("1"), true),
            ("dnt", Value::Number("1"), true),
            ("dnt", Value::Truth(false), true),
            ("sent_at", text("1970-01-01T00:00:01Z"), true),
            ("event_type", text("event"), false),
        ] {
            assert_eq!(take(&mut shared, key, value), taken, "{key}");
        }
        assert_eq!((shared.tracking_id.as_str(), shared.language.as_str()), ("7", ""));
        assert_eq!((shared.sdk_version.as_str(), shared.sent_at_ms), ("1.2", 1000));
        assert!(shared.gpc && !shared.dnt);
    }
}
