//! Which goals there are, and which paths and actions reach them. Patterns are compared here and never in the store. Pure.

use std::collections::{BTreeMap, BTreeSet};

use footfall_clickhouse::Value;
use footfall_metadata::{Goal, Invalid, Matcher, Target};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What a pattern is compared with: the path of a page view, or the action of another event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Page = 0,
    Event = 1,
}

/// A path or an action that the events of a website have.
pub(crate) type Named = (String, u8, String);

/// The goals of all websites.
#[derive(Clone, Debug, Default)]
pub(crate) struct Goals {
    by_website: BTreeMap<String, Vec<Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    goal_id: String,
    reached_by: ReachedBy,
    /// Sessions that began before it count, milliseconds since 1970.
    valid_to: i64,
}

#[derive(Clone, Debug)]
enum ReachedBy {
    Pattern(Kind, Matcher),
    Seconds(f64),
    Pages(f64),
}

impl Goals {
    /// Of these goals, each with its website's id. One that cannot be read counts for nothing, and is returned with the reason.
    pub(crate) fn new(all: &[(String, Goal)]) -> (Self, Vec<(String, Invalid)>) {
        let mut goals = Self::default();
        let mut invalid = Vec::new();
        for (website_id, goal) in all {
            match Known::read(goal) {
                Ok(known) => goals.by_website.entry(website_id.clone()).or_default().push(known),
                Err(reason) => invalid.push((goal.goal_id.clone(), reason)),
            }
        }
        (goals, invalid)
    }

    /// Whether no website has any.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_website.is_empty()
    }

    /// Those of these websites that have goals.
    pub(crate) fn websites<'a>(&self, among: impl IntoIterator<Item = &'a String>) -> Vec<String> {
        among.into_iter().filter(|id| self.by_website.contains_key(*id)).cloned().collect()
    }

    /// The goals of these websites as the statement takes them: website, goal, kind, number, valid until.
    pub(crate) fn rows(&self, websites: &[String]) -> Value {
        let mut rows = Vec::new();
        for website in websites {
            for goal in self.by_website.get(website).into_iter().flatten() {
                let (kind, number) = match &goal.reached_by {
                    ReachedBy::Pattern(kind, _) => (*kind as u64, 0.0),
                    ReachedBy::Seconds(seconds) => (2, *seconds),
                    ReachedBy::Pages(pages) => (3, *pages),
                };
                rows.push(Value::Tuple(vec![
                    website.as_str().into(),
                    goal.goal_id.as_str().into(),
                    Value::Number(kind),
                    Value::Float(number),
                    Value::Millis(goal.valid_to),
                ]));
            }
        }
        Value::List(rows)
    }

    /// Whether any of these websites has a goal that a pattern decides.
    pub(crate) fn compares(&self, websites: &[String]) -> bool {
        let mut goals = websites.iter().filter_map(|website| self.by_website.get(website)).flatten();
        goals.any(|goal| matches!(goal.reached_by, ReachedBy::Pattern(..)))
    }

    /// Which of these values reach which goals, as the statement takes them: website, kind, value, goal.
    pub(crate) fn reached(&self, values: &BTreeSet<Named>) -> Value {
        let mut rows = Vec::new();
        for (website, kind, value) in values {
            for goal in self.by_website.get(website).into_iter().flatten() {
                if let ReachedBy::Pattern(of, matcher) = &goal.reached_by
                    && *of as u8 == *kind
                    && matcher.matches(value)
                {
                    rows.push(Value::Tuple(vec![
                        website.as_str().into(),
                        Value::Number((*kind).into()),
                        value.as_str().into(),
                        goal.goal_id.as_str().into(),
                    ]));
                }
            }
        }
        Value::List(rows)
    }
}

impl Known {
    fn read(goal: &Goal) -> Result<Self, Invalid> {
        let reached_by = match goal.target()? {
            Target::Destination(pattern) => ReachedBy::Pattern(Kind::Page, pattern.matcher()?),
            Target::Event(pattern) => ReachedBy::Pattern(Kind::Event, pattern.matcher()?),
            Target::Duration(seconds) => ReachedBy::Seconds(seconds),
            Target::PagesPerSession(pages) => ReachedBy::Pages(pages),
        };
        let valid_to = goal.valid_to.as_deref().map_or(i64::MAX, millis);
        Ok(Self { goal_id: goal.goal_id.clone(), reached_by, valid_to })
    }
}

/// Milliseconds since 1970 of a moment that the metadata wrote; what cannot be read never comes.
fn millis(text: &str) -> i64 {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_or(i64::MAX, |moment| (moment.unix_timestamp_nanos() / 1_000_000) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use footfall_metadata::{GoalType, MatchType};

    fn goal(id: &str, kind: GoalType, pattern: Option<(MatchType, &str)>, number: Option<f64>) -> Goal {
        Goal {
            goal_id: id.to_owned(),
            name: id.to_owned(),
            kind,
            match_type: pattern.map(|(match_type, _)| match_type),
            value: pattern.map(|(_, value)| value.to_owned()),
            value_numeric: number,
            is_active: true,
            created_at: "2026-11-30T00:00:00.000Z".to_owned(),
            valid_from: "2026-11-30T00:00:00.000Z".to_owned(),
            valid_to: (id == "old").then(|| "1970-01-01T00:00:01.500Z".to_owned()),
        }
    }

    #[test]
    fn values_reach_the_goals_of_their_website_and_kind_only() {
        let all = [
            (
                "a".to_owned(),
                goal("thanks", GoalType::Destination, Some((MatchType::BeginsWith, "/thanks")), None),
            ),
            ("a".to_owned(), goal("number", GoalType::Event, Some((MatchType::Regex, "^[0-9]+$")), None)),
            ("a".to_owned(), goal("old", GoalType::Duration, None, Some(30.5))),
            ("b".to_owned(), goal("any", GoalType::Destination, Some((MatchType::Regex, ".")), None)),
            ("b".to_owned(), goal("broken", GoalType::Destination, Some((MatchType::Regex, "(")), None)),
        ];
        let (goals, invalid) = Goals::new(&all);
        assert_eq!(invalid.len(), 1, "{invalid:?}");
        assert_eq!(invalid[0].0, "broken");
        let named =
            |website: &str, kind: Kind, value: &str| (website.to_owned(), kind as u8, value.to_owned());
        let values = BTreeSet::from([
            named("a", Kind::Page, "/thanks/1"),
            named("a", Kind::Event, "/thanks/1"),
            named("a", Kind::Event, "17"),
            named("b", Kind::Page, "/thanks/1"),
            named("c", Kind::Page, "/thanks/1"),
        ]);
        let row = |website: &str, kind: u64, value: &str, goal: &str| {
            Value::Tuple(vec![website.into(), Value::Number(kind), value.into(), goal.into()])
        };
        let expected = [
            row("a", 0, "/thanks/1", "thanks"),
            row("a", 1, "17", "number"),
            row("b", 0, "/thanks/1", "any"),
        ];
        assert_eq!(goals.reached(&values), Value::List(expected.to_vec()));
        let websites = goals.websites(&["a".to_owned(), "c".to_owned()]);
        assert_eq!(websites, ["a"]);
        let Value::List(rows) = goals.rows(&websites) else { panic!("a list") };
        assert_eq!(rows.len(), 3);
        assert!(rows.contains(&Value::Tuple(vec![
            "a".into(),
            "old".into(),
            Value::Number(2),
            Value::Float(30.5),
            Value::Millis(1500)
        ])));
        assert!(goals.compares(&websites) && !goals.compares(&["c".to_owned()]));
    }
}
