//! What ClickHouse's refusals mean for whoever wanted to read or write, in its own vocabulary of codes, and what a person can do about
//! them.

use std::sync::Arc;

use clickhouse::error::Error;

use footfall_daemon::fault::{Classify, Fault};

/// Codes that say "these bytes are no such rows": parsing, ranges, constraints.
const BAD_DATA: [u32; 14] = [6, 26, 27, 33, 38, 41, 72, 117, 131, 321, 376, 469, 675, 676];
/// TIMEOUT_EXCEEDED, TOO_SLOW, MEMORY_LIMIT_EXCEEDED, QUERY_WAS_CANCELLED.
const LIMIT_EXCEEDED: [u32; 4] = [159, 160, 241, 394];
/// What a person can put right, by code.
const ADVICE: &[(u32, &str)] = &[
    (60, "a table is missing: restart central to have its schema checked, and restore what was dropped"),
    (81, "the database is missing: restart central to have it made again"),
    (164, "it only lets us read: let the user of event_store.user write"),
    (192, "there is no such user: correct event_store.user"),
    (193, "the password is wrong: correct the file of event_store.password_file"),
    (194, "a password is needed: correct the file of event_store.password_file"),
    (242, "its table is read-only, as it is without its keeper: look after the keeper"),
    (243, "its disk is full: make room"),
    (252, "its tables have too many parts: see in system.parts and system.merges why they are not merged"),
    (285, "too few replicas of the shard are there for an insert: start the others again"),
    (
        497,
        "the user may not do this: grant event_store.user all rights on the database of event_store.database",
    ),
    (516, "user or password is wrong: correct event_store.user and the file of event_store.password_file"),
];

/// What rustls says of bytes that are no TLS, and what that means.
const NO_TLS: &str = "InvalidContentType";
const SPEAKS_NO_TLS: &str = "it does not speak TLS: give it an https_port, or name it with http:// and say event_store.tls = false where \
                             nobody can listen";

/// Why the event store did not do what it was asked. The outcome of an insert is unknown with any of them.
#[derive(Debug, thiserror::Error)]
#[error("the event store at {server}: {}", sentence(cause))]
pub struct StoreError {
    server: Arc<str>,
    #[source]
    cause: Cause,
}

/// What happened.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cause {
    /// No answer in time.
    #[error("it did not answer in time")]
    TimedOut,
    /// The store refused, or could not be reached.
    #[error(transparent)]
    Client(Error),
    /// Inserts that were killed do not end.
    #[error("{0} inserts of this partition do not end")]
    StillRunning(u64),
}

impl StoreError {
    pub(super) fn new(server: &Arc<str>, cause: impl Into<Cause>) -> Self {
        Self { server: Arc::clone(server), cause: cause.into() }
    }

    /// What the server is said to have done, without its name.
    pub(super) fn reason(&self) -> String {
        sentence(&self.cause)
    }

    /// ClickHouse's code, where it gave one.
    pub(super) fn code(&self) -> Option<u32> {
        match &self.cause {
            Cause::Client(Error::BadResponse(text)) => code(text),
            Cause::TimedOut | Cause::Client(_) | Cause::StillRunning(_) => None,
        }
    }

    /// Whether the statement hit its limit of time or memory: it would elsewhere, too.
    pub(super) fn is_limit_exceeded(&self) -> bool {
        self.code().is_some_and(|code| LIMIT_EXCEEDED.contains(&code))
    }

    /// Whether the server did not answer, rather than refuse: another may.
    pub(super) fn is_unavailable(&self) -> bool {
        match &self.cause {
            Cause::TimedOut | Cause::Client(Error::Network(_)) => true,
            // TOO_MANY_SIMULTANEOUS_QUERIES, a missing table or database, or a proxy that speaks for a dead server.
            Cause::Client(Error::BadResponse(text)) => matches!(code(text), None | Some(60 | 81 | 202)),
            Cause::Client(_) | Cause::StillRunning(_) => false,
        }
    }
}

