//! What a website's owner wants visitors to do. A goal is never changed but retired: a session of last month is judged by the goals of
//! last month.

use serde::Serialize;
use uuid::Uuid;

use super::timestamp::Timestamp;
use super::value::Row;
use super::{Error, GoalType, Invalid, MatchType, Metadata, Pattern, Website};

/// What reaches a goal.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A page whose path is like this.
    Destination(Pattern),
    /// An event whose action is like this.
    Event(Pattern),
    /// A session of so many seconds.
    Duration(f64),
    /// A session of so many pages.
    PagesPerSession(f64),
}

impl Target {
    /// From what was said of it: a pattern for what is compared, a number for what is counted.
    pub fn new(kind: GoalType, pattern: Option<Pattern>, number: Option<f64>) -> Result<Self, Invalid> {
        match (kind, pattern, number.map(hundredths).transpose()?) {
            (GoalType::Destination, Some(pattern), None) => Ok(Self::Destination(pattern)),
            (GoalType::Event, Some(pattern), None) => Ok(Self::Event(pattern)),
            (GoalType::Duration, None, Some(seconds)) => Ok(Self::Duration(seconds)),
            (GoalType::PagesPerSession, None, Some(pages)) => Ok(Self::PagesPerSession(pages)),
            _ => Err(Invalid::Target),
        }
    }

    /// What it looks at.
    pub fn kind(&self) -> GoalType {
        match self {
            Self::Destination(_) => GoalType::Destination,
            Self::Event(_) => GoalType::Event,
            Self::Duration(_) => GoalType::Duration,
            Self::PagesPerSession(_) => GoalType::PagesPerSession,
        }
    }

    fn pattern(&self) -> Option<&Pattern> {
        match self {
            Self::Destination(pattern) | Self::Event(pattern) => Some(pattern),
            Self::Duration(_) | Self::PagesPerSession(_) => None,
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Destination(_) | Self::Event(_) => None,
            Self::Duration(number) | Self::PagesPerSession(number) => Some(*number),
        }
    }
}

/// What `DECIMAL(10,2)` holds, above nothing.
fn hundredths(number: f64) -> Result<f64, Invalid> {
    let rounded = (number * 100.0).round() / 100.0;
    if number.is_finite() && (0.01..1e8).contains(&rounded) { Ok(rounded) } else { Err(Invalid::Target) }
}

/// One goal as the database holds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Goal {
    /// UUID in text form.
    pub goal_id: String,
    /// What people call it; no two that count at the same time are called the same.
    pub name: String,
    /// What it looks at.
    #[serde(rename = "type")]
    pub kind: GoalType,
    /// Of a destination or an event.
    pub match_type: Option<MatchType>,
    /// Of a destination or an event.
    pub value: Option<String>,
    /// Seconds of a duration, pages of a session.
    pub value_numeric: Option<f64>,
    /// It counts today.
    pub is_active: bool,
    /// RFC 3339, UTC: when it was made.
    pub created_at: String,
    /// RFC 3339, UTC: from when on it counts.
    pub valid_from: String,
    /// RFC 3339, UTC: until when it counted.
    pub valid_to: Option<String>,
}

impl Goal {
    /// What reaches it.
    pub fn target(&self) -> Result<Target, Invalid> {
        let pattern = match (self.match_type, &self.value) {
            (Some(match_type), Some(value)) => Some(Pattern::new(match_type, value)?),
            _ => None,
        };
        Target::new(self.kind, pattern, self.value_numeric)
    }

    fn read(row: &Row) -> Result<Self, Error> {
        let match_type = match row.optional_text("match_type")? {
            None => None,
            Some(_) => Some(row.word("match_type")?),
        };
        Ok(Self {
            goal_id: row.id("goal_id")?,
            name: row.text("name")?,
            kind: row.word("type")?,
            match_type,
            value: row.optional_text("value")?,
            value_numeric: row.number("value_numeric")?,
            is_active: row.flag("is_active")?,
            created_at: row.timestamp("created_at")?,
            valid_from: row.timestamp("valid_from")?,
            valid_to: row.optional_timestamp("valid_to")?,
        })
    }
}

impl Metadata {
    /// The website's goals, oldest first, retired ones too.
    pub async fn goals(&self, website: &Website) -> Result<Vec<Goal>, Error> {
        let values = [website.tracking_id.as_str().into()];
        let rows = self.database()?.rows(include_str!("sql/goals.sql"), &values).await?;
        rows.iter().map(Goal::read).collect()
    }

    /// The goals of all websites that are not deleted, retired ones too, each with its website's id.
    pub async fn all_goals(&self) -> Result<Vec<(String, Goal)>, Error> {
        let rows = self.database()?.rows(include_str!("sql/all_goals.sql"), &[]).await?;
        rows.iter().map(|row| Ok((row.id("website_id")?, Goal::read(row)?))).collect()
    }

    /// Adds a goal that counts from now on.
    pub async fn add_goal(&self, website: &Website, name: &str, target: &Target) -> Result<Goal, Error> {
        let values = [
            website.tracking_id.as_str().into(),
            name.into(),
            target.kind().as_str().into(),
            target.pattern().map(|pattern| pattern.match_type().as_str()).into(),
            target.pattern().map(Pattern::value).into(),
            target.number().into(),
            Timestamp::now().into(),
        ];
        let added = self.database()?.rows(include_str!("sql/add_goal.sql"), &values).await;
        let added = added.map_err(|error| {
            if error.is_duplicate() { Error::Taken(format!("a goal {name:?} that counts")) } else { error }
        })?;
        added.first().map_or_else(|| Err(gone(website)), Goal::read)
    }

    /// Lets a goal, by id or name, count no longer.
    pub async fn retire_goal(&self, website: &Website, goal: &str) -> Result<Goal, Error> {
        let id = Uuid::try_parse(goal).ok();
        let values = [website.tracking_id.as_str().into(), id.into(), goal.into(), Timestamp::now().into()];
        let retired = self.database()?.rows(include_str!("sql/retire_goal.sql"), &values).await?;
        let unknown = || Error::Unknown(format!("goal {goal:?} of {} that counts", website.tracking_id));
        retired.first().map_or_else(|| Err(unknown()), Goal::read)
    }
}

/// Somebody else was quicker.
pub(super) fn gone(website: &Website) -> Error {
    Error::Unknown(format!("website {}", website.tracking_id))
}
