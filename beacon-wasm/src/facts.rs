//! Screen, language and client hints, as fields that all batches of a page load share.

use footfall_proto::limits::MAX_FIELD_BYTES;

use crate::message::{Message, batch};

/// The field that a fact is written to, and its type.
#[derive(Clone, Copy)]
enum Encoding {
    Text(u32),
    Count(u32),
    /// In `ClientHints`.
    HintText(u32),
    /// In `ClientHints`, where 0 says something.
    HintCount(u32),
}

/// Facts by name. Sizes are CSS pixels.
const FACTS: [(&str, Encoding); 10] = [
    ("screen_width", Encoding::Count(batch::SCREEN_WIDTH)),
    ("screen_height", Encoding::Count(batch::SCREEN_HEIGHT)),
    ("viewport_width", Encoding::Count(batch::VIEWPORT_WIDTH)),
    ("viewport_height", Encoding::Count(batch::VIEWPORT_HEIGHT)),
    ("language", Encoding::Text(batch::LANGUAGE)),
    ("timezone", Encoding::Text(batch::TIMEZONE)),
    ("platform", Encoding::HintText(1)),
    ("mobile", Encoding::HintCount(4)),
    ("brand", Encoding::HintText(5)),
    ("touch", Encoding::HintCount(6)),
];

/// Adds the fact `name` to `header`, given both as a text and as a number. A brand is "name/version" and comes once for each.
pub fn take(header: &mut Message, name: &str, text: &str, number: u64) {
    for (known, encoding) in FACTS {
        if known == name {
            // Each hint is written as a `ClientHints` of its own: protobuf merges repeated occurrences of a message field.
            let mut hint = Message::default();
            match encoding {
                Encoding::Text(tag) => header.text(tag, text, MAX_FIELD_BYTES),
                Encoding::Count(tag) => header.count(tag, number),
                Encoding::HintText(tag) => hint.text(tag, text, MAX_FIELD_BYTES),
                Encoding::HintCount(tag) => hint.optional_count(tag, number),
            }
            if !hint.0.is_empty() {
                header.bytes(batch::HINTS, &hint.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footfall_proto::beacon::{BeaconBatch, ClientHints};
    use prost::Message as _;

    #[test]
    fn facts_read_back_and_hints_come_together() {
        let mut header = Message::default();
        for (name, text, number) in [
            ("screen_width", "2560", 2560),
            ("screen_height", "1440", 1440),
            ("viewport_width", "1280", 1280),
            ("viewport_height", "720", 720),
            ("language", "en-GB", 0),
            ("timezone", "Europe/London", 0),
            ("platform", "Linux", 0),
            ("brand", "Chromium/156", 0),
            ("mobile", "false", 0),
            ("brand", "Not_A Brand/99", 0),
            ("touch", "0", 0),
            ("colour", "blue", 7),
        ] {
            take(&mut header, name, text, number);
        }
        let expected = BeaconBatch {
            screen_width: 2560,
            screen_height: 1440,
            viewport_width: 1280,
            viewport_height: 720,
            language: "en-GB".into(),
            timezone: "Europe/London".into(),
            hints: Some(ClientHints {
                platform: "Linux".into(),
                mobile: Some(false),
                brands: vec!["Chromium/156".into(), "Not_A Brand/99".into()],
                ..ClientHints::default()
            }),
            ..BeaconBatch::default()
        };
        assert_eq!(BeaconBatch::decode(header.0.as_slice()).expect("encoded here"), expected);
    }
}
