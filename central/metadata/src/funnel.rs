//! Ways through a website, step by step.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::goal::gone;
use super::value::{Row, Value};
use super::{Error, Invalid, MatchType, Metadata, Pattern, Website};

/// Most bytes of the text of a funnel.
const LONGEST: usize = 64 << 10;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Step {
    /// What people call it.
    pub name: String,
    /// Whether a page or an event takes it.
    #[serde(rename = "type")]
    pub kind: StepType,
    /// Which one: by the page's path, or the event's action.
    #[serde(flatten)]
    pub pattern: Pattern,
}

/// As somebody wrote it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    name: String,
    #[serde(rename = "type")]
    kind: StepType,
    match_type: MatchType,
    value: String,
}

impl TryFrom<Unchecked> for Step {
    type Error = Invalid;

    fn try_from(unchecked: Unchecked) -> Result<Self, Invalid> {
        let Unchecked { name, kind, match_type, value } = unchecked;
        if !(1..=255).contains(&name.chars().count()) {
            return Err(Invalid::Steps("a step's name has 1 to 255 characters".to_owned()));
        }
        Ok(Self { name, kind, pattern: Pattern::new(match_type, &value)? })
    }
}

/// What takes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepType {
    /// A page view, by its path.
    Page,
    /// An event, by its action.
    Event,
}

/// 2 to 20 steps in their order, from a JSON array of
/// `{"name": …, "type": "page"|"event", "match_type": "equals"|"begins_with"|"regex", "value": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Steps(Vec<Step>);

impl std::str::FromStr for Steps {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.len() > LONGEST {
            return Err(Invalid::Steps(format!("they take more than {LONGEST} bytes")));
        }
        let steps: Vec<Step> =
            serde_json::from_str(text).map_err(|error| Invalid::Steps(error.to_string()))?;
        if !(2..=20).contains(&steps.len()) {
            return Err(Invalid::Steps(format!("there are {}, not 2 to 20", steps.len())));
        }
        Ok(Self(steps))
    }
}

impl Steps {
    /// In their order.
    pub fn as_slice(&self) -> &[Step] {
        &self.0
    }
}

/// One funnel as the database holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Funnel {
    /// UUID in text form.
    pub funnel_id: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// In their order.
    pub steps: Vec<Step>,
    /// RFC 3339, UTC.
    pub created_at: String,
}

impl Metadata {
    /// The website's funnels, by name.
    pub async fn funnels(&self, website: &Website) -> Result<Vec<Funnel>, Error> {
        let values = [website.tracking_id.as_str().into(), Value::Id(None), Value::Text(None)];
        let rows = self.database()?.rows(include_str!("sql/funnels.sql"), &values).await?;
        rows.iter().map(Funnel::read).collect()
    }

    /// The website's funnel with this id or name.
    pub async fn funnel(&self, website: &Website, funnel: &str) -> Result<Funnel, Error> {
        let rows = self.database()?.rows(include_str!("sql/funnels.sql"), &named(website, funnel)).await?;
        rows.first().map_or_else(|| Err(unknown(website, funnel)), Funnel::read)
    }

    /// Adds a funnel.
    pub async fn add_funnel(
        &self,
        website: &Website,
        name: &str,
        description: Option<&str>,
        steps: &Steps,
    ) -> Result<Funnel, Error> {
        let json = serde_json::json!(steps);
        let values = [website.tracking_id.as_str().into(), name.into(), description.into(), json.into()];
        let added = self.database()?.rows(include_str!("sql/add_funnel.sql"), &values).await;
        let added = added.map_err(|error| {
            if error.is_duplicate() { Error::Taken(format!("a funnel {name:?}")) } else { error }
        })?;
        added.first().map_or_else(|| Err(gone(website)), Funnel::read)
    }

    /// Takes a funnel, by id or name, out of use. Its row stays.
    pub async fn remove_funnel(&self, website: &Website, funnel: &str) -> Result<Funnel, Error> {
        let removed =
            self.database()?.rows(include_str!("sql/remove_funnel.sql"), &named(website, funnel)).await?;
        removed.first().map_or_else(|| Err(unknown(website, funnel)), Funnel::read)
    }
}

fn named(website: &Website, funnel: &str) -> [Value; 3] {
    [website.tracking_id.as_str().into(), Uuid::try_parse(funnel).ok().into(), funnel.into()]
}

fn unknown(website: &Website, funnel: &str) -> Error {
    Error::Unknown(format!("funnel {funnel:?} of {}", website.tracking_id))
}

impl Funnel {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            funnel_id: row.id("funnel_id")?,
            name: row.text("name")?,
            description: row.optional_text("description")?,
            steps: row.json("steps")?,
            created_at: row.timestamp("created_at")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn steps_are_checked_to_the_last_word() {
        let step = |more: &str| {
            format!(r#"{{"name":"Cart","type":"page","match_type":"equals","value":"/cart"{more}}}"#)
        };
        let good = format!("[{}, {}]", step(""), step(""));
        assert_eq!(good.parse::<Steps>().expect("good").as_slice().len(), 2);
        for (text, part) in [
            ("{}".to_owned(), "expected a sequence"),
            ("[]".to_owned(), "there are 0"),
            (format!("[{}]", step("")), "there are 1"),
            (format!("[{}, {}]", step(""), step(r#","colour":"red""#)), "unknown field"),
            (good.replace("equals", "resembles"), "unknown variant"),
            (good.replace("page", "dream"), "unknown variant"),
            (good.replace("Cart", ""), "a step's name"),
            (good.replace("equals", "regex").replace("/cart", "("), "unclosed group"),
            (format!("[{}]", vec![step(""); 21].join(",")), "there are 21"),
        ] {
            let refused = text.parse::<Steps>().expect_err(&text).to_string();
            assert!(refused.contains(part) && !refused.contains('\n'), "{text} gave {refused}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_steps_or_refused(text in r#"[\[\]{}",:a-z]{0,80}"#) {
            let _ = text.parse::<Steps>();
        }
    }
}
