//! Where an INSERT's data begins. Pure.
//!
//! Follows ClickHouse's own rule: data starts right after VALUES; after `FORMAT name` blanks and one line end are skipped
//! first. An INSERT … SELECT, or one that ClickHouse would refuse, is left to the engine.

use super::{Kind, Token, Tokens};

/// An INSERT that carries data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insert {
    /// The statement up to its VALUES or FORMAT: this long.
    pub head: usize,
    /// The data's format.
    pub format: String,
    /// Where the data begins, at most the text's length.
    pub data: usize,
}

/// Reads an INSERT that carries data; nothing for any other statement.
pub fn insert(text: &[u8]) -> Option<Insert> {
    let mut tokens = Tokens::new(text).peekable();
    tokens.next().filter(|token| token.is_word(text, "INSERT"))?;
    tokens.next_if(|token| token.is_word(text, "INTO"));
    tokens.next_if(|token| token.is_word(text, "TABLE"));
    if tokens.next_if(|token| token.is_word(text, "FUNCTION")).is_some() {
        name(text, &mut tokens)?;
        group(text, &mut tokens)?;
    } else {
        name(text, &mut tokens)?;
        while tokens.next_if(|token| token.is_symbol(text, b'.')).is_some() {
            name(text, &mut tokens)?;
        }
        if tokens.peek().is_some_and(|token| token.is_symbol(text, b'(')) {
            group(text, &mut tokens)?;
        }
    }
    // What may stand before the data: PARTITION BY … of a function, SETTINGS …
    loop {
        let token = tokens.next()?;
        match token.kind {
            Kind::Unfinished => return None,
            Kind::Word if token.is_word(text, "VALUES") => {
                return Some(Insert { head: token.start, format: "Values".into(), data: token.end });
            }
            Kind::Word if token.is_word(text, "FORMAT") => {
                let format = tokens.next().filter(|format| format.kind == Kind::Word)?;
                let data = skip_line_end(text, format.end);
                // ClickHouse takes `;` here for a mistake, and says so: left to it.
                let ends_early = text[data..].iter().find(|b| !b.is_ascii_whitespace()) == Some(&b';');
                let format = String::from_utf8_lossy(format.of(text)).into_owned();
                return (!ends_early).then_some(Insert { head: token.start, format, data });
            }
            Kind::Word
                if ["SELECT", "WITH", "FROM", "WATCH"].iter().any(|word| token.is_word(text, word)) =>
            {
                return None;
            }
            Kind::Symbol if text[token.start] == b'(' => skip_group(text, &mut tokens)?,
            Kind::Symbol if text[token.start] == b';' => return None,
            _ => {}
        }
    }
}

type Peekable<'t> = std::iter::Peekable<Tokens<'t>>;

/// A table's or function's name: an identifier, or a `{parameter:Identifier}`.
fn name(text: &[u8], tokens: &mut Peekable<'_>) -> Option<()> {
    let token = tokens.next()?;
    match token.kind {
        Kind::Word | Kind::Quoted => Some(()),
        Kind::Symbol if text[token.start] == b'{' => {
            tokens.find(|token| token.is_symbol(text, b'}'))?;
            Some(())
        }
        _ => None,
    }
}

/// A group in parentheses that is no subquery.
fn group(text: &[u8], tokens: &mut Peekable<'_>) -> Option<()> {
    tokens.next().filter(|token| token.is_symbol(text, b'('))?;
    if tokens.peek().is_some_and(|token| token.is_word(text, "SELECT") || token.is_word(text, "WITH")) {
        return None;
    }
    skip_group(text, tokens)
}

/// Skips to the end of a group whose opening parenthesis has been read.
fn skip_group(text: &[u8], tokens: &mut Peekable<'_>) -> Option<()> {
    let mut depth = 1_u32;
    while depth > 0 {
        let token: Token = tokens.next()?;
        match token.kind {
            Kind::Unfinished => return None,
            Kind::Symbol if text[token.start] == b'(' => depth += 1,
            Kind::Symbol if text[token.start] == b')' => depth -= 1,
            _ => {}
        }
    }
    Some(())
}

/// Blanks on the line, then its end: what stands between a format's name and its data.
fn skip_line_end(text: &[u8], from: usize) -> usize {
    let blanks = text[from..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\x0c')).count();
    let mut at = from + blanks;
    if text.get(at) == Some(&b'\r') && text.get(at + 1) == Some(&b'\n') {
        at += 1;
    }
    if text.get(at) == Some(&b'\n') {
        at += 1;
    }
    at
}

#[cfg(test)]
mod an_insert {
    use super::*;

    fn split(text: &str) -> Option<(String, String, String)> {
        let found = insert(text.as_bytes())?;
        Some((text[..found.head].trim().to_owned(), found.format, text[found.data..].to_owned()))
    }

    fn parts(head: &str, format: &str, data: &str) -> (String, String, String) {
        (head.to_owned(), format.to_owned(), data.to_owned())
    }

    #[test]
    fn is_split_before_its_data() {
        for (text, expected) in [
            ("INSERT INTO t FORMAT CSV", parts("INSERT INTO t", "CSV", "")),
            ("INSERT INTO t FORMAT CSV\n1,2", parts("INSERT INTO t", "CSV", "1,2")),
            ("INSERT INTO t FORMAT CSV \r\n\n1,2", parts("INSERT INTO t", "CSV", "\n1,2")),
            ("insert into `t`(`a`,`b`) format RowBinary", parts("insert into `t`(`a`,`b`)", "RowBinary", "")),
            (
                "INSERT INTO d.t (a) SETTINGS x='FORMAT y', z=1 FORMAT JSONEachRow {\"a\":1}",
                parts("INSERT INTO d.t (a) SETTINGS x='FORMAT y', z=1", "JSONEachRow", "{\"a\":1}"),
            ),
            ("INSERT INTO t VALUES (1),(2)", parts("INSERT INTO t", "Values", " (1),(2)")),
            ("INSERT INTO t (a) VALUES(1);", parts("INSERT INTO t (a)", "Values", "(1);")),
            ("INSERT INTO values VALUES (1)", parts("INSERT INTO values", "Values", " (1)")),
            ("INSERT INTO format FORMAT format", parts("INSERT INTO format", "format", "")),
            ("INSERT INTO `FORMAT x` FORMAT TSV", parts("INSERT INTO `FORMAT x`", "TSV", "")),
            (
                "INSERT INTO FUNCTION null('a Int') FORMAT CSV",
                parts("INSERT INTO FUNCTION null('a Int')", "CSV", ""),
            ),
            ("INSERT /* FORMAT */ INTO TABLE {t:Identifier} FORMAT TSV", {
                parts("INSERT /* FORMAT */ INTO TABLE {t:Identifier}", "TSV", "")
            }),
            ("INSERT INTO t (* EXCEPT(b)) FORMAT CSV", parts("INSERT INTO t (* EXCEPT(b))", "CSV", "")),
        ] {
            assert_eq!(split(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn is_left_to_the_engine_when_it_carries_no_data() {
        for text in [
            "INSERT INTO t SELECT 1",
            "INSERT INTO t (a) WITH 1 AS x SELECT x",
            "INSERT INTO t (SELECT 1)",
            "INSERT INTO t SELECT * FROM u FORMAT CSV",
            "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
            "INSERT INTO t FORMAT CSV;",
            "INSERT INTO t (a",
            "INSERT INTO t",
            "INSERT",
            "SELECT 1",
            "",
        ] {
            assert_eq!(split(text), None, "{text}");
        }
    }
}
