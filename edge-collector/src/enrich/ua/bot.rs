//! Who stands behind a user agent: a person, an automaton, or a program that people use to send events on purpose. Decides
//! nothing about what becomes of them.

use std::borrow::Cow;

use regex::bytes::{Regex, RegexBuilder};

use super::Kind;

/// Patterns of automatons, generated from a package (see `data/README.md`): a pattern, what must not stand before it, and
/// what must not follow it.
const PATTERNS: &str = include_str!("../../../data/bots.tsv");

/// Programs that people use to send events on purpose. As a visitor of pages each is a bot; as the sender of a JSON
/// event from no page it is a tool.
const TOOLS: &[&str] = &[
    "curl/",
    "wget/",
    "python-",
    "python/",
    "aiohttp/",
    "go-http-client",
    "okhttp",
    "java/",
    "apache-httpclient",
    "node-fetch",
    "axios/",
    "undici",
    "node",
    "reqwest",
    "ruby",
    "php",
    "postmanruntime",
    "httpie/",
];

/// Words of browsers that hold an automaton's: the version of the one on many televisions.
const BROWSERS: &[&str] = &["Catcher"];

/// Tells automatons from people.
pub(super) struct Bots {
    plain: Regex,
    guarded: Vec<Guarded>,
}

/// A pattern that counts only where something else does not stand around it.
struct Guarded {
    pattern: Regex,
    before: Option<Regex>,
    after: Option<Regex>,
}

impl Default for Bots {
    fn default() -> Self {
        let mut plain = Vec::new();
        let mut guarded = Vec::new();
        for line in PATTERNS.lines() {
            let mut columns = line.split('\t');
            let mut next = || columns.next().unwrap_or_default();
            match (next(), next(), next()) {
                (pattern, "", "") => plain.push(pattern),
                (pattern, before, after) => guarded.push(Guarded {
                    pattern: compile(pattern),
                    before: (!before.is_empty()).then(|| compile(&format!("(?:{before})$"))),
                    after: (!after.is_empty()).then(|| compile(&format!("^(?:{after})"))),
                }),
            }
        }
        Self { plain: compile(&plain.join("|")), guarded }
    }
}

/// Bytes and ASCII, as the patterns were written for: classes of all Unicode would be many times the size.
fn compile(pattern: &str) -> Regex {
    let built = RegexBuilder::new(pattern).case_insensitive(true).unicode(false).build();
    built.expect("a test compiles every pattern of the list")
}

impl Bots {
    /// `device` is the part of `user_agent` that names a device: makers name them as they like ("M bot 60", "Discovery II").
    pub(super) fn kind(&self, user_agent: &str, device: &str) -> Kind {
        let begins =
            |tool: &&str| user_agent.get(..tool.len()).is_some_and(|start| start.eq_ignore_ascii_case(tool));
        if TOOLS.iter().any(begins) {
            return Kind::Tool;
        }
        // A lone word of letters is as well an automaton that says "Android".
        let device = Some(device).filter(|device| device.contains(|c: char| !c.is_ascii_alphabetic()));
        let mut told = Cow::Borrowed(user_agent);
        for word in device.iter().chain(BROWSERS) {
            if told.contains(word) {
                told = told.replace(word, "x").into();
            }
        }
        let told = told.as_bytes();
        let automaton =
            self.plain.is_match(told) || self.guarded.iter().any(|guarded| guarded.stands_in(told));
        if automaton { Kind::Bot } else { Kind::Person }
    }
}

impl Guarded {
    fn stands_in(&self, told: &[u8]) -> bool {
        self.pattern.find_iter(told).any(|found| {
            let before = self.before.as_ref().is_some_and(|before| before.is_match(&told[..found.start()]));
            let after = self.after.as_ref().is_some_and(|after| after.is_match(&told[found.end()..]));
            !before && !after
        })
    }
}
