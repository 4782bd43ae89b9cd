//! What the websites' own dimensions belong to: to an event, to a session or to a user. Pure.

use std::collections::BTreeMap;

use footfall_clickhouse::Value;
use footfall_metadata::{Dimension, Scope};

/// What a user said holds for sessions whose last event comes so many days later at most.
pub(crate) const SAID_DAYS: u16 = 30;

/// Numbers, 1 to 20, and what those dimensions belong to.
pub(crate) type Scopes = BTreeMap<u8, Scope>;

/// The dimensions of all websites that do not belong to sessions. Those do that nobody defined, and those that were retired.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dimensions {
    by_website: BTreeMap<String, Scopes>,
}

impl Dimensions {
    /// Of these, each with its website's id.
    pub(crate) fn new(all: &[(String, Dimension)]) -> Self {
        let mut dimensions = Self::default();
        for (website_id, dimension) in all {
            let scopes = dimensions.by_website.entry(website_id.clone()).or_default();
            if dimension.is_active
                && dimension.scope != Scope::Session
                && let Ok(number) = u8::try_from(dimension.index)
            {
                scopes.insert(number, dimension.scope);
            }
        }
        dimensions
    }

    /// The websites that ever defined any.
    pub(crate) fn websites(&self) -> impl Iterator<Item = &str> {
        self.by_website.keys().map(String::as_str)
    }

    /// Of one website.
    pub(crate) fn of(&self, website_id: &str) -> Option<&Scopes> {
        self.by_website.get(website_id).filter(|scopes| !scopes.is_empty())
    }

    /// The websites some of whose dimensions belong to users.
    pub(crate) fn with_users(&self) -> impl Iterator<Item = &str> {
        self.websites().filter(|website| self.belongs_to_users(website))
    }

    /// Whether some of a website's dimensions belong to users.
    pub(crate) fn belongs_to_users(&self, website_id: &str) -> bool {
        self.of(website_id).is_some_and(|scopes| scopes.values().any(|scope| *scope == Scope::User))
    }

    /// Those of these websites' dimensions that belong to `scope`, as statements take them: website and number.
    pub(crate) fn rows(&self, websites: &[String], scope: Scope) -> Value {
        let mut rows = Vec::new();
        for website in websites {
            let of_scope = self.of(website).into_iter().flatten().filter(|(_, of)| **of == scope);
            rows.extend(of_scope.map(|(number, _)| {
                Value::Tuple(vec![website.as_str().into(), Value::Number((*number).into())])
            }));
        }
        Value::List(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_belong_to_sessions_unless_they_are_in_use_and_say_otherwise() {
        let dimension = |website: &str, index: i64, scope: Scope, is_active: bool| {
            let (name, created_at) = ("Plan".to_owned(), "2026-11-30T00:00:00.000Z".to_owned());
            (website.to_owned(), Dimension { index, name, scope, is_active, created_at })
        };
        let dimensions = Dimensions::new(&[
            dimension("a", 1, Scope::Session, true),
            dimension("a", 2, Scope::Hit, true),
            dimension("a", 20, Scope::User, true),
            dimension("b", 3, Scope::User, false),
            dimension("c", 4, Scope::Hit, true),
        ]);
        let websites = ["a", "b", "c", "d"].map(str::to_owned);
        let row = |website: &str, number: u64| Value::Tuple(vec![website.into(), Value::Number(number)]);
        assert_eq!(dimensions.rows(&websites, Scope::User), Value::List(vec![row("a", 20)]));
        assert_eq!(dimensions.rows(&websites, Scope::Hit), Value::List(vec![row("a", 2), row("c", 4)]));
        assert_eq!(dimensions.websites().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(dimensions.with_users().collect::<Vec<_>>(), ["a"]);
        assert_eq!(dimensions.of("b"), None, "as if it had never been defined");
    }
}
