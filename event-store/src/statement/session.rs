//! What needs a session: statements whose effect is on requests to come. Pure.

use super::{Shape, Tokens};

/// Why a statement is of no use without a session, as one sentence; nothing for one that is.
pub fn needs_session(text: &[u8], shape: &Shape) -> Option<&'static str> {
    match shape.first.as_str() {
        "SET" => Some(
            "Sessions are not kept here, so SET would not outlast its request: give settings with each request",
        ),
        "USE" => Some(
            "Sessions are not kept here, so USE would not outlast its request: name the database with each request",
        ),
        "CREATE" if makes_temporary(text) => Some(
            "Sessions are not kept here, so a temporary table would not outlast its request: \
             create a table, or send the data as an external table",
        ),
        _ => None,
    }
}

/// `CREATE [OR REPLACE] TEMPORARY …`
fn makes_temporary(text: &[u8]) -> bool {
    let mut words = Tokens::new(text).skip(1).peekable();
    if words.next_if(|token| token.is_word(text, "OR")).is_some() {
        words.next_if(|token| token.is_word(text, "REPLACE"));
    }
    words.next().is_some_and(|token| token.is_word(text, "TEMPORARY"))
}

#[cfg(test)]
mod a_session {
    use super::super::shape;
    use super::*;

    fn is_needed(text: &str) -> bool {
        needs_session(text.as_bytes(), &shape(text.as_bytes())).is_some()
    }

    #[test]
    fn is_needed_by_what_is_meant_to_last() {
        for text in [
            "SET max_threads = 1",
            "/* x */ set role r",
            "USE system",
            "CREATE TEMPORARY TABLE t (a Int8)",
            "create or replace temporary table t (a Int8)",
            "CREATE TEMPORARY VIEW v AS SELECT 1",
        ] {
            assert!(is_needed(text), "{text}");
        }
    }

    #[test]
    fn is_needed_by_nothing_else() {
        for text in [
            "",
            "SELECT 'SET'",
            "SELECT 1 SETTINGS max_threads = 1",
            "CREATE TABLE temporary (a Int8) ENGINE = Memory",
            "CREATE OR REPLACE TABLE t (temporary Int8) ENGINE = Memory",
            "SHOW TEMPORARY TABLES",
            "EXISTS TEMPORARY TABLE t",
            "INSERT INTO set VALUES (1)",
            "OPTIMIZE TABLE use",
        ] {
            assert!(!is_needed(text), "{text}");
        }
    }
}
