//! `central admin dimension …` and `central admin metric …`.

use std::io::Write;

use clap::{Args, Subcommand};

use super::table::{list, one};
use super::{Error, List, OfWebsite, Output};
use footfall_metadata::{Index, Metadata, MetricType, Scope, name};

/// What can be done with custom dimensions.
#[derive(Debug, Subcommand)]
pub enum Dimension {
    /// Say what a dimension is.
    Set(SetDimension),
    /// List a website's dimensions, retired ones too.
    List(List),
    /// Show a dimension no longer.
    Retire(Retire),
}

/// What can be done with custom metrics.
#[derive(Debug, Subcommand)]
pub enum Metric {
    /// Say what a metric is.
    Set(SetMetric),
    /// List a website's metrics, retired ones too.
    List(List),
    /// Show a metric no longer.
    Retire(Retire),
}

/// A dimension to be set.
#[derive(Debug, Args)]
pub struct SetDimension {
    #[command(flatten)]
    which: Which,
    /// What people call it.
    #[arg(long)]
    name: String,
    /// hit, session or user.
    #[arg(long)]
    scope: String,
    #[command(flatten)]
    output: Output,
}

/// A metric to be set.
#[derive(Debug, Args)]
pub struct SetMetric {
    #[command(flatten)]
    which: Which,
    /// What people call it.
    #[arg(long)]
    name: String,
    /// integer, currency or time.
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    #[command(flatten)]
    output: Output,
}

/// One of the twenty.
#[derive(Clone, Debug, Args)]
pub(super) struct Which {
    #[command(flatten)]
    of: OfWebsite,
    /// 1 to 20.
    #[arg(long)]
    index: String,
}

/// One to be retired.
#[derive(Debug, Args)]
pub struct Retire {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    output: Output,
}

/// A command whose values are known to be good; `K` is what a dimension and a metric differ in.
pub(super) enum Prepared<K> {
    Set { of: OfWebsite, index: Index, name: String, kind: K, json: bool },
    List { of: OfWebsite, json: bool },
    Retire { of: OfWebsite, index: Index, json: bool },
}

pub(super) type PreparedDimension = Prepared<Scope>;
pub(super) type PreparedMetric = Prepared<MetricType>;

impl<K> Prepared<K> {
    fn list(List { of, output }: List) -> Self {
        Self::List { of, json: output.json }
    }

    fn retire(Retire { which, output }: Retire) -> Result<Self, Error> {
        Ok(Self::Retire { of: which.of, index: which.index.parse()?, json: output.json })
    }
}

impl Dimension {
    pub(super) fn prepare(self) -> Result<PreparedDimension, Error> {
        Ok(match self {
            Self::Set(SetDimension { which, name: text, scope, output }) => Prepared::Set {
                of: which.of,
                index: which.index.parse()?,
                name: name("a dimension's name", 100, &text)?,
                kind: scope.parse()?,
                json: output.json,
            },
            Self::List(list) => Prepared::list(list),
            Self::Retire(retire) => Prepared::retire(retire)?,
        })
    }
}

impl Metric {
    pub(super) fn prepare(self) -> Result<PreparedMetric, Error> {
        Ok(match self {
            Self::Set(SetMetric { which, name: text, kind, output }) => Prepared::Set {
                of: which.of,
                index: which.index.parse()?,
                name: name("a metric's name", 100, &text)?,
                kind: kind.parse()?,
                json: output.json,
            },
            Self::List(list) => Prepared::list(list),
            Self::Retire(retire) => Prepared::retire(retire)?,
        })
    }
}

impl PreparedDimension {
    pub(super) async fn run(self, metadata: &Metadata, out: &mut impl Write) -> Result<(), Error> {
        match self {
            Self::Set { of, index, name, kind, json } => {
                let website = of.find(metadata).await?;
                let set = metadata.set_dimension(&website, index, &name, kind).await?;
                one(&set, json, out, |set| line(&dimension(set)))?;
            }
            Self::List { of, json } => {
                let website = of.find(metadata).await?;
                list("dimensions", &metadata.dimensions(&website).await?, json, out, dimension)?;
            }
            Self::Retire { of, index, json } => {
                let website = of.find(metadata).await?;
                let retired = metadata.retire_dimension(&website, index).await?;
                one(&retired, json, out, |retired| line(&dimension(retired)))?;
            }
        }
        Ok(())
    }
}

impl PreparedMetric {
    pub(super) async fn run(self, metadata: &Metadata, out: &mut impl Write) -> Result<(), Error> {
        match self {
            Self::Set { of, index, name, kind, json } => {
                let website = of.find(metadata).await?;
                let set = metadata.set_metric(&website, index, &name, kind).await?;
                one(&set, json, out, |set| line(&metric(set)))?;
            }
            Self::List { of, json } => {
                let website = of.find(metadata).await?;
                list("metrics", &metadata.metrics(&website).await?, json, out, metric)?;
            }
            Self::Retire { of, index, json } => {
                let website = of.find(metadata).await?;
                let retired = metadata.retire_metric(&website, index).await?;
                one(&retired, json, out, |retired| line(&metric(retired)))?;
            }
        }
        Ok(())
    }
}

fn dimension(dimension: &footfall_metadata::Dimension) -> [String; 4] {
    cells(dimension.index, &dimension.name, dimension.scope.as_str(), dimension.is_active)
}

fn metric(metric: &footfall_metadata::Metric) -> [String; 4] {
    cells(metric.index, &metric.name, metric.kind.as_str(), metric.is_active)
}

fn cells(index: i64, name: &str, kind: &str, is_active: bool) -> [String; 4] {
    let note = if is_active { "" } else { "(retired)" };
    [index.to_string(), name.to_owned(), kind.to_owned(), note.to_owned()]
}

fn line(cells: &[String; 4]) -> String {
    cells.join("  ").trim_end().to_owned()
}