impl Classify for StoreError {
    fn fault(&self) -> Fault {
        match self.code() {
            Some(code) if BAD_DATA.contains(&code) => Fault::Poison,
            // Also a wrong password or a missing table: somebody can correct that while we wait.
            _ => Fault::Transient,
        }
    }
}

impl From<Error> for Cause {
    fn from(error: Error) -> Self {
        match error {
            Error::TimedOut => Self::TimedOut,
            error => Self::Client(error),
        }
    }
}

/// Advice where there is some, with what the server said.
fn sentence(cause: &Cause) -> String {
    let said = match cause {
        // Its own words are "network error: client error (Connect)"; what is behind them says more.
        Cause::Client(Error::Network(error)) => format!("it cannot be reached: {}", deepest(error.as_ref())),
        cause => cause.to_string(),
    };
    let code = match cause {
        Cause::Client(Error::BadResponse(text)) => code(text),
        _ => None,
    };
    let advice = code.and_then(|code| ADVICE.iter().find(|(known, _)| *known == code));
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    advice.map_or_else(|| said.clone(), |(_, advice)| format!("{advice} ({})", short(&said)))
}

/// What is at the bottom of an error: "connection refused", and not "client error".
pub(super) fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let reason = deepest.to_string();
    if reason.contains(NO_TLS) { format!("{SPEAKS_NO_TLS} ({reason})") } else { reason }
}

/// Enough of a server's words to find them in its log.
fn short(text: &str) -> String {
    const LENGTH: usize = 160;
    let cut: String = text.chars().take(LENGTH).collect();
    if cut.len() < text.len() { cut + "…" } else { cut }
}

/// The number in "Code: 117. DB::Exception: …".
fn code(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("Code: ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(text: &str) -> StoreError {
        StoreError::new(&"http://db:8123".into(), Error::BadResponse(text.to_owned()))
    }

    #[test]
    fn bad_data_is_told_from_a_bad_moment() {
        assert_eq!(answered("Code: 117. DB::Exception: Unknown field").fault(), Fault::Poison);
        let memory = answered("Code: 241. DB::Exception: (total) memory limit exceeded");
        assert_eq!((memory.fault(), memory.is_limit_exceeded()), (Fault::Transient, true));
        assert_eq!(answered("Code: 252. DB::Exception: Too many parts").fault(), Fault::Transient);
        assert_eq!(answered("502 Bad Gateway").fault(), Fault::Transient);
        assert_eq!(StoreError::new(&"x".into(), Error::TimedOut).fault(), Fault::Transient);
    }

    #[test]
    fn a_server_that_is_unavailable_is_told_from_one_that_refuses() {
        assert!(answered("502 Bad Gateway").is_unavailable());
        assert!(answered("Code: 60. DB::Exception: Unknown table").is_unavailable());
        assert!(StoreError::new(&"x".into(), Error::TimedOut).is_unavailable());
        assert!(!answered("Code: 47. DB::Exception: Unknown identifier").is_unavailable());
    }

    #[test]
    fn a_sentence_names_the_server_and_what_to_do() {
        for (text, part) in [
            ("Code: 516. DB::Exception: footfall: Authentication failed", "event_store.password_file"),
            ("Code: 164. DB::Exception: Cannot execute query in readonly mode", "let the user"),
            ("Code: 60. DB::Exception: Table footfall.events_local does not exist", "a table is missing"),
            ("Code: 243. DB::Exception: Cannot reserve 1.00 MiB", "its disk is full"),
        ] {
            let sentence = answered(&format!("{text}.\nMore.")).to_string();
            assert!(sentence.starts_with("the event store at http://db:8123: "), "{sentence}");
            assert!(sentence.contains(part) && !sentence.contains('\n'), "{sentence}");
        }
        assert!(answered(&"x".repeat(40)).to_string().ends_with('x'));
    }
}
