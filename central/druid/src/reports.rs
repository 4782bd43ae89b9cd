//! Reports from the rolled-up minutes: asks the broker, and says how far the answer can be off.

use std::time::Duration;

use super::connection::{Druid, Part};
use super::error::DruidError;
use super::question::{self, Bucket, Dimension, Figures, Scope, Unreadable};

/// How long Druid may take for an answer.
const WITHIN: Duration = Duration::from_secs(10);
/// Where questions go.
const QUERY: &str = "druid/v2";

/// How far a distinct count may be off, as a share of it, in 95 of 100 cases: twice the sketch's standard error.
pub const DISTINCT_ERROR: f64 = 2.0 * 1.04 / 64.0;

impl Druid {
    /// The figures of a period.
    ///
    /// # Errors
    /// [`DruidError`].
    pub async fn totals(&self, scope: &Scope) -> Result<Figures, DruidError> {
        let answer = self
            .post(Part::Broker, QUERY, "a question", &scope.totals(&self.options.data_source, WITHIN))
            .await?;
        question::read_totals(&answer).map_err(unreadable)
    }

    /// The figures of each bucket that has rows, by where it begins, milliseconds since 1970.
    ///
    /// # Errors
    /// [`DruidError`].
    pub async fn series(
        &self,
        scope: &Scope,
        bucket: Bucket,
        zone: &str,
    ) -> Result<Vec<(i64, Figures)>, DruidError> {
        let question = scope.series(&self.options.data_source, bucket, zone, WITHIN);
        let answer = self.post(Part::Broker, QUERY, "a question", &question).await?;
        question::read_series(&answer).map_err(unreadable)
    }

    /// The values of a dimension with the most page views.
    ///
    /// # Errors
    /// [`DruidError`].
    pub async fn top_list(
        &self,
        scope: &Scope,
        dimension: Dimension,
        limit: u16,
    ) -> Result<Vec<(String, Figures)>, DruidError> {
        let question = scope.top_list(&self.options.data_source, dimension, limit, WITHIN);
        let answer = self.post(Part::Broker, QUERY, "a question", &question).await?;
        question::read_top_list(&answer, dimension).map_err(unreadable)
    }
}

fn unreadable(reason: Unreadable) -> DruidError {
    DruidError::Answer { part: "broker", reason: reason.to_string() }
}
