//! One value as it is written in a document, and what it is read as where a column wants another type. Pure.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde_json::value::RawValue;

use crate::protocol::number;

/// A value, not yet read as what its column holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Truth(bool),
    /// As it is written.
    Number(&'a str),
    Text(Cow<'a, str>),
    /// As it is written.
    Object(&'a str),
    /// As it is written.
    List(&'a str),
}

impl<'a> Value<'a> {
    pub(super) fn of(raw: &'a RawValue) -> Self {
        let token = raw.get();
        // The parser has seen that it is a value: its first character says which.
        match token.as_bytes().first() {
            Some(b'"') => Self::Text(text_of(token)),
            Some(b'{') => Self::Object(token),
            Some(b'[') => Self::List(token),
            Some(b't') => Self::Truth(true),
            Some(b'f') => Self::Truth(false),
            Some(b'n') | None => Self::Null,
            Some(_) => Self::Number(token),
        }
    }

    /// Whether nothing is said where anything but a text is asked for: forms send empty texts.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// As a text: numbers and truth values are spelled out. `None` for objects and lists.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(token) => Some(number::spelled(token)),
            Self::Truth(true) => Some(Cow::Borrowed("true")),
            Self::Truth(false) => Some(Cow::Borrowed("false")),
            Self::Null | Self::Object(_) | Self::List(_) => None,
        }
    }

    /// As a number, which may be written as a text. A truth value is none.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(token) => number::of_token(token),
            Self::Text(text) => number::read(text),
            _ => None,
        }
    }

    /// Whether it says yes: true, 1, or a text that says so.
    pub(super) fn says_yes(&self) -> bool {
        match self {
            Self::Truth(truth) => *truth,
            Self::Text(text) => {
                let text = text.trim();
                ["1", "true", "yes"].iter().any(|yes| text.eq_ignore_ascii_case(yes))
            }
            _ => self.number() == Some(1.0),
        }
    }

    /// Whether it is a list without members: some languages write an empty map so.
    pub(super) fn is_empty_list(&self) -> bool {
        matches!(self, Self::List(token) if token[1..token.len() - 1].trim().is_empty())
    }
}

/// The text that a token with its quotation marks stands for. Half a surrogate pair, which JSON can write and UTF-8 cannot, is
/// U+FFFD, as in browsers.
pub(super) fn text_of(token: &str) -> Cow<'_, str> {
    let quoted = token.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    if !quoted.contains('\\') {
        return Cow::Borrowed(quoted);
    }
    if let Ok(text) = serde_json::from_str(token) {
        return Cow::Owned(text);
    }
    let bytes = serde_json::Deserializer::from_str(token).deserialize_bytes(Unescaped);
    let mut bytes = bytes.unwrap_or_default();
    // The parser gives halves as the three bytes that they would be in UTF-8 (WTF-8), beginning at ED A0; no character begins so.
    for at in 0..bytes.len() {
        if bytes[at] == 0xed && bytes.get(at + 1).is_some_and(|next| *next >= 0xa0) {
            let end = bytes.len().min(at + 3);
            bytes[at..end].copy_from_slice(&"\u{fffd}".as_bytes()[..end - at]);
        }
    }
    Cow::Owned(
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    )
}

/// Takes the bytes of a text without its escapes.
struct Unescaped;

impl Visitor<'_> for Unescaped {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(token: &str) -> Value<'_> {
        Value::of(serde_json::from_str(token).expect(token))
    }

    #[test]
    fn half_a_surrogate_pair_costs_itself_alone() {
        for (token, text) in [
            (r#""cut \ud83d""#, "cut \u{fffd}"),
            (r#""\uDE00 cut""#, "\u{fffd} cut"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (r#""\ud83dx\ude00""#, "\u{fffd}x\u{fffd}"),
            (r#""\ud83d\n""#, "\u{fffd}\n"),
            (r#""\ud83d\u0041""#, "\u{fffd}A"),
            (r#""\\ud83d""#, "\\ud83d"),
            (r#""\ud83d\ude00 \ud7ff\ue000 \u0000\/""#, "😀 \u{d7ff}\u{e000} \0/"),
            (r#""""#, ""),
        ] {
            assert_eq!(text_of(token), text, "{token}");
        }
    }

    #[test]
    fn each_type_is_read_as_another_where_that_is_plain() {
        for (token, text, number, yes) in [
            ("null", None, None, false),
            ("true", Some("true"), None, true),
            ("false", Some("false"), None, false),
            ("1", Some("1"), Some(1.0), true),
            ("1.0", Some("1"), Some(1.0), true),
            ("10045", Some("10045"), Some(10045.0), false),
            ("1e999", Some("1e999"), None, false),
            (r#""10.00""#, Some("10.00"), Some(10.0), false),
            (r#"" TRUE ""#, Some(" TRUE "), None, true),
            (r#""19,999.99""#, Some("19,999.99"), None, false),
            ("[1]", None, None, false),
            (r#"{"a":1}"#, None, None, false),
        ] {
            assert_eq!(of(token).text().as_deref(), text, "{token}");
            assert_eq!((of(token).number(), of(token).says_yes()), (number, yes), "{token}");
        }
        assert!(of("[ \n]").is_empty_list() && !of("[0]").is_empty_list() && !of("{}").is_empty_list());
        assert!(of(r#""\t ""#).is_blank() && of("null").is_blank() && !of("0").is_blank());
    }

    /// Code units as JSON may write them: escaped, or as characters where they are some.
    fn written(units: &[u16], escaped: &[bool]) -> String {
        let mut written = String::from('"');
        for (unit, escaped) in units.iter().zip(escaped.iter().cycle()) {
            match char::from_u32(u32::from(*unit)) {
                Some(plain) if !escaped && plain >= ' ' && plain != '"' && plain != '\\' => {
                    written.push(plain);
                }
                _ => written.extend(format!("\\u{unit:04x}").chars()),
            }
        }
        written.push('"');
        written
    }

    proptest! {
        #[test]
        fn any_code_units_are_read_as_a_browser_would(
            units in prop::collection::vec(prop_oneof![any::<u16>(), 0xd7f0_u16..0xe010, 0x20_u16..0x7f], 0..40),
            escaped in prop::collection::vec(any::<bool>(), 1..7),
        ) {
            let token = written(&units, &escaped);
            prop_assert_eq!(text_of(&token), String::from_utf16_lossy(&units), "{}", token);
        }

        #[test]
        fn what_the_parser_reads_is_read_the_same(text in "\\PC{0,60}") {
            let token = serde_json::to_string(&text).expect("a text");
            prop_assert_eq!(text_of(&token), text);
        }

        #[test]
        fn no_token_panics(token in "\"?[\\\\ud8-f0-9\"xé]{0,30}\"?") {
            let _ = text_of(&token);
        }
    }
}
