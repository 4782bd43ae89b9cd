//! ClickHouse's tokens, as far as needed to find the parts of a statement. Pure; any bytes give tokens, never a panic.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A bare word: keyword or identifier.
    Word,
    /// An identifier in backticks or double quotes.
    Quoted,
    /// A string in single quotes, or a `$tag$heredoc$tag$`.
    Text,
    /// A number.
    Number,
    /// Any other single byte.
    Symbol,
    /// A quote or comment that never ends: the text is cut short, or wrong.
    Unfinished,
}

/// A token and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its first byte.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
}

/// The tokens of a text, without blanks and comments.
#[derive(Debug, Clone)]
pub struct Tokens<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Tokens<'t> {
    /// Starts at the text's first byte.
    pub fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0 }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn left(&self) -> &'t [u8] {
        &self.text[self.at.min(self.text.len())..]
    }

    /// Skips blanks and comments. `false`: a comment does not end.
    fn skip_blanks(&mut self) -> bool {
        loop {
            let byte = self.peek(0);
            if self.at >= self.text.len() {
                return true;
            } else if byte.is_ascii_whitespace() || byte == 0x0b || byte == 0 {
                self.at += 1;
            } else if (byte == b'-' && self.peek(1) == b'-')
                || (byte == b'/' && self.peek(1) == b'/')
                || (byte == b'#' && matches!(self.peek(1), b' ' | b'!'))
            {
                let length = self.left().iter().position(|&b| b == b'\n').unwrap_or(self.left().len());
                self.at += length;
            } else if byte == b'/' && self.peek(1) == b'*' {
                let Some(length) = find(&self.left()[2..], b"*/") else {
                    return false;
                };
                self.at += length + 4;
            } else {
                return true;
            }
        }
    }

    /// The length of a quoted token that starts here, or nothing when it never ends.
    fn quoted(&self, quote: u8) -> Option<usize> {
        let text = self.left();
        let mut at = 1;
        loop {
            match *text.get(at)? {
                b'\\' => at += 2,
                byte if byte == quote && text.get(at + 1) == Some(&quote) => at += 2,
                byte if byte == quote => return Some(at + 1),
                _ => at += 1,
            }
        }
    }

    /// The length of a heredoc that starts here. `Err`: it is none.
    fn heredoc(&self) -> Result<Option<usize>, ()> {
        let text = self.left();
        let tag = 1 + text[1..].iter().take_while(|b| word(**b) && **b != b'$').count();
        if text.get(tag) != Some(&b'$') {
            return Err(());
        }
        let tag = &text[..=tag];
        Ok(find(&text[tag.len()..], tag).map(|length| length + 2 * tag.len()))
    }

    fn measure(&self) -> (Kind, Option<usize>) {
        let run = |belongs: fn(u8) -> bool| Some(self.left().iter().take_while(|b| belongs(**b)).count());
        match self.peek(0) {
            b'\'' => (Kind::Text, self.quoted(b'\'')),
            quote @ (b'`' | b'"') => (Kind::Quoted, self.quoted(quote)),
            b'$' => match self.heredoc() {
                Ok(length) => (Kind::Text, length),
                Err(()) => (Kind::Symbol, Some(1)),
            },
            byte if byte.is_ascii_digit() => (Kind::Number, run(|b| word(b) || b == b'.')),
            byte if word(byte) => (Kind::Word, run(word)),
            _ => (Kind::Symbol, Some(1)),
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let finished = self.skip_blanks();
        let start = self.at;
        if start >= self.text.len() {
            return None;
        }
        let (kind, length) = if finished { self.measure() } else { (Kind::Unfinished, None) };
        let (kind, length) = match length {
            Some(length) => (kind, length),
            None => (Kind::Unfinished, self.text.len() - start),
        };
        self.at = (start + length).min(self.text.len());
        Some(Token { kind, start, end: self.at })
    }
}

impl Token {
    /// The token's bytes.
    pub fn of<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        &text[self.start..self.end]
    }

    /// Whether it is this bare word, in any case.
    pub fn is_word(&self, text: &[u8], word: &str) -> bool {
        self.kind == Kind::Word && self.of(text).eq_ignore_ascii_case(word.as_bytes())
    }

    /// Whether it is this symbol.
    pub fn is_symbol(&self, text: &[u8], symbol: u8) -> bool {
        self.kind == Kind::Symbol && self.of(text) == [symbol]
    }
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tokens {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<(Kind, String)> {
        Tokens::new(text.as_bytes())
            .map(|token| (token.kind, String::from_utf8_lossy(token.of(text.as_bytes())).into_owned()))
            .collect()
    }

    #[test]
    fn know_strings_comments_and_identifiers() {
        let text = r#"SELECT /* 'x */ 'it''s \' -- no', `a``b`, "c\"d" -- FORMAT
            # comment
            // no FORMAT CSV
            , $q$ ' " $q$, 1.5e3 FORMAT JSON"#;
        let found: Vec<String> = words(text).into_iter().map(|(_, word)| word).collect();
        assert_eq!(
            found,
            [
                "SELECT",
                r"'it''s \' -- no'",
                ",",
                "`a``b`",
                ",",
                r#""c\"d""#,
                ",",
                r#"$q$ ' " $q$"#,
                ",",
                "1.5e3",
                "FORMAT",
                "JSON"
            ]
        );
    }

    #[test]
    fn say_when_a_quote_never_ends() {
        for text in ["SELECT 'abc", "SELECT `a", "SELECT /* x", "SELECT 'a\\", "$x$ y"] {
            assert_eq!(words(text).last().map(|(kind, _)| *kind), Some(Kind::Unfinished), "{text}");
        }
    }

    proptest! {
        #[test]
        fn cover_any_bytes_without_overlap(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut at = 0;
            for token in Tokens::new(&text) {
                prop_assert!(token.start >= at && token.end > token.start && token.end <= text.len());
                at = token.end;
            }
        }

        #[test]
        fn cover_any_quotes(text in "[a-z'`\"\\\\$/*\\-# \n(]{0,60}") {
            let mut at = 0;
            for token in Tokens::new(text.as_bytes()) {
                prop_assert!(token.start >= at && token.end > token.start && token.end <= text.len());
                at = token.end;
            }
        }
    }
}
