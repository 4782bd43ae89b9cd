//! Rust source with comments and literals blanked out, so that a rule never mistakes a sentence for code. Lines are kept.

/// The source with every character of a comment, string or character literal replaced by a space.
pub(super) fn bare(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skip(&chars, at);
        if end > at {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// Where the comment or literal that begins at `at` ends; `at` itself when none begins there.
fn skip(chars: &[char], at: usize) -> usize {
    let next = |offset: usize| chars.get(at + offset).copied().unwrap_or('\0');
    match chars[at] {
        '/' if next(1) == '/' => {
            chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |length| at + length)
        }
        '/' if next(1) == '*' => block_comment(chars, at),
        '"' => string(chars, at),
        '\'' => character(chars, at),
        'r' | 'b' | 'c' if !is_word(at.checked_sub(1).map_or(' ', |before| chars[before])) => {
            prefixed(chars, at)
        }
        _ => at,
    }
}

fn block_comment(chars: &[char], at: usize) -> usize {
    let (mut depth, mut here) = (0, at);
    while here < chars.len() {
        match (chars[here], chars.get(here + 1)) {
            ('/', Some('*')) => (depth, here) = (depth + 1, here + 2),
            ('*', Some('/')) => (depth, here) = (depth - 1, here + 2),
            _ => here += 1,
        }
        if depth == 0 {
            return here;
        }
    }
    chars.len()
}

fn string(chars: &[char], at: usize) -> usize {
    let mut here = at + 1;
    while here < chars.len() {
        match chars[here] {
            '\\' => here += 2,
            '"' => return here + 1,
            _ => here += 1,
        }
    }
    chars.len()
}

/// A character literal; a lifetime is none.
fn character(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => chars
            .iter()
            .skip(at + 3)
            .position(|c| *c == '\'')
            .map_or(chars.len(), |length| at + 3 + length + 1),
        (Some(_), Some('\'')) => at + 3,
        _ => at,
    }
}

/// `r"…"`, `r#"…"#`, `b"…"`, `br#"…"#`, `b'x'`, `c"…"`.
fn prefixed(chars: &[char], at: usize) -> usize {
    let mut here = at;
    while chars.get(here).is_some_and(|c| "rbc".contains(*c)) && here < at + 2 {
        here += 1;
    }
    let raw = chars[at..here].contains(&'r');
    let hashes = chars[here..].iter().take_while(|c| **c == '#').count();
    match chars.get(here + hashes) {
        Some('"') if raw => {
            let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            let body = here + hashes + 1;
            let length = chars[body..].windows(close.len()).position(|window| window == close);
            length.map_or(chars.len(), |length| body + length + close.len())
        }
        Some('"') if hashes == 0 => string(chars, here),
        Some('\'') if hashes == 0 && chars[at] == 'b' => character(chars, here),
        _ => at,
    }
}

/// Whether a character can stand in an identifier.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Line numbers, from 1, on which a word stands alone.
pub(super) fn lines_with_word<'a>(bare: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let has = move |line: &str| {
        line.match_indices(word).any(|(at, _)| {
            !line[..at].chars().next_back().is_some_and(is_word)
                && !line[at + word.len()..].chars().next().is_some_and(is_word)
        })
    };
    bare.lines().enumerate().filter(move |(_, line)| has(line)).map(|(index, _)| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_vanish_and_lines_stay() {
        for (source, expected) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("x \" y") g"#, r"f(        ) g"),
            ("f(r#\"a \" b\"#) g", "f(          ) g"),
            ("f('\\'', 'x', b'y') g", "f(    ,    ,     ) g"),
            ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
            ("r#type b c", "r#type b c"),
            ("barb\"x\"", "barb   "),
            ("'\\u{1F600}' x", "            x"),
            ("\"never closed", "             "),
        ] {
            assert_eq!(bare(source), expected, "{source}");
        }
    }

    #[test]
    fn rubbish_never_breaks_it() {
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..2000 {
            let mut text = String::new();
            for _ in 0..40 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                text.push(['"', '\'', '\\', '/', '*', '#', 'r', 'b', '\n', 'x', 'é'][(seed % 11) as usize]);
            }
            let bare = bare(&text);
            assert_eq!(bare.lines().count(), text.lines().count(), "{text:?}");
            assert_eq!(bare.chars().count(), text.chars().count(), "{text:?}");
        }
    }

    #[test]
    fn a_word_is_found_only_alone() {
        assert_eq!(lines_with_word("unsafe_code\nx unsafe {\nnunsafe", "unsafe").collect::<Vec<_>>(), [2]);
    }
}
