//! What a statement's text says about how to run it: its first word, its FORMAT, and where an INSERT's data begins. Pure.
//!
//! It decides how a statement is run, never whether: that is the engine's own parser's to say (see [`crate::access`]).

mod insert;
mod kill;
mod session;
mod settings;
mod token;

pub use insert::{Insert, insert};
pub use kill::{Named, kills_by_query_id, with_client_query_ids};
pub use session::needs_session;
pub use settings::{NamedSetting, Unclear, clear_tokens, named_settings};
pub use token::{Kind, Token, Tokens};

/// Escapes a value for ClickHouse's quotes.
pub fn quote(sql: &mut String, value: &str, quote: char) {
    for c in value.chars() {
        match c {
            '\\' => sql.push_str("\\\\"),
            '\0' => sql.push_str("\\0"),
            c if c == quote => sql.extend(['\\', c]),
            c => sql.push(c),
        }
    }
}

/// What is known of a statement that is not a data-carrying INSERT.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// The first word in upper case, or `(`; empty when there is none.
    pub first: String,
    /// The name after the last FORMAT of the outermost level.
    pub format: Option<String>,
    /// Whether its result may end in rows that are no rows of it: totals or extremes.
    pub has_footer: bool,
    /// Whether it names a setting that frames rows which otherwise stand alone.
    pub sets_framing: bool,
    /// Whether it would write a file beside the server.
    pub writes_file: bool,
    /// Whether it would read a file beside the server as data.
    pub reads_file: bool,
    /// Whether EXPLAIN would run what it explains, or explains a change.
    pub explains_change: bool,
}

impl Shape {
    /// Whether the engine streams its result.
    pub fn is_select(&self) -> bool {
        matches!(self.first.as_str(), "SELECT" | "WITH" | "FROM" | "(")
    }
}

/// Reads a statement.
pub fn shape(text: &[u8]) -> Shape {
    let tokens: Vec<Token> = Tokens::new(text).collect();
    let mut shape = Shape::default();
    if let Some(first) = tokens.first() {
        shape.first = String::from_utf8_lossy(first.of(text)).to_ascii_uppercase();
    }
    let mut depth = 0_i32;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Symbol => match text[token.start] {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth -= 1,
                _ => {}
            },
            Kind::Word => {
                let word = token.of(text).to_ascii_lowercase();
                match word.as_slice() {
                    b"totals" | b"extremes" => shape.has_footer = true,
                    b"outfile" => shape.writes_file = true,
                    b"infile" => shape.reads_file = true,
                    b"analyze" | b"insert" if shape.first == "EXPLAIN" => shape.explains_change = true,
                    word if frames(word) => shape.sets_framing = true,
                    b"format" if depth == 0 => {
                        if let Some(name) = format_name(text, &tokens, at) {
                            shape.format = Some(name);
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    shape
}

/// Whether a setting of this name puts something around rows that otherwise stand alone.
pub fn frames(setting: &[u8]) -> bool {
    setting == b"output_format_json_array_of_rows"
}

/// The format that the word at `at` announces: a name follows, and then the end, `;`, SETTINGS or INTO.
fn format_name(text: &[u8], tokens: &[Token], at: usize) -> Option<String> {
    let before = at.checked_sub(1).map(|before| &tokens[before])?;
    if before.is_symbol(text, b'.')
        || before.is_symbol(text, b',')
        || ["FROM", "JOIN", "AS", "SELECT", "TABLE"].iter().any(|word| before.is_word(text, word))
    {
        return None;
    }
    let name = tokens.get(at + 1).filter(|name| name.kind == Kind::Word)?;
    let ends = match tokens.get(at + 2) {
        None => true,
        Some(after) => {
            after.is_symbol(text, b';') || after.is_word(text, "SETTINGS") || after.is_word(text, "INTO")
        }
    };
    ends.then(|| String::from_utf8_lossy(name.of(text)).into_owned())
}

#[cfg(test)]
mod the_shape_of_a_statement {
    use super::*;
    use proptest::prelude::*;

    fn format(text: &str) -> Option<String> {
        shape(text.as_bytes()).format
    }

    #[test]
    fn has_a_format_at_its_end_only() {
        assert_eq!(format("SELECT 1 FORMAT JSON").as_deref(), Some("JSON"));
        assert_eq!(format("select 1 format JSONEachRow settings a=1;").as_deref(), Some("JSONEachRow"));
        assert_eq!(format("SELECT 1 FORMAT TSV;").as_deref(), Some("TSV"));
        assert_eq!(format("SELECT 1 /* FORMAT CSV */ FORMAT TSV -- FORMAT XML").as_deref(), Some("TSV"));
        for text in [
            "SELECT 'FORMAT JSON'",
            "SELECT `FORMAT JSON`",
            "SELECT format FROM t",
            "SELECT a FROM format f",
            "SELECT t.format x",
            "SELECT format('{}', a)",
            "SELECT (SELECT 1 FORMAT JSON)",
        ] {
            assert_eq!(format(text), None, "{text}");
        }
    }

    #[test]
    fn says_whether_it_can_be_streamed() {
        for text in ["SELECT 1", "  /* c */ with 1 as a select a", "(SELECT 1)", "FROM t SELECT a"] {
            assert!(shape(text.as_bytes()).is_select(), "{text}");
        }
        for text in ["SHOW TABLES", "", "EXPLAIN SELECT 1", "DESCRIBE TABLE t", "INSERT INTO t SELECT 1"] {
            assert!(!shape(text.as_bytes()).is_select(), "{text}");
        }
        assert!(shape(b"SELECT a, count() FROM t GROUP BY a WITH TOTALS").has_footer);
        assert!(shape(b"SELECT 1 SETTINGS extremes = 1").has_footer);
        assert!(
            shape(b"SELECT 1 FORMAT JSONEachRow SETTINGS output_format_json_array_of_rows=1").sets_framing
        );
        assert!(!shape(b"SELECT 'totals outfile infile'").has_footer);
    }

    #[test]
    fn says_what_it_would_do_beside_the_server() {
        assert!(shape(b"SELECT 1 INTO OUTFILE 'x'").writes_file);
        assert!(shape(b"INSERT INTO t FROM INFILE 'x' FORMAT CSV").reads_file);
        assert!(shape(b"EXPLAIN ANALYZE INSERT INTO t SELECT 1").explains_change);
        assert!(!shape(b"EXPLAIN SELECT 1").explains_change);
    }

    proptest! {
        #[test]
        fn is_found_in_any_bytes(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = shape(&text);
            let _ = insert(&text);
        }

        #[test]
        fn is_found_in_any_words(
            text in "((SELECT|INSERT|INTO|FORMAT|VALUES|t|\\(|\\)|'|`|;|--|/\\*|\\*/|=|,|JSON|SETTINGS|\n) ?){0,24}"
        ) {
            let _ = shape(text.as_bytes());
            let _ = insert(text.as_bytes());
        }
    }
}
