//! Header fields as text. RFC 9110, 5.5 lets a field hold bytes above 0x7F and says nothing of what they mean: they are UTF-8
//! where they can be, else Latin-1, and the rest of the field is kept either way. Pure.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

/// The text of a field.
#[must_use]
pub fn of(value: &HeaderValue) -> Cow<'_, str> {
    let bytes = value.as_bytes();
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
    }
}

/// The text of the first field called `name`.
#[must_use]
pub fn named<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, str>> {
    headers.get(name).map(of)
}

/// The members of all fields called `name`, which are lists: in the order in which they came, without the blanks around them.
pub fn members(headers: &HeaderMap, name: &HeaderName) -> impl Iterator<Item = String> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| of(value).split(',').map(|member| member.trim().to_owned()).collect::<Vec<_>>())
}

/// What of a list can be read from its end on: whoever is nearest has written last. A member with a byte above 0x7F and
/// all before it are left out.
#[must_use]
pub fn readable_end(value: &HeaderValue) -> &str {
    let bytes = value.as_bytes();
    let unreadable = bytes.iter().rposition(|byte| !byte.is_ascii());
    let end = unreadable.map_or(bytes, |at| {
        let member_end = bytes[at..].iter().position(|byte| *byte == b',');
        member_end.map_or(&[][..], |length| &bytes[at + length..])
    });
    str::from_utf8(end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field(bytes: &[u8]) -> HeaderValue {
        HeaderValue::from_bytes(bytes).expect("a field")
    }

    #[test]
    fn bytes_above_ascii_are_utf_8_or_latin_1_and_cost_nothing_else() {
        for (bytes, text) in [
            (&b"Mozilla/5.0"[..], "Mozilla/5.0"),
            ("X325–Locked Chrome/80".as_bytes(), "X325–Locked Chrome/80"),
            (b"Versi\xf3n/4.0 Mobile", "Versión/4.0 Mobile"),
            // A character that was cut in its middle.
            (b"a \xe2\x80", "a \u{e2}\u{80}"),
            (b"", ""),
        ] {
            assert_eq!(of(&field(bytes)), text);
        }
    }

    #[test]
    fn a_list_is_read_from_its_end_to_the_first_member_that_cannot_be() {
        for (bytes, text) in [
            (&b"203.0.113.9, 10.0.0.1"[..], "203.0.113.9, 10.0.0.1"),
            (b"\xe4, 203.0.113.9", ", 203.0.113.9"),
            (b"6.6.6.6, \xe4203.0.113.9", ""),
            (b"\xe4", ""),
            (b"", ""),
        ] {
            assert_eq!(readable_end(&field(bytes)), text);
        }
    }

    #[test]
    fn a_list_may_come_in_several_fields() {
        let name = HeaderName::from_static("accept-encoding");
        let mut headers = HeaderMap::new();
        headers.append(&name, field(b"gzip , br"));
        headers.append(&name, field(b"\xe4,zstd"));
        assert_eq!(members(&headers, &name).collect::<Vec<_>>(), ["gzip", "br", "ä", "zstd"]);
    }

    proptest! {
        #[test]
        fn what_was_text_stays_and_each_other_byte_is_a_character(bytes in prop::collection::vec(0x20_u8.., 0..60)) {
            prop_assume!(!bytes.contains(&0x7f));
            let value = field(&bytes);
            let text = of(&value);
            if let Ok(same) = str::from_utf8(&bytes) {
                prop_assert_eq!(text, same);
            } else {
                prop_assert_eq!(text.chars().count(), bytes.len());
            }
            prop_assert!(value.as_bytes().ends_with(readable_end(&value).as_bytes()));
        }
    }
}
