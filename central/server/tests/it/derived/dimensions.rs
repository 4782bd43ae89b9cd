//! What a session's row has to say of the site's own dimensions, in plain Rust: what each belongs to decides whose words count.

use std::collections::BTreeMap;

use footfall_metadata::Scope;

use super::event::Visitor;
use super::oracle::{Event, Part};

/// A user's words count for sessions that end no later behind them, milliseconds.
const HOLDS_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// What the dimensions of websites belong to, by website and number; those that are not there belong to sessions.
pub(super) type Scopes = BTreeMap<(String, u32), Scope>;

/// Everything that was said.
pub(super) struct Words<'a> {
    scopes: &'a Scopes,
    /// By website, user, and whether it is a bot; in the order in which it was said.
    of_users: BTreeMap<(&'a str, &'a str, bool), Vec<Event<'a>>>,
}

impl<'a> Words<'a> {
    pub(super) fn new(events: &[Event<'a>], scopes: &'a Scopes) -> Self {
        let mut of_users: BTreeMap<_, Vec<Event<'a>>> = BTreeMap::new();
        for event in events {
            of_users.entry(user(event.visitor)).or_default().push(*event);
        }
        for said in of_users.values_mut() {
            said.sort_by_key(|event| event.place);
        }
        Self { scopes, of_users }
    }

    /// What the row of a session, or of a part of one, says.
    pub(super) fn of(&self, part: &Part<'_>, number: u32) -> String {
        let visitor = part.visitor();
        let scope = self.scopes.get(&(visitor.website.clone(), number)).copied().unwrap_or(Scope::Session);
        let last = part.events[part.events.len() - 1].place;
        match scope {
            Scope::Hit => String::new(),
            Scope::Session => newest(&part.events, number),
            Scope::User => {
                let mut said = self.of_users[&user(visitor)].clone();
                said.retain(|event| event.place <= last && event.place.0 >= last.0 - HOLDS_MS);
                newest(&said, number)
            }
        }
    }
}

fn user(visitor: &Visitor) -> (&str, &str, bool) {
    (&visitor.website, &visitor.user, visitor.is_bot)
}

/// The last of these words that says something.
fn newest(said: &[Event<'_>], number: u32) -> String {
    let values = said.iter().rev().filter_map(|event| event.happening.dimensions.get(&number));
    values.into_iter().find(|value| !value.is_empty()).cloned().unwrap_or_default()
}
