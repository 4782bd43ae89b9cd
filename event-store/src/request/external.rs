//! External tables: data that a request brings along, which its statement reads as tables. Pure.
//!
//! Only names and types come out of a description, never an expression: a default could compute or read something, and
//! whoever may only read brings tables too.

use crate::engine::{Exception, code};
use crate::statement::{Kind, Token, Tokens};

/// One table.
#[derive(Clone, PartialEq, Eq)]
pub struct ExternalTable {
    /// Its name, an identifier.
    pub name: String,
    /// The format of its data.
    pub format: String,
    /// Its data.
    pub data: Vec<u8>,
    columns: String,
}

impl std::fmt::Debug for ExternalTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExternalTable").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Whether a parameter of this name tells something of an external table.
pub(super) fn describes(parameter: &str) -> bool {
    ["_format", "_types", "_structure"].iter().any(|end| parameter.ends_with(end))
}

impl ExternalTable {
    /// A table of this name and data, as the parameters `NAME_format`, and `NAME_structure` or `NAME_types`, describe it.
    pub(super) fn new(
        name: String,
        data: Vec<u8>,
        descriptions: &[(String, String)],
    ) -> Result<Self, Exception> {
        if !super::is_name(&name) {
            return Err(refused(&name, "its name is no identifier"));
        }
        let told = |what: &str| {
            let described = descriptions.iter().rev();
            described.clone().find(|(of, _)| of.strip_prefix(&name) == Some(what)).map(|(_, value)| value)
        };
        let columns = match (told("_structure"), told("_types")) {
            (Some(structure), _) => columns(structure, true),
            (None, Some(types)) => columns(types, false),
            (None, None) => return Err(refused(&name, "neither its structure nor its types are given")),
        };
        let columns =
            columns.ok_or_else(|| refused(&name, "its columns must be names and types, or types"))?;
        let format = told("_format").map_or("TabSeparated", String::as_str).to_owned();
        Ok(Self { name, format, data, columns })
    }

    /// The statement that makes the table.
    pub fn create(&self) -> String {
        format!("CREATE TEMPORARY TABLE `{}` ({}) ENGINE = Memory", self.name, self.columns)
    }

    /// The statement that takes its data, which is given apart.
    pub fn insert(&self) -> String {
        format!("INSERT INTO `{}`", self.name)
    }
}

fn refused(name: &str, why: &str) -> Exception {
    let message = format!("External table '{}': {why}", name.escape_default());
    Exception::new(code::BAD_ARGUMENTS, "BAD_ARGUMENTS", message)
}

/// Columns as CREATE wants them, from `name Type, …` or (as `_1`, `_2`, …) from `Type, …`; nothing when there is more.
fn columns(text: &str, named: bool) -> Option<String> {
    let bytes = text.as_bytes();
    let mut tokens = Tokens::new(bytes).peekable();
    let mut columns = Vec::new();
    loop {
        let name = if named {
            let name = tokens.next().filter(|token| matches!(token.kind, Kind::Word | Kind::Quoted))?;
            text.get(name.start..name.end)?.to_owned()
        } else {
            format!("_{}", columns.len() + 1)
        };
        let first = tokens.next().filter(|token| token.kind == Kind::Word)?;
        let mut end = first.end;
        if tokens.peek().is_some_and(|token| token.is_symbol(bytes, b'(')) {
            end = end_of_group(bytes, &mut tokens)?;
        }
        columns.push(format!("{name} {}", text.get(first.start..end)?));
        match tokens.next() {
            None => return Some(columns.join(", ")),
            Some(token) if token.is_symbol(bytes, b',') => {}
            Some(_) => return None,
        }
    }
}

/// Where the group ends that the next token opens.
fn end_of_group(text: &[u8], tokens: &mut impl Iterator<Item = Token>) -> Option<usize> {
    let mut depth = 0_u32;
    for token in tokens {
        match token.kind {
            Kind::Unfinished => return None,
            Kind::Symbol if text[token.start] == b'(' => depth += 1,
            Kind::Symbol if text[token.start] == b')' => depth = depth.checked_sub(1)?,
            Kind::Symbol if !matches!(text[token.start], b',' | b'=' | b'-' | b'.') => return None,
            _ => {}
        }
        if depth == 0 {
            return Some(token.end);
        }
    }
    None
}

#[cfg(test)]
mod an_external_table {
    use super::*;
    use proptest::prelude::*;

    fn created(parameter: &str, description: &str) -> Result<String, i32> {
        let described = [(parameter.to_owned(), description.to_owned())];
        ExternalTable::new("t".into(), Vec::new(), &described)
            .map(|table| table.create())
            .map_err(|exception| exception.code)
    }

    #[test]
    fn has_names_and_types() {
        for (parameter, description, columns) in [
            ("t_structure", "a UInt8", "a UInt8"),
            ("t_structure", "a UInt8,b String", "a UInt8, b String"),
            (
                "t_structure",
                "`a b` DateTime64(3, 'UTC'), c Enum8('x' = -1, ')' = 2)",
                "`a b` DateTime64(3, 'UTC'), c Enum8('x' = -1, ')' = 2)",
            ),
            (
                "t_structure",
                "m Map(LowCardinality(String), Array(UInt8))",
                "m Map(LowCardinality(String), Array(UInt8))",
            ),
            ("t_types", "UInt8,Nullable(String)", "_1 UInt8, _2 Nullable(String)"),
        ] {
            let expected = format!("CREATE TEMPORARY TABLE `t` ({columns}) ENGINE = Memory");
            assert_eq!(created(parameter, description), Ok(expected));
        }
    }

    #[test]
    fn has_nothing_else() {
        for (parameter, description) in [
            ("t_structure", ""),
            ("t_structure", "a"),
            ("t_structure", "a UInt8,"),
            ("t_structure", "a UInt8 DEFAULT 1"),
            ("t_structure", "a MATERIALIZED file('x')"),
            ("t_structure", "a UInt8) ENGINE = Log --"),
            ("t_structure", "a UInt8; DROP TABLE t"),
            ("t_structure", "a Enum8('x' = 1"),
            ("t_structure", "a Tuple({p:Identifier} UInt8)"),
            ("t_structure", "a 'x"),
            ("t_types", "a UInt8"),
            ("u_structure", "a UInt8"),
        ] {
            assert_eq!(created(parameter, description), Err(36), "{parameter}={description}");
        }
        let described = [("t`_types".to_owned(), "UInt8".to_owned())];
        assert!(ExternalTable::new("t`".into(), Vec::new(), &described).is_err());
    }

    proptest! {
        #[test]
        fn never_ends_its_list_of_columns(text in "((a|b|UInt8|Enum8|\\(|\\)|'|`|\"|;|--|/\\*|\\*/|#|=|,|\\\\|DEFAULT|\n|\\$x\\$) ?){0,16}") {
            if let Ok(sql) = created("t_structure", &text) {
                let bytes = sql.as_bytes();
                let tokens: Vec<_> = Tokens::new(bytes).collect();
                let close = tokens.len() - 4;
                let mut depth = 0;
                for (at, token) in tokens.iter().enumerate().skip(4) {
                    depth += i32::from(token.is_symbol(bytes, b'(')) - i32::from(token.is_symbol(bytes, b')'));
                    prop_assert!(token.kind != Kind::Unfinished);
                    prop_assert_eq!(depth <= 0, at >= close, "{}", sql);
                }
            }
        }
    }
}
