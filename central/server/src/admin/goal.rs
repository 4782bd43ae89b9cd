//! `central admin goal …`.

use std::io::Write;

use clap::{Args, Subcommand};

use super::table::{list, maybe, one};
use super::{Error, List, OfWebsite, Output};
use footfall_metadata::{Invalid, MatchType, Metadata, Pattern, Target, name};

/// What can be done with goals.
#[derive(Debug, Subcommand)]
pub enum Goal {
    /// Add a goal that counts from now on.
    Add(Add),
    /// List a website's goals, retired ones too.
    List(List),
    /// Let a goal count no longer; sessions from before keep theirs.
    Retire(Retire),
}

/// A goal to be added.
#[derive(Debug, Args)]
pub struct Add {
    #[command(flatten)]
    of: OfWebsite,
    /// What people call it.
    #[arg(long)]
    name: String,
    /// destination (a page's path), event (its action), duration (seconds) or pages_per_session.
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    /// How a path or an action is compared: equals, begins_with or regex (Rust's syntax).
    #[arg(long = "match", value_name = "TYPE")]
    match_type: Option<String>,
    /// What a path or an action is compared with.
    #[arg(long)]
    value: Option<String>,
    /// Seconds or pages.
    #[arg(long)]
    number: Option<f64>,
    #[command(flatten)]
    output: Output,
}

/// A goal to be retired.
#[derive(Debug, Args)]
pub struct Retire {
    #[command(flatten)]
    of: OfWebsite,
    /// Its name or goal id.
    goal: String,
    #[command(flatten)]
    output: Output,
}

/// A command whose values are known to be good.
pub(super) enum Prepared {
    Add { of: OfWebsite, name: String, target: Target, json: bool },
    List { of: OfWebsite, json: bool },
    Retire { of: OfWebsite, goal: String, json: bool },
}

impl Goal {
    pub(super) fn prepare(self) -> Result<Prepared, Error> {
        Ok(match self {
            Self::Add(add) => {
                let pattern = match (add.match_type, add.value) {
                    (None, None) => None,
                    (Some(match_type), Some(value)) => {
                        Some(Pattern::new(match_type.parse::<MatchType>()?, &value)?)
                    }
                    _ => return Err(Invalid::Target.into()),
                };
                Prepared::Add {
                    of: add.of,
                    name: name("a goal's name", 255, &add.name)?,
                    target: Target::new(add.kind.parse()?, pattern, add.number)?,
                    json: add.output.json,
                }
            }
            Self::List(List { of, output }) => Prepared::List { of, json: output.json },
            Self::Retire(Retire { of, goal, output }) => Prepared::Retire { of, goal, json: output.json },
        })
    }
}

impl Prepared {
    pub(super) async fn run(self, metadata: &Metadata, out: &mut impl Write) -> Result<(), Error> {
        match self {
            Self::Add { of, name, target, json } => {
                let website = of.find(metadata).await?;
                let goal = metadata.add_goal(&website, &name, &target).await?;
                one(&goal, json, out, |goal| format!("{}  {} (added)", goal.goal_id, goal.name))?;
            }
            Self::List { of, json } => {
                let website = of.find(metadata).await?;
                list("goals", &metadata.goals(&website).await?, json, out, cells)?;
            }
            Self::Retire { of, goal, json } => {
                let website = of.find(metadata).await?;
                let goal = metadata.retire_goal(&website, &goal).await?;
                one(&goal, json, out, |goal| format!("{}  {} (retired)", goal.goal_id, goal.name))?;
            }
        }
        Ok(())
    }
}

fn cells(goal: &footfall_metadata::Goal) -> [String; 5] {
    let compared = match (goal.match_type, &goal.value, goal.value_numeric) {
        (Some(match_type), Some(value), _) => format!("{match_type} {value}"),
        (_, _, Some(number)) => format!("at least {number}"),
        _ => String::new(),
    };
    let until = goal.valid_to.as_ref().map(|moment| format!("until {moment}"));
    [goal.goal_id.clone(), goal.name.clone(), goal.kind.to_string(), compared, maybe(until.as_ref())]
}
