//! Names in a statement of a caller without the password that tell of the machine, of the server, or run what stands in a
//! string. Pure.
//!
//! Tables of `system` are not here: row policies hold for them however they are named.

use crate::engine::Parameter;
use crate::statement::{Kind, Token};

/// Functions and columns that are refused wherever their name stands, as nothing else bears it.
const ANYWHERE: [&str; 18] = [
    "data_path",
    "data_paths",
    "filesystemavailable",
    "filesystemcapacity",
    "filesystemunreserved",
    "fullhostname",
    "getmacro",
    "getmaxtablenamelengthfordatabase",
    "getoskernelversion",
    "getserverport",
    "getserversetting",
    "logtrace",
    "metadata_path",
    "serveruuid",
    "tcpport",
    "zookeepersessionuptime",
    "mergetreeindex",
    "viewexplain",
];

/// Functions that are refused where they are called: a column may well be named so.
///
/// `sleep` and its like are not here: they hold a thread of the reader's own lane, for no longer than any statement may run.
const CALLED: [&str; 13] = [
    "buildid",
    "eval",
    "executable",
    "file",
    "filesystem",
    "fqdn",
    "hostname",
    "loop",
    "fuzzjson",
    "fuzzquery",
    "generaterandom",
    "null",
    "uptime",
];

/// The name that is refused, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hidden(pub(super) String);

/// The first name that a statement or a parameter's value must not hold.
pub(super) fn hidden(text: &[u8], tokens: &[Token], parameters: &[Parameter]) -> Option<Hidden> {
    let in_text = tokens.iter().enumerate().find_map(|(at, token)| {
        let name = match token.kind {
            Kind::Word => token.of(text),
            Kind::Quoted => text.get(token.start + 1..token.end - 1)?,
            _ => return None,
        };
        let name = String::from_utf8_lossy(name).into_owned();
        let lower = name.to_ascii_lowercase();
        let is_called = tokens.get(at + 1).is_some_and(|next| next.is_symbol(text, b'('));
        let refused = ANYWHERE.contains(&lower.as_str())
            || (is_called && CALLED.contains(&lower.as_str()))
            || (is_called && lower == "format" && !formats_a_pattern(text, &tokens[at + 2..]));
        refused.then_some(Hidden(name))
    });
    // A parameter of type Identifier stands for a name.
    in_text.or_else(|| {
        let values = parameters.iter().flat_map(|(_, value)| value.split(['.', '`', '"', ' ', '(']));
        values
            .filter(|part| ANYWHERE.contains(&part.to_ascii_lowercase().as_str()))
            .map(|part| Hidden(part.to_owned()))
            .next()
    })
}

/// Whether what is called is the function `format('{}…', …)` and not the table function, whose second argument may hold
/// expressions as text: no format's name has a brace in it.
fn formats_a_pattern(text: &[u8], arguments: &[Token]) -> bool {
    let is_pattern =
        arguments.first().is_some_and(|token| token.kind == Kind::Text && token.of(text).contains(&b'{'));
    is_pattern
        && arguments.get(1).is_some_and(|next| next.is_symbol(text, b',') || next.is_symbol(text, b')'))
}

#[cfg(test)]
mod a_hidden_name {
    use super::*;
    use crate::statement::clear_tokens;

    fn found(sql: &str) -> Option<String> {
        let tokens = clear_tokens(sql.as_bytes()).expect("clear");
        hidden(sql.as_bytes(), &tokens, &[]).map(|Hidden(name)| name)
    }

    #[test]
    fn is_found_wherever_it_stands() {
        for sql in [
            "SELECT getMacro('shard')",
            "SELECT `getMacro`('shard')",
            "SELECT * APPLY(getServerSetting) FROM (SELECT 'x')",
            "SELECT data_paths FROM system.tables",
            "SELECT t.\"data_paths\" FROM system.tables AS t",
            "SELECT hostName()",
            "SELECT * FROM format(Values, 'a String', '(1)')",
            "SELECT * FROM format('Values', 'a String', '(1)')",
            "SELECT * FROM format(concat('Val', 'ues'), 'a String', '(1)')",
            "SELECT * FROM format('{' || '', '(1)')",
            "SELECT file('x')",
            "SELECT * FROM `file`('x')",
            "SELECT * FROM loop(t)",
        ] {
            assert!(found(sql).is_some(), "{sql}");
        }
    }

    #[test]
    fn is_not_every_name_like_it() {
        for sql in [
            "SELECT hostname, file, uptime, format FROM t",
            "SELECT format('{}-{}', a, b) FROM t FORMAT JSON",
            "SELECT a, format('{0}', b)",
            "SELECT 'getMacro(1)'",
            "SELECT count(file), uniq(hostname) FROM t",
        ] {
            assert_eq!(found(sql), None, "{sql}");
        }
    }

    #[test]
    fn may_come_as_a_parameter() {
        let parameters = [("c".to_owned(), "tables.data_paths".to_owned())];
        assert!(hidden(b"", &[], &parameters).is_some());
        assert_eq!(hidden(b"", &[], &[("c".to_owned(), "my data".to_owned())]), None);
    }
}
