//! `central admin funnel …`.

use std::io::{Read, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::table::{list, one};
use super::{Error, List, OfWebsite, Output, read};
use footfall_metadata::{Metadata, Steps, name};

/// What can be done with funnels.
#[derive(Debug, Subcommand)]
pub enum Funnel {
    /// Add a funnel whose steps are a JSON array, from a file or from standard input.
    Add(Add),
    /// List a website's funnels.
    List(List),
    /// Show a funnel with its steps.
    Show(Named),
    /// Take a funnel out of use.
    Remove(Named),
}

/// A funnel to be added.
#[derive(Debug, Args)]
pub struct Add {
    #[command(flatten)]
    of: OfWebsite,
    /// What people call it.
    #[arg(long)]
    name: String,
    /// What it is for.
    #[arg(long)]
    description: Option<String>,
    /// A file with the steps: [{"name": "Cart", "type": "page" or "event", "match_type": "equals", "begins_with" or "regex", "value":
    /// "/cart"}, …]. Without it they are read from standard input.
    #[arg(long, value_name = "FILE")]
    steps: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// Which one.
#[derive(Debug, Args)]
pub struct Named {
    #[command(flatten)]
    of: OfWebsite,
    /// Its name or funnel id.
    funnel: String,
    #[command(flatten)]
    output: Output,
}

/// A command whose values are known to be good.
pub(super) enum Prepared {
    Add { of: OfWebsite, name: String, description: Option<String>, steps: Steps, json: bool },
    List { of: OfWebsite, json: bool },
    Show(Named),
    Remove(Named),
}

impl Funnel {
    pub(super) fn prepare(self, input: &mut impl Read) -> Result<Prepared, Error> {
        Ok(match self {
            Self::Add(add) => Prepared::Add {
                of: add.of,
                name: name("a funnel's name", 255, &add.name)?,
                description: add
                    .description
                    .map(|text| name("a funnel's description", 4096, &text))
                    .transpose()?,
                steps: read(add.steps.as_deref(), input)?.parse()?,
                json: add.output.json,
            },
            Self::List(List { of, output }) => Prepared::List { of, json: output.json },
            Self::Show(named) => Prepared::Show(named),
            Self::Remove(named) => Prepared::Remove(named),
        })
    }
}

impl Prepared {
    pub(super) async fn run(self, metadata: &Metadata, out: &mut impl Write) -> Result<(), Error> {
        match self {
            Self::Add { of, name, description, steps, json } => {
                let website = of.find(metadata).await?;
                let funnel = metadata.add_funnel(&website, &name, description.as_deref(), &steps).await?;
                one(&funnel, json, out, |funnel| format!("{}  {} (added)", funnel.funnel_id, funnel.name))?;
            }
            Self::List { of, json } => {
                let website = of.find(metadata).await?;
                list("funnels", &metadata.funnels(&website).await?, json, out, |funnel| {
                    let steps = funnel.steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>();
                    [funnel.funnel_id.clone(), funnel.name.clone(), steps.join(" > ")]
                })?;
            }
            Self::Show(Named { of, funnel, output }) => {
                let website = of.find(metadata).await?;
                one(&metadata.funnel(&website, &funnel).await?, output.json, out, shown)?;
            }
            Self::Remove(Named { of, funnel, output }) => {
                let website = of.find(metadata).await?;
                let funnel = metadata.remove_funnel(&website, &funnel).await?;
                one(&funnel, output.json, out, |funnel| {
                    format!("{}  {} (removed)", funnel.funnel_id, funnel.name)
                })?;
            }
        }
        Ok(())
    }
}

fn shown(funnel: &footfall_metadata::Funnel) -> String {
    let mut lines = vec![format!("{}  {}", funnel.funnel_id, funnel.name)];
    lines.extend(funnel.description.clone());
    lines.extend(funnel.steps.iter().zip(1..).map(|(step, place)| {
        let pattern = &step.pattern;
        format!("{place:2}  {}: {} {}", step.name, pattern.match_type(), pattern.value())
    }));
    lines.join("\n")
}
