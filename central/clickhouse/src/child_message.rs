//! What the embedded event store says on standard error, for central's log: level and words without the time, which central's own line
//! has already. Pure.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use tracing::Level;

/// A line of the child.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) level: Level,
    /// The words, with the fields behind them.
    pub(super) text: String,
}

impl Message {
    /// The child logs JSON. What is no such line comes from the engine, or is the child's last word.
    pub(super) fn parse(line: &str) -> Self {
        match serde_json::from_str::<Map<String, Value>>(line) {
            Ok(object) => Self::of_json(&object, line),
            Err(_) => Self { level: Level::INFO, text: without_time(line).to_owned() },
        }
    }

    fn of_json(object: &Map<String, Value>, line: &str) -> Self {
        let level = object.get("level").and_then(Value::as_str).and_then(|level| level.parse().ok());
        let Some(fields) = object.get("fields").and_then(Value::as_object) else {
            return Self { level: level.unwrap_or(Level::INFO), text: line.to_owned() };
        };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut words = fields.get("message").map(text).unwrap_or_default();
        for (name, value) in fields.iter().filter(|(name, _)| *name != "message") {
            let separator = if words.is_empty() { "" } else { " " };
            write!(words, "{separator}{name}={}", text(value)).expect("a string takes everything");
        }
        Self { level: level.unwrap_or(Level::INFO), text: words }
    }
}

/// The engine begins its own messages with the time: `2026.11.30 12:00:00.123456 [ 17 ] {…} <Error> …`.
fn without_time(line: &str) -> &str {
    let is_time = |text: &str, separators: &[u8]| {
        text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_digit() || separators.contains(&byte))
    };
    let mut words = line.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some(date), Some(time), Some(rest)) if is_time(date, b".-/") && is_time(time, b":.,") => rest,
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_keeps_its_level_and_fields_and_loses_its_time() {
        let line = r#"{"timestamp":"2026-11-30T12:00:00.1Z","level":"WARN","fields":{"message":"cannot accept","error":"too many","count":3},"target":"footfall_event_store"}"#;
        let message = Message::parse(line);
        assert_eq!(message.level, Level::WARN);
        assert!(
            message.text.starts_with("cannot accept ") && !message.text.contains("2026"),
            "{}",
            message.text
        );
        assert!(
            message.text.contains("error=too many") && message.text.contains("count=3"),
            "{}",
            message.text
        );
    }

    #[test]
    fn what_the_engine_says_loses_its_time_and_nothing_else() {
        for (line, text) in [
            (
                "2026.11.30 12:00:00.123456 [ 17 ] {q} <Error> Application: no room",
                "[ 17 ] {q} <Error> Application: no room",
            ),
            ("Code: 76. DB::Exception: Cannot open file", "Code: 76. DB::Exception: Cannot open file"),
            ("event-store: another one holds the data", "event-store: another one holds the data"),
            ("12345678 is a number", "12345678 is a number"),
            ("[1,2]", "[1,2]"),
            ("{}", "{}"),
            ("", ""),
        ] {
            assert_eq!(Message::parse(line), Message { level: Level::INFO, text: text.to_owned() });
        }
    }
}
