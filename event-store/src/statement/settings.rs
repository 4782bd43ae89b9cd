//! The settings that a statement names itself, at any depth of nesting. Pure.
//!
//! Whoever has no password may name few settings, so nothing that the engine would take for one may be overlooked: where this
//! reading and the engine's could differ, the statement is refused as unclear rather than read. Keywords are bare words of ASCII
//! for the engine; what it alone takes for blanks, quotes or dashes (in UTF-8), heredocs and hexadecimal strings are such
//! differences. What stands in a string is no part of the statement: see `crate::layout` for what keeps the engine from
//! running strings.

use super::{Kind, Token, Tokens};

/// A setting and the value that it gets, as both are written, without quotes.
pub type NamedSetting = (String, String);

/// Why a statement cannot be read with certainty, as a part of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unclear(&'static str);

/// The tokens of a text that leaves no doubt where each begins and ends.
pub fn clear_tokens(text: &[u8]) -> Result<Vec<Token>, Unclear> {
    if text.contains(&0) {
        return Err(Unclear("it holds a zero byte"));
    }
    let tokens: Vec<Token> = Tokens::new(text).collect();
    for (at, token) in tokens.iter().enumerate() {
        let bytes = token.of(text);
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        match token.kind {
            Kind::Unfinished => return Err(Unclear("a quote or a comment never ends")),
            Kind::Text if bytes[0] == b'$' => return Err(Unclear("it holds a heredoc")),
            Kind::Text | Kind::Quoted
                if before.is_some_and(|before| {
                    before.end == token.start && matches!(before.kind, Kind::Word | Kind::Number)
                }) =>
            {
                return Err(Unclear("a quote follows a word without a blank"));
            }
            Kind::Quoted if bytes.contains(&b'\\') => {
                return Err(Unclear("a quoted name holds a backslash"));
            }
            Kind::Word | Kind::Symbol if bytes.iter().any(|b| !b.is_ascii() || *b == b'$') => {
                return Err(Unclear("outside of quotes it is not plain ASCII"));
            }
            Kind::Number if !bytes.iter().all(|b| b.is_ascii_hexdigit() || b"xXpP._".contains(b)) => {
                return Err(Unclear("a number holds letters"));
            }
            _ => {}
        }
    }
    Ok(tokens)
}

/// The settings that a statement of [`clear_tokens`] names.
pub fn named_settings(text: &[u8], tokens: &[Token]) -> Result<Vec<NamedSetting>, Unclear> {
    let mut named = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        if !token.is_word(text, "SETTINGS") || !is_clause(text, tokens, at - 1)? {
            continue;
        }
        loop {
            let (setting, after) = pair(text, &tokens[at..])?;
            named.push(setting);
            at += after;
            if !tokens.get(at).is_some_and(|token| token.is_symbol(text, b',')) {
                break;
            }
            at += 1;
        }
        let ends = tokens.get(at).is_none_or(|token| {
            token.is_symbol(text, b')')
                || token.is_symbol(text, b';')
                || ["FORMAT", "UNION", "INTERSECT", "EXCEPT", "INTO"]
                    .iter()
                    .any(|word| token.is_word(text, word))
        });
        if !ends {
            return Err(Unclear("after its settings stands something else"));
        }
    }
    Ok(named)
}

/// Whether the word SETTINGS at `at` begins a list of settings, rather than naming a table, a column or what SHOW shows.
fn is_clause(text: &[u8], tokens: &[Token], at: usize) -> Result<bool, Unclear> {
    let before = at.checked_sub(1).map(|before| &tokens[before]);
    // After a dot it is the second part of a name.
    if before.is_some_and(|before| before.is_symbol(text, b'.')) {
        return Ok(false);
    }
    let shown =
        tokens[0].is_word(text, "SHOW") && (at == 1 || (at == 2 && tokens[1].is_word(text, "CHANGED")));
    if shown {
        return Ok(false);
    }
    match tokens.get(at + 1) {
        // A list begins with a name.
        None => Err(Unclear("it ends in SETTINGS")),
        Some(next) if [b'[', b',', b')', b'.', b';', b'='].iter().any(|end| next.is_symbol(text, *end)) => {
            Ok(false)
        }
        Some(next) if next.kind == Kind::Word => Ok(true),
        Some(_) => Err(Unclear("after SETTINGS stands no plain name")),
    }
}

/// `name = value`, and how many tokens it takes.
fn pair(text: &[u8], tokens: &[Token]) -> Result<(NamedSetting, usize), Unclear> {
    let name = tokens.first().filter(|name| name.kind == Kind::Word);
    let name = name.ok_or(Unclear("a setting has no plain name"))?;
    if !tokens.get(1).is_some_and(|equals| equals.is_symbol(text, b'=')) {
        return Err(Unclear("a setting has no value after an equals sign"));
    }
    let written = |token: &Token| String::from_utf8_lossy(token.of(text)).into_owned();
    let unclear = Unclear("a setting's value is neither a number nor plain text");
    let (value, length) = match tokens.get(2) {
        Some(value) if value.kind == Kind::Number => (written(value), 3),
        Some(value) if value.is_symbol(text, b'-') => {
            let number = tokens.get(3).filter(|number| number.kind == Kind::Number).ok_or(unclear)?;
            (format!("-{}", written(number)), 4)
        }
        Some(value) if value.is_word(text, "true") || value.is_word(text, "false") => (written(value), 3),
        Some(value) if value.kind == Kind::Text => {
            let inside = &text[value.start + 1..value.end - 1];
            if inside.iter().any(|b| matches!(b, b'\\' | b'\'')) {
                return Err(unclear);
            }
            (String::from_utf8_lossy(inside).into_owned(), 3)
        }
        _ => return Err(unclear),
    };
    Ok(((written(name), value), length))
}

