//! The line `READY {json}` on standard output: a program says once that it serves, and where. Printed and read here; what the JSON
//! holds is each program's own.

use std::io::{self, BufRead, Write as _};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufRead, Lines};

const PREFIX: &str = "READY ";

/// Prints the line.
///
/// # Errors
/// When standard output takes nothing, or the report cannot be written as JSON.
pub fn print(report: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_string(report)?;
    let mut output = io::stdout().lock();
    writeln!(output, "{PREFIX}{json}")?;
    output.flush()
}

/// What the line says; nothing when it is another line.
///
/// # Errors
/// [`NotReady::Malformed`].
pub fn parse<T: DeserializeOwned>(line: &str) -> Result<Option<T>, NotReady> {
    let Some(json) = line.trim_end().strip_prefix(PREFIX) else { return Ok(None) };
    let malformed = |source| NotReady::Malformed { line: line.trim_end().to_owned(), source };
    serde_json::from_str(json).map(Some).map_err(malformed)
}

/// Reads a child's output up to the line. The rest must be read as well, or at least kept open: a child that writes into a closed pipe
/// is ended by the system.
///
/// # Errors
/// [`NotReady`].
pub fn read<T: DeserializeOwned>(output: &mut impl BufRead) -> Result<T, NotReady> {
    let mut said = String::new();
    loop {
        let begin = said.len();
        if output.read_line(&mut said)? == 0 {
            return Err(NotReady::Ended { said });
        }
        if let Some(report) = parse(&said[begin..])? {
            return Ok(report);
        }
    }
}

/// The same without blocking. How long it may take is the caller's to say.
///
/// # Errors
/// [`NotReady`].
pub async fn wait<T: DeserializeOwned>(output: &mut Lines<impl AsyncBufRead + Unpin>) -> Result<T, NotReady> {
    let mut said = String::new();
    while let Some(line) = output.next_line().await? {
        if let Some(report) = parse(&line)? {
            return Ok(report);
        }
        said.push_str(&line);
        said.push('\n');
    }
    Err(NotReady::Ended { said })
}

/// Why a child is not ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// Its output ended before the line.
    #[error("it ended before it was ready{}{}", if said.is_empty() { "" } else { ": " }, said.trim_end())]
    Ended {
        /// What it said instead.
        said: String,
    },
    /// The line is there, and does not hold what is expected.
    #[error("{line:?} does not say what it should: {source}")]
    Malformed {
        /// The whole line.
        line: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Its output cannot be read.
    #[error("its output cannot be read: {0}")]
    Output(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use tokio::io::AsyncBufReadExt;

    #[test]
    fn the_line_is_found_behind_others_and_what_follows_is_left() {
        let mut output = &b"compiling\nnot READY {}\nREADY {\"http\":\"http://x\"}\nserving\n"[..];
        assert_eq!(read::<Value>(&mut output).expect("ready"), json!({ "http": "http://x" }));
        assert_eq!(output, b"serving\n");
    }

    #[tokio::test]
    async fn it_is_awaited_the_same_way() {
        let mut lines = AsyncBufReadExt::lines(&b"compiling\nREADY {\"pid\":7}\nserving\n"[..]);
        assert_eq!(wait::<Value>(&mut lines).await.expect("ready"), json!({ "pid": 7 }));
        assert_eq!(lines.next_line().await.expect("text").as_deref(), Some("serving"));
        let ended =
            wait::<Value>(&mut AsyncBufReadExt::lines(&b"no room\n"[..])).await.expect_err("not ready");
        assert_eq!(ended.to_string(), "it ended before it was ready: no room");
    }

    #[test]
    fn an_end_and_another_content_are_told_apart() {
        #[derive(Debug, serde::Deserialize)]
        struct Report {
            #[allow(dead_code, reason = "only its absence is looked at")]
            http: String,
        }
        let ended = read::<Report>(&mut &b"cannot bind\n"[..]).expect_err("not ready");
        assert!(matches!(&ended, NotReady::Ended { said } if said == "cannot bind\n"), "{ended}");
        let other = read::<Report>(&mut &b"READY {\"pid\":1}\n"[..]).expect_err("not ready");
        assert!(other.to_string().contains("missing field `http`"), "{other}");
    }

    proptest! {
        #[test]
        fn rubbish_is_no_report_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read::<Value>(&mut &bytes[..]).is_err());
        }
    }
}
