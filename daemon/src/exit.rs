//! How a program ends: the code, and one sentence on standard error. Decides nothing about when.

use std::fmt::{self, Display};
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::trace;

/// The configuration or the command line is wrong: `EX_USAGE` of sysexits.h.
pub const USAGE: u8 = 64;
const FAILURE: u8 = 1;

/// Why a program ends before its work is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    code: u8,
    text: String,
}

impl Exit {
    /// What was configured or typed is wrong; nothing was changed.
    pub fn usage(sentence: impl Display) -> Self {
        Self::with_code(USAGE, sentence)
    }

    /// Something failed.
    pub fn failure(sentence: impl Display) -> Self {
        Self::with_code(FAILURE, sentence)
    }

    /// With a code that means something to the caller.
    pub fn with_code(code: u8, sentence: impl Display) -> Self {
        Self { code, text: sentence.to_string() }
    }

    /// The process's exit code.
    pub fn code(&self) -> u8 {
        self.code
    }
}

impl Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<anyhow::Error> for Exit {
    fn from(error: anyhow::Error) -> Self {
        Self::failure(format_args!("{error:#}"))
    }
}

impl From<clap::Error> for Exit {
    /// Help and the version, where they were asked for, end with 0. A mistake is one sentence.
    fn from(error: clap::Error) -> Self {
        if !error.use_stderr() {
            return Self::with_code(0, error);
        }
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            return Self::usage(format_args!("a subcommand is needed\n\n{error}"));
        }
        let text = error.to_string();
        let end =
            ["\n\nUsage:", "\n\nFor more information"].into_iter().filter_map(|end| text.find(end)).min();
        let sentence = text[..end.unwrap_or(text.len())].trim_start_matches("error: ");
        Self::usage(sentence.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// The command line of this process.
///
/// # Errors
/// [`Exit`] with 64 and a sentence, or with 0 and the text of help or version.
pub fn arguments<T: Parser>() -> Result<T, Exit> {
    T::try_parse().map_err(Exit::from)
}

/// What `main` returns: prints `program: sentence` to standard error unless all went well; as JSON where the program logs JSON.
pub fn report(program: &str, outcome: Result<(), Exit>) -> ExitCode {
    let Err(Exit { code, text }) = outcome else { return ExitCode::SUCCESS };
    // Who closed our output has decided not to read this: that must not become a panic and another code.
    let _unread =
        if code == 0 { write!(std::io::stdout(), "{text}") } else { trace::last_sentence(program, &text) };
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "thing", version)]
    struct Arguments {
        #[arg(long)]
        config: String,
        #[arg(long)]
        number: Option<u8>,
    }

    fn mistaken(arguments: &[&str]) -> Exit {
        Arguments::try_parse_from([&["thing"], arguments].concat()).expect_err("refused").into()
    }

    #[test]
    fn a_mistyped_command_line_is_one_sentence_and_64() {
        for (arguments, part) in [
            (&["--config"][..], "--config <CONFIG>"),
            (&[], "--config <CONFIG>"),
            (&["--config", "x", "--number", "900"], "900 is not in 0..=255"),
            (&["--confog", "x"], "'--confog'"),
        ] {
            let exit = mistaken(arguments);
            assert_eq!(exit.code(), USAGE);
            let sentence = exit.to_string();
            assert!(sentence.contains(part) && !sentence.contains('\n'), "{sentence:?}");
            assert!(!sentence.contains("Usage"), "{sentence:?}");
        }
    }

    #[test]
    fn help_and_version_are_no_mistake() {
        assert_eq!(mistaken(&["--help"]).code(), 0);
        assert!(mistaken(&["--version"]).to_string().starts_with("thing "));
    }

    #[test]
    fn a_failure_tells_its_causes() {
        let exit = Exit::from(anyhow::anyhow!("no room").context("the journal"));
        assert_eq!((exit.code(), exit.to_string().as_str()), (1, "the journal: no room"));
    }
}
