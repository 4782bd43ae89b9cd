//! What a goal or a step of a funnel is recognised by. Pure.

use regex::{Regex, RegexBuilder};
use serde::Serialize;

use super::{Invalid, MatchType};

/// Most characters of a pattern.
const LONGEST: usize = 1024;
/// Most bytes that a compiled pattern, and its cache while it runs, may take. What is refused here costs nobody anything later: a pattern of
/// Rust's `regex` takes time in proportion to the text whatever it is.
const COMPILED: usize = 1 << 18;

/// A pattern that is known to be good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pattern {
    match_type: MatchType,
    value: String,
}

/// A pattern that is ready to be compared.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// Is the same.
    Equals(String),
    /// Is how it begins.
    BeginsWith(String),
    /// Is found in it.
    Regex(Regex),
}

impl Pattern {
    /// Checks it, a regular expression by compiling it within its bounds.
    pub fn new(match_type: MatchType, value: &str) -> Result<Self, Invalid> {
        if !(1..=LONGEST).contains(&value.chars().count()) {
            return Err(Invalid::Pattern(format!("it has 1 to {LONGEST} characters")));
        }
        let pattern = Self { match_type, value: value.to_owned() };
        pattern.matcher().map(|_| pattern)
    }

    /// How it is compared.
    pub fn match_type(&self) -> MatchType {
        self.match_type
    }

    /// What with.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Compiles it. What was checked once compiles again, unless a newer version of `regex` thinks otherwise.
    pub fn matcher(&self) -> Result<Matcher, Invalid> {
        let value = self.value.clone();
        Ok(match self.match_type {
            MatchType::Equals => Matcher::Equals(value),
            MatchType::BeginsWith => Matcher::BeginsWith(value),
            MatchType::Regex => {
                let built = RegexBuilder::new(&value).size_limit(COMPILED).dfa_size_limit(COMPILED).build();
                // Several lines that point at the location; the last one says what it is.
                let reason = |error: regex::Error| {
                    let text = error.to_string();
                    Invalid::Pattern(text.lines().last().unwrap_or_default().trim().to_owned())
                };
                Matcher::Regex(built.map_err(reason)?)
            }
        })
    }
}

impl Matcher {
    /// Whether `text` is what was meant.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Equals(value) => text == value,
            Self::BeginsWith(value) => text.starts_with(value.as_str()),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_kind_compares_in_its_way() {
        for (kind, value, text, is) in [
            (MatchType::Equals, "/thanks", "/thanks", true),
            (MatchType::Equals, "/thanks", "/thanks/", false),
            (MatchType::BeginsWith, "/shop/", "/shop/cart", true),
            (MatchType::BeginsWith, "/shop/", "/shop", false),
            (MatchType::Regex, "^/order/[0-9]+$", "/order/17", true),
            (MatchType::Regex, "^/order/[0-9]+$", "/order/x", false),
        ] {
            let matcher = Pattern::new(kind, value).and_then(|pattern| pattern.matcher()).expect("good");
            assert_eq!(matcher.matches(text), is, "{kind} {value} {text}");
        }
    }

    #[test]
    fn a_pattern_that_would_grow_is_refused_before_it_is_kept() {
        let long = "x".repeat(1025);
        for (kind, value) in [
            (MatchType::Regex, "("),
            (MatchType::Regex, "a(?=b)"),
            (MatchType::Regex, "(a{1000}){1000}"),
            (MatchType::Regex, r"\pL{500}"),
            (MatchType::Equals, ""),
            (MatchType::Equals, &long),
        ] {
            let refused = Pattern::new(kind, value).expect_err(value).to_string();
            assert!(!refused.contains('\n'), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_pattern_or_refused(value in ".{0,60}", text in ".{0,60}") {
            for kind in [MatchType::Equals, MatchType::BeginsWith, MatchType::Regex] {
                if let Ok(pattern) = Pattern::new(kind, &value) {
                    let _ = pattern.matcher().expect("it compiled before").matches(&text);
                }
            }
        }
    }
}
