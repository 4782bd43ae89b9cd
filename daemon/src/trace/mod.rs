//! What a program logs, and where to: lines on standard error, as many as `FOOTFALL_LOG` asks for, as text or as JSON. Knows no message.

mod storm;

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use clap::{Args, ValueEnum};
use serde_json::json;
use storm::Storm;
use tracing::{Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::Registry;

/// Names the filter, such as `debug` or `info,quinn=warn`.
pub const VARIABLE: &str = "FOOTFALL_LOG";

/// As which this process logs, once it has begun to.
static FORMAT: OnceLock<Format> = OnceLock::new();

/// As what a message is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line for people; in colour on a terminal, unless `NO_COLOR` is set.
    #[default]
    Text,
    /// An object a line: `timestamp`, `level`, `target` and `fields`, of which `message` is one.
    Json,
}

/// The part of a program's command line that says how it logs.
#[derive(Args, Clone, Copy, Debug, Default)]
#[group(skip)]
pub struct LogArguments {
    /// As what messages are written to standard error: text, or one JSON object a line.
    #[arg(
        long = "log",
        env = "FOOTFALL_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text",
        global = true
    )]
    pub format: Format,
}

/// Begins to log. To be called once, by `main`.
pub fn start(arguments: LogArguments) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
    let colour = io::stderr().is_terminal() && !plain;
    tracing::subscriber::set_global_default(subscriber(arguments.format, colour, filter, io::stderr))
        .expect("a program begins to log once");
    FORMAT.set(arguments.format).expect("a program begins to log once");
}

/// Writes a program's last sentence, in the form of its messages.
pub(crate) fn last_sentence(program: &str, sentence: &str) -> io::Result<()> {
    match FORMAT.get().copied().unwrap_or_default() {
        Format::Text => writeln!(io::stderr(), "{program}: {sentence}"),
        Format::Json => writeln!(io::stderr(), "{}", as_json(program, sentence)),
    }
}

fn as_json(program: &str, sentence: &str) -> serde_json::Value {
    json!({ "timestamp": timestamp(), "level": "ERROR", "fields": { "message": sentence }, "target": program })
}

/// A message that the log itself has to say.
fn line(format: Format, level: Level, target: &str, sentence: &str) -> String {
    match format {
        Format::Text => format!("{} {level:>5} {target}: {sentence}", timestamp()),
        Format::Json => {
            let level = level.as_str();
            json!({ "timestamp": timestamp(), "level": level, "fields": { "message": sentence }, "target": target }).to_string()
        }
    }
}

/// A clock that cannot be told leaves a sentence without a time, which is better than no sentence.
fn timestamp() -> String {
    let mut timestamp = String::new();
    if SystemTime.format_time(&mut Writer::new(&mut timestamp)).is_err() {
        timestamp.clear();
    }
    timestamp
}

fn subscriber<W>(
    format: Format,
    colour: bool,
    filter: EnvFilter,
    writer: W,
) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Clone + Send + Sync + 'static,
{
    // When the reader of standard error is gone, a line that cannot be written must not become a panic.
    let lines = tracing_subscriber::fmt::layer().with_writer(writer.clone()).log_internal_errors(false);
    let lines = match format {
        Format::Text => lines.with_ansi(colour).boxed(),
        Format::Json => lines.json().with_ansi(false).with_current_span(false).with_span_list(false).boxed(),
    };
    Box::new(Registry::default().with(filter).with(Storm::new(format, writer)).with(lines))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    /// What was written.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(format: Format, colour: bool) -> String {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = subscriber(format, colour, EnvFilter::new("info"), move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(path = "/a \"b\"", count = 3, "the journal\nis open");
            tracing::debug!("nobody asked for this");
        });
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn text_has_one_timestamp_a_line_and_colours_on_a_terminal_only() {
        let text = written(Format::Text, false);
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert!(text.contains("INFO") && text.contains("count=3") && !text.contains("nobody"), "{text}");
        let year = &text[..5];
        assert_eq!(text.matches(year).count(), 1, "{text}");
        assert!(written(Format::Text, true).contains('\u{1b}'));
    }

    #[test]
    fn json_is_an_object_a_line_whatever_stands_in_the_message() {
        for colour in [false, true] {
            let text = written(Format::Json, colour);
            assert_eq!(text.lines().count(), 1, "{text}");
            let value: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!((&value["level"], &value["fields"]["count"]), (&json!("INFO"), &json!(3)));
            assert_eq!(value["fields"]["message"], "the journal\nis open");
            assert_eq!(value["fields"]["path"], "/a \"b\"");
            assert!(value["target"].as_str().expect("text").contains("trace"));
            assert!(value["timestamp"].as_str().expect("text").ends_with('Z'));
        }
    }

    #[test]
    fn a_storm_of_warnings_is_a_few_lines_and_how_many_were_left_out() {
        for format in [Format::Text, Format::Json] {
            let written = Written::default();
            let writer = written.clone();
            let subscriber = subscriber(format, false, EnvFilter::new("info"), move || writer.clone());
            let text = || String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
            let mut sent = 0;
            tracing::subscriber::with_default(subscriber, || {
                let deadline = Instant::now() + Duration::from_secs(10);
                while !text().contains("left out") && Instant::now() < deadline {
                    tracing::warn!(sent, "no room");
                    sent += 1;
                }
                (0..20).for_each(|number| tracing::info!(number, "all are wanted"));
            });
            let text = text();
            assert_eq!(
                (text.matches("no room").count(), text.matches("all are wanted").count()),
                (11, 20),
                "{text}"
            );
            let left_out = format!("{} messages like the next one were left out", sent - 11);
            assert!(text.contains(&left_out), "{left_out}: {text}");
            assert!(
                format == Format::Text
                    || text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_programs_own_arguments_may_have_any_name() {
        use clap::Parser as _;

        #[derive(clap::Parser)]
        struct LogArguments {
            #[command(flatten)]
            log: super::LogArguments,
        }
        let parsed = LogArguments::try_parse_from(["thing", "--log", "json"]).expect("valid");
        assert_eq!(parsed.log.format, Format::Json);
        assert!(LogArguments::try_parse_from(["thing", "--log", "loud"]).is_err());
    }

    #[test]
    fn a_last_sentence_in_json_looks_like_the_messages_before_it() {
        let (message, last) = (written(Format::Json, false), as_json("central", "another one runs"));
        let message: Value = serde_json::from_str(&message).expect("JSON");
        let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&message), keys(&last));
        assert_eq!(last["fields"]["message"], "another one runs");
        assert_eq!(
            last["timestamp"].as_str().expect("text").len(),
            message["timestamp"].as_str().expect("text").len()
        );
    }
}
