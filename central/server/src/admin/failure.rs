//! How a command that was asked for JSON says why it failed: besides the sentence on standard error, one object on standard output, where
//! its result would have been. Decides nothing about codes.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

use footfall_daemon::exit::{self, Exit};

/// What `main` returns. `arguments` are those of the process: whether JSON was asked for has to be known of a line that cannot be read, too.
pub fn report(arguments: impl IntoIterator<Item = OsString>, outcome: Result<(), Exit>) -> ExitCode {
    if let Err(exit) = &outcome
        && let Some(object) = object(arguments, exit)
    {
        // Who closed our output does not want to read this either; the code tells it still.
        let _unread = writeln!(io::stdout(), "{object}");
    }
    exit::report("central", outcome)
}

/// `{"error": "sentence"}`, where JSON was asked for and something failed.
fn object(arguments: impl IntoIterator<Item = OsString>, exit: &Exit) -> Option<Value> {
    let mut words = arguments.into_iter().skip(1).take_while(|word| word != "--");
    let asked = words.any(|word| word == "--json");
    // Help that a mistake brings with it stands below the sentence.
    let sentence = exit.to_string().split("\n\n").next().unwrap_or_default().trim().to_owned();
    (asked && exit.code() != 0).then(|| json!({ "error": sentence }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str, exit: &Exit) -> Option<String> {
        object(line.split(' ').map(OsString::from), exit).map(|object| object.to_string())
    }

    #[test]
    fn a_failure_is_one_object_where_json_was_asked_for() {
        let failure = Exit::failure("there is \"no\" room");
        let expected = Some(r#"{"error":"there is \"no\" room"}"#.to_owned());
        for line in [
            "central admin website list --json",
            "central admin --json --config c user list",
            "central --json",
        ] {
            assert_eq!(told(line, &failure), expected, "{line}");
        }
        let mistake = Exit::usage("a subcommand is needed\n\nUsage: central [OPTIONS]\n\nCommands:");
        assert_eq!(
            told("central admin --json", &mistake).as_deref(),
            Some(r#"{"error":"a subcommand is needed"}"#)
        );
    }

    #[test]
    fn nothing_is_said_twice_and_help_is_no_failure() {
        for line in ["central admin website list", "central admin property set --website W -- key --json"] {
            assert_eq!(told(line, &Exit::failure("no room")), None, "{line}");
        }
        assert_eq!(told("central admin --json --help", &Exit::with_code(0, "Usage")), None);
    }
}
