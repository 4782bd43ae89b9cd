//! What the twenty custom dimensions and the twenty custom metrics of an event mean on a website.

use std::str::FromStr;

use serde::Serialize;

use super::goal::gone;
use super::value::Row;
use super::{Error, Invalid, Metadata, MetricType, Scope, Website};

/// Which of the twenty: 1 to 20.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Index(u8);

impl FromStr for Index {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let index = text.parse().ok().filter(|index| (1..=20).contains(index));
        index.map(Self).ok_or_else(|| Invalid::Index(text.to_owned()))
    }
}

/// What `custom_dimension_<index>` is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dimension {
    /// 1 to 20.
    pub index: i64,
    /// What people call it.
    pub name: String,
    /// How long a value holds.
    pub scope: Scope,
    /// Is shown in reports.
    pub is_active: bool,
    /// RFC 3339, UTC.
    pub created_at: String,
}

/// What `custom_metric_<index>` is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Metric {
    /// 1 to 20.
    pub index: i64,
    /// What people call it.
    pub name: String,
    /// What it counts.
    #[serde(rename = "type")]
    pub kind: MetricType,
    /// Is shown in reports.
    pub is_active: bool,
    /// RFC 3339, UTC.
    pub created_at: String,
}

impl Metadata {
    /// The website's dimensions, retired ones too.
    pub async fn dimensions(&self, website: &Website) -> Result<Vec<Dimension>, Error> {
        let rows = self.of_website(website, include_str!("sql/dimensions.sql")).await?;
        rows.iter().map(Dimension::read).collect()
    }

    /// The dimensions of all websites that are not deleted, retired ones too, each with its website's id.
    pub async fn all_dimensions(&self) -> Result<Vec<(String, Dimension)>, Error> {
        let rows = self.database()?.rows(include_str!("sql/all_dimensions.sql"), &[]).await?;
        rows.iter().map(|row| Ok((row.id("website_id")?, Dimension::read(row)?))).collect()
    }

    /// The website's metrics, retired ones too.
    pub async fn metrics(&self, website: &Website) -> Result<Vec<Metric>, Error> {
        let rows = self.of_website(website, include_str!("sql/metrics.sql")).await?;
        rows.iter().map(Metric::read).collect()
    }

    /// Says what a dimension is, in the location of what it was.
    pub async fn set_dimension(
        &self,
        website: &Website,
        index: Index,
        name: &str,
        scope: Scope,
    ) -> Result<Dimension, Error> {
        let rows =
            self.set(include_str!("sql/set_dimension.sql"), website, index, name, scope.as_str()).await?;
        rows.first().map_or_else(|| Err(gone(website)), Dimension::read)
    }

    /// Says what a metric is, in the location of what it was.
    pub async fn set_metric(
        &self,
        website: &Website,
        index: Index,
        name: &str,
        kind: MetricType,
    ) -> Result<Metric, Error> {
        let rows = self.set(include_str!("sql/set_metric.sql"), website, index, name, kind.as_str()).await?;
        rows.first().map_or_else(|| Err(gone(website)), Metric::read)
    }

    /// Shows a dimension no longer.
    pub async fn retire_dimension(&self, website: &Website, index: Index) -> Result<Dimension, Error> {
        let rows = self.retire(include_str!("sql/retire_dimension.sql"), website, index).await?;
        rows.first().map_or_else(|| Err(unknown("dimension", website, index)), Dimension::read)
    }

    /// Shows a metric no longer.
    pub async fn retire_metric(&self, website: &Website, index: Index) -> Result<Metric, Error> {
        let rows = self.retire(include_str!("sql/retire_metric.sql"), website, index).await?;
        rows.first().map_or_else(|| Err(unknown("metric", website, index)), Metric::read)
    }

    async fn of_website(&self, website: &Website, sql: &'static str) -> Result<Vec<Row>, Error> {
        self.database()?.rows(sql, &[website.tracking_id.as_str().into()]).await
    }

    async fn set(
        &self,
        sql: &'static str,
        website: &Website,
        index: Index,
        name: &str,
        kind: &str,
    ) -> Result<Vec<Row>, Error> {
        let values =
            [website.tracking_id.as_str().into(), i64::from(index.0).into(), name.into(), kind.into()];
        self.database()?.rows(sql, &values).await
    }

    async fn retire(&self, sql: &'static str, website: &Website, index: Index) -> Result<Vec<Row>, Error> {
        self.database()?.rows(sql, &[website.tracking_id.as_str().into(), i64::from(index.0).into()]).await
    }
}

fn unknown(what: &str, website: &Website, index: Index) -> Error {
    Error::Unknown(format!("{what} {} of {} that is in use", index.0, website.tracking_id))
}

impl Dimension {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            index: row.whole("index")?,
            name: row.text("name")?,
            scope: row.word("scope")?,
            is_active: row.flag("is_active")?,
            created_at: row.timestamp("created_at")?,
        })
    }
}

impl Metric {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            index: row.whole("index")?,
            name: row.text("name")?,
            kind: row.word("type")?,
            is_active: row.flag("is_active")?,
            created_at: row.timestamp("created_at")?,
        })
    }
}