#[cfg(test)]
mod settings_of_a_statement {
    use super::*;
    use proptest::prelude::*;

    fn named(text: &str) -> Result<Vec<NamedSetting>, Unclear> {
        named_settings(text.as_bytes(), &clear_tokens(text.as_bytes())?)
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<NamedSetting> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn are_found_at_any_depth() {
        for (text, expected) in [
            ("SELECT 1", pairs(&[])),
            ("SELECT 1 SETTINGS a = 1", pairs(&[("a", "1")])),
            ("SELECT 1 settings a=1,b='x' FORMAT JSON", pairs(&[("a", "1"), ("b", "x")])),
            ("SELECT 1 /* x */ SETTINGS -- y\n a = -2;", pairs(&[("a", "-2")])),
            ("SELECT 1 SETTINGS// y\n a = 2 // '\n, b = 3", pairs(&[("a", "2"), ("b", "3")])),
            (
                "SELECT * FROM (SELECT 1 SETTINGS a = 1) WHERE x IN (SELECT 2 SETTINGS b = true) SETTINGS c = 3",
                pairs(&[("a", "1"), ("b", "true"), ("c", "3")]),
            ),
            ("WITH x AS (SELECT 1 SETTINGS a = 1) SELECT * FROM view(SELECT 1 SETTINGS b = 2), x", {
                pairs(&[("a", "1"), ("b", "2")])
            }),
            ("SELECT 1 SETTINGS a = 1 UNION ALL SELECT 2 SETTINGS b = 2", pairs(&[("a", "1"), ("b", "2")])),
            ("EXPLAIN SELECT 1 SETTINGS a = 1", pairs(&[("a", "1")])),
            ("SELECT name FROM system.settings WHERE name = 'x'", pairs(&[])),
            ("SELECT Settings['x'], `settings` FROM t", pairs(&[])),
            ("SHOW SETTINGS LIKE 'max%'", pairs(&[])),
            ("SHOW CHANGED SETTINGS ILIKE 'max%'", pairs(&[])),
            ("SELECT 'SETTINGS a = 1'", pairs(&[])),
        ] {
            assert_eq!(named(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn that_could_be_read_in_two_ways_are_refused() {
        for text in [
            "SELECT 1 SETTINGS a",
            "SELECT 1 SETTINGS a = DEFAULT",
            "SELECT 1 SETTINGS a = {p:UInt8}",
            "SELECT 1 SETTINGS a = [1]",
            "SELECT 1 SETTINGS `a` = 1",
            "SELECT 1 SETTINGS \"a\" = 1",
            "SELECT 1 SETTINGS a.b = 1",
            "SELECT 1 SETTINGS a = 'it''s'",
            r"SELECT 1 SETTINGS a = '\x31'",
            "SELECT 1 SETTINGS a = 1 b = 2",
            "SELECT 1 SETTINGS a = 1, b",
            "SELECT 1 SETTINGS a = concat('x')",
            "SELECT 1 FROM settings AS s",
            "SELECT 1 SETTINGS / a = 1",
            "SELECT 1 SETTINGS # a = 1",
            "SELECT 1 SETTINGS",
            // No-break space, ideographic space, typographic quotes, the mathematical minus.
            "SELECT 1 SETTINGS\u{a0}a = 1",
            "SELECT 1\u{3000}SETTINGS\u{3000}a=1",
            "SELECT \u{2018} SETTINGS a = 1 \u{2019}",
            "SELECT 1 \u{2212}\u{2212} '\n SETTINGS a = 1 --'",
            "SELECT $ x$ ' $ x$ SETTINGS a = 1 -- '",
            "SELECT $$ SETTINGS a=1 $$",
            r"SELECT x'\' SETTINGS a = 1 -- '",
            "SELECT 1.SETTINGS a = 1",
            "SELECT x.1.SETTINGS a = 1",
            "SELECT 1\0 SETTINGS a = 1",
            "SELECT 'x",
            r"SELECT `a\`` SETTINGS b = 1",
        ] {
            assert!(named(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn are_read_from_any_bytes(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(tokens) = clear_tokens(&text) {
                let _ = named_settings(&text, &tokens);
            }
        }

        /// Outside of strings, quoted names and comments no SETTINGS is passed over that a name follows.
        #[test]
        fn are_never_passed_over(
            text in "((SELECT|SETTINGS|settings|a|b|1|=|,|\\(|\\)|'|`|\"|--|/\\*|\\*/|\\.|;|UNION|FORMAT|\\$|\\\\|\n|\u{a0}|x') ?){0,20}"
        ) {
            let bytes = text.as_bytes();
            if let Ok(tokens) = clear_tokens(bytes)
                && let Ok(named) = named_settings(bytes, &tokens)
            {
                let clauses = tokens.windows(3).enumerate().filter(|(at, three)| {
                    three[0].is_word(bytes, "settings") && three[1].kind == Kind::Word && three[2].is_symbol(bytes, b'=')
                        && (*at == 0 || !tokens[at - 1].is_symbol(bytes, b'.'))
                });
                for (_, clause) in clauses {
                    let name = String::from_utf8_lossy(clause[1].of(bytes)).into_owned();
                    prop_assert!(named.iter().any(|(found, _)| *found == name), "{}", text);
                }
            }
        }
    }
}
