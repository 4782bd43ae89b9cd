//! What a caller without the password may say: few settings, one database, no names of what tells of the machine. Pure.
//!
//! It is asked before the engine, which has grants, row policies and constraints of its own for the same caller
//! ([`crate::layout`]): either would have to fail for the other to matter.

mod effort;
mod names;
mod settings;

pub use settings::{Bound, PERMITTED};

use crate::engine::{Exception, Parameter, code};
use crate::statement::{clear_tokens, named_settings};
use names::Hidden;

/// The settings of a URL or form: those that may be named, with values that cost nothing more. A deadline beyond the longest
/// is lowered to it, as clients send their own.
pub fn permit_settings(settings: &mut [(String, String)]) -> Result<(), Exception> {
    settings.iter_mut().try_for_each(|(name, value)| {
        if let Some(lowered) = settings::lowered(name, value) {
            *value = lowered;
        }
        settings::check(name, value)
    })
}

/// A statement's text and the values that stand for names in it.
pub fn check_statement(text: &[u8], parameters: &[Parameter]) -> Result<(), Exception> {
    let unclear = |why| {
        let message = format!("Syntax error: without the password a statement must be clear, but {why}");
        Exception::new(code::SYNTAX_ERROR, "SYNTAX_ERROR", message)
    };
    let tokens = clear_tokens(text).map_err(unclear)?;
    for (name, value) in named_settings(text, &tokens).map_err(unclear)? {
        settings::check(&name, &value)?;
    }
    if effort::joins_too_many(text, &tokens) {
        let message = "Too many tables are joined: the password takes more";
        return Err(Exception::new(code::TOO_MANY_TABLES, "TOO_MANY_TABLES", message));
    }
    if effort::explains_unchecked(text, &tokens) {
        let message =
            "Not enough privileges: without the password EXPLAIN shows plans, pipelines and estimates";
        return Err(Exception::new(code::ACCESS_DENIED, "ACCESS_DENIED", message));
    }
    match names::hidden(text, &tokens, parameters) {
        None => Ok(()),
        Some(Hidden(name)) => {
            let message = format!("Not enough privileges: '{name}' takes the password");
            Err(Exception::new(code::ACCESS_DENIED, "ACCESS_DENIED", message))
        }
    }
}

/// The database of a request: the store's own, or one that holds nothing.
pub fn check_database(asked: Option<&str>, own: &str) -> Result<(), Exception> {
    match asked {
        None => Ok(()),
        Some(asked) if asked == own || ["default", "system"].contains(&asked) => Ok(()),
        Some(asked) => {
            let message = format!("Database {} does not exist", asked.escape_default());
            Err(Exception::new(code::UNKNOWN_DATABASE, "UNKNOWN_DATABASE", message))
        }
    }
}

#[cfg(test)]
mod a_reader {
    use super::*;

    fn verdict(sql: &str) -> Result<(), i32> {
        check_statement(sql.as_bytes(), &[]).map_err(|exception| exception.code)
    }

    #[test]
    fn names_listed_settings_only() {
        for (sql, verdict_of) in [
            ("SELECT 1", Ok(())),
            ("SELECT 1 SETTINGS max_threads = 2, extremes = 1", Ok(())),
            ("SELECT 1 SETTINGS max_threads = 2000", Err(452)),
            ("SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)", Err(164)),
            ("SELECT 1 SETTINGS max_execution_time = 100", Err(452)),
            ("SELECT 1 SETTINGS max_execution_time = DEFAULT", Err(62)),
        ] {
            assert_eq!(verdict(sql), verdict_of, "{sql}");
        }
        let mut settings =
            [("max_execution_time", "0"), ("max_execution_time", "3605"), ("max_execution_time", "7")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
        permit_settings(&mut settings).expect("lowered");
        assert_eq!(settings.map(|(_, value)| value), ["60", "60", "7"]);
    }

    #[test]
    fn is_told_the_setting_in_one_sentence() {
        let refused = settings::check("max_memory_usage", "0").expect_err("not listed");
        assert!(
            refused.text.contains("'max_memory_usage'") && refused.text.matches(". ").count() == 2,
            "{refused}"
        );
    }

    #[test]
    fn has_one_database() {
        for (asked, allowed) in [
            (None, true),
            (Some("store"), true),
            (Some("default"), true),
            (Some("store_other"), false),
            (Some("Store"), false),
        ] {
            assert_eq!(check_database(asked, "store").is_ok(), allowed, "{asked:?}");
        }
    }
}
