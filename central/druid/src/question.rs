//! Questions about the rolled-up minutes as Druid's native queries, and its answers as figures. Pure. A value never becomes text of a language:
//! what somebody asks for is a JSON string in its place.
//!
//! Format: <https://druid.apache.org/docs/33.0.0/querying/>. Native, because SQL does not know a new data source's sketches until its first
//! segment is on a historical.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::ingestion::{DIMENSIONS, SKETCH_LG_K};

/// The first time that Druid takes in an interval, and one that is after all.
const TIMES_MS: std::ops::RangeInclusive<i64> = 0..=4_102_444_800_000;

/// Which rows count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// UUID in text form.
    pub website_id: String,
    /// From here, milliseconds since 1970, a whole minute ...
    pub from_ms: i64,
    /// ... and before here.
    pub to_ms: i64,
}

/// How long a bucket of a time series is, on the clocks of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// One hour.
    Hour,
    /// One day.
    Day,
}

/// A dimension that values are listed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimension(&'static str);

/// What rows amount to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Page views.
    pub page_views: i64,
    /// Distinct visitors, by a sketch.
    pub visitors: f64,
    /// Distinct visits, by a sketch.
    pub visits: f64,
    /// Seconds of engagement.
    pub engagement_s: f64,
    /// Visits that were bounces.
    pub bounces: f64,
}

impl Dimension {
    /// One of the data source's, but for the website.
    pub fn named(name: &str) -> Option<Self> {
        DIMENSIONS.into_iter().find(|known| *known == name && *known != "website_id").map(Self)
    }
}

impl Scope {
    /// The figures of the whole period.
    pub(crate) fn totals(&self, data_source: &str, within: Duration) -> Value {
        self.query(data_source, "timeseries", &json!("all"), within)
    }

    /// The figures of each bucket that has rows.
    pub(crate) fn series(&self, data_source: &str, bucket: Bucket, zone: &str, within: Duration) -> Value {
        let period = match bucket {
            Bucket::Hour => "PT1H",
            Bucket::Day => "P1D",
        };
        let granularity = json!({ "type": "period", "period": period, "timeZone": zone });
        self.query(data_source, "timeseries", &granularity, within)
    }

    /// The values of a dimension with the most page views, so many; of those that have equally many, the first by name. Not `topN`, which
    /// is quicker and may leave out a value that is frequent in few segments.
    pub(crate) fn top_list(
        &self,
        data_source: &str,
        dimension: Dimension,
        limit: u16,
        within: Duration,
    ) -> Value {
        let mut query = self.query(data_source, "groupBy", &json!("all"), within);
        query["dimensions"] = json!([dimension.0]);
        query["limitSpec"] = json!({
            "type": "default",
            "limit": limit,
            "columns": [
                { "dimension": "page_views", "direction": "descending", "dimensionOrder": "numeric" },
                { "dimension": dimension.0, "direction": "ascending", "dimensionOrder": "lexicographic" },
            ],
        });
        query["having"] = json!({ "type": "greaterThan", "aggregation": "page_views", "value": 0 });
        query
    }

    fn query(&self, data_source: &str, kind: &str, granularity: &Value, within: Duration) -> Value {
        let from = self.from_ms.clamp(*TIMES_MS.start(), *TIMES_MS.end());
        let to = self.to_ms.clamp(from, *TIMES_MS.end());
        json!({
            "queryType": kind,
            "dataSource": data_source,
            "intervals": [format!("{}/{}", instant(from), instant(to))],
            "granularity": granularity,
            "filter": { "type": "equals", "column": "website_id", "matchValueType": "STRING", "matchValue": self.website_id },
            "aggregations": [
                { "type": "longSum", "name": "page_views", "fieldName": "pageviews" },
                merged("visitors", "unique_users"),
                merged("visits", "unique_sessions"),
                { "type": "doubleSum", "name": "engagement_s", "fieldName": "total_time" },
                { "type": "doubleSum", "name": "bounces", "fieldName": "bounces" },
            ],
            "context": { "timeout": u64::try_from(within.as_millis()).unwrap_or(u64::MAX), "skipEmptyBuckets": true },
        })
    }
}

fn merged(name: &str, field: &str) -> Value {
    json!({ "type": "HLLSketchMerge", "name": name, "fieldName": field, "lgK": SKETCH_LG_K, "tgtHllType": "HLL_4", "round": false })
}

/// ISO 8601 in UTC, of one of [`TIMES_MS`].
fn instant(at_ms: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000);
    let text = at.ok().and_then(|at| at.format(&Rfc3339).ok());
    text.expect("a time between 1970 and 2100 has a name")
}

/// The figures of a whole period; no row means that nothing was there.
pub(crate) fn read_totals(answer: &Value) -> Result<Figures, Unreadable> {
    match rows(answer)? {
        [] => Ok(Figures::default()),
        [row] => figures(&row["result"]),
        _ => Err(Unreadable("several rows")),
    }
}

/// Where each bucket begins, milliseconds since 1970, and its figures.
pub(crate) fn read_series(answer: &Value) -> Result<Vec<(i64, Figures)>, Unreadable> {
    rows(answer)?.iter().map(|row| Ok((begin(&row["timestamp"])?, figures(&row["result"])?))).collect()
}

/// Each value, and its figures. What has none is empty, as in the events.
pub(crate) fn read_top_list(
    answer: &Value,
    dimension: Dimension,
) -> Result<Vec<(String, Figures)>, Unreadable> {
    let row = |row: &Value| {
        let event = &row["event"];
        let value = match &event[dimension.0] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            _ => return Err(Unreadable("a value that is no text")),
        };
        Ok((value, figures(event)?))
    };
    rows(answer)?.iter().map(row).collect()
}

/// An answer that has not the form of its question's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(&'static str);

fn rows(answer: &Value) -> Result<&[Value], Unreadable> {
    answer.as_array().map(Vec::as_slice).ok_or(Unreadable("no list"))
}

fn begin(timestamp: &Value) -> Result<i64, Unreadable> {
    let at = timestamp.as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let at = at.ok_or(Unreadable("a time that is none"))?;
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000))
        .map_err(|_| Unreadable("a time beyond all"))
}

fn figures(of: &Value) -> Result<Figures, Unreadable> {
    // A sum over no value is null.
    let number = |name: &str| match &of[name] {
        Value::Null => Ok(0.0),
        found => found.as_f64().ok_or(Unreadable("a figure that is no number")),
    };
    let page_views = match &of["page_views"] {
        Value::Null => 0,
        found => found.as_i64().ok_or(Unreadable("a count that is no whole number"))?,
    };
    let (visitors, visits) = (number("visitors")?, number("visits")?);
    Ok(Figures {
        page_views,
        visitors,
        visits,
        engagement_s: number("engagement_s")?,
        bounces: number("bounces")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SOURCE: &str = "page_views";
    const LIMIT: Duration = Duration::from_secs(5);

    fn scope(website_id: &str) -> Scope {
        Scope { website_id: website_id.to_owned(), from_ms: 1_796_083_200_000, to_ms: 1_796_169_600_000 }
    }

    #[test]
    fn a_question_names_its_interval_its_clocks_and_how_long_it_may_take() {
        let query = scope("w").series(SOURCE, Bucket::Day, "Asia/Kolkata", LIMIT);
        assert_eq!(query["intervals"][0], "2026-12-01T00:00:00Z/2026-12-02T00:00:00Z");
        assert_eq!(
            query["granularity"],
            json!({ "type": "period", "period": "P1D", "timeZone": "Asia/Kolkata" })
        );
        assert_eq!(query["context"]["timeout"], 5000);
        assert_eq!(scope("w").totals(SOURCE, LIMIT)["granularity"], "all");
        let back = Scope { from_ms: i64::MAX, to_ms: i64::MIN, ..scope("w") };
        assert_eq!(back.totals(SOURCE, LIMIT)["intervals"][0], "2100-01-01T00:00:00Z/2100-01-01T00:00:00Z");
    }

    #[test]
    fn a_website_that_looks_like_a_query_is_a_string_in_its_place() {
        let evil = "x\" OR \"1\"=\"1";
        let query = scope(evil).top_list(SOURCE, Dimension::named("page_path").expect("known"), 10, LIMIT);
        assert_eq!(query["filter"]["matchValue"], evil);
        assert_eq!(serde_json::from_str::<Value>(&query.to_string()).expect("JSON"), query);
    }

    #[test]
    fn only_the_data_sources_own_dimensions_are_listed() {
        assert!(Dimension::named("browser").is_some());
        for other in ["website_id", "source_name", "user_id", "__time", ""] {
            assert_eq!(Dimension::named(other), None, "{other}");
        }
    }

    #[test]
    fn answers_become_figures_and_nothing_is_none() {
        let result = json!({ "page_views": 5, "visitors": 2.01, "visits": 3.0, "engagement_s": null, "bounces": -1.0 });
        let figures =
            Figures { page_views: 5, visitors: 2.01, visits: 3.0, engagement_s: 0.0, bounces: -1.0 };
        let row = json!({ "timestamp": "2026-11-30T18:30:00.000Z", "result": result });
        assert_eq!(read_totals(&json!([row])), Ok(figures));
        assert_eq!(read_totals(&json!([])), Ok(Figures::default()));
        assert_eq!(read_series(&json!([row])), Ok(vec![(1_796_063_400_000, figures)]));
        let browser = Dimension::named("browser").expect("known");
        let mut event = result;
        event["browser"] = json!("Firefox");
        let nameless = json!({ "event": { "page_views": 1 } });
        let list = read_top_list(&json!([{ "event": event }, nameless]), browser).expect("a list");
        assert_eq!(list[0], ("Firefox".to_owned(), figures));
        assert_eq!(list[1], (String::new(), Figures { page_views: 1, ..Figures::default() }));
    }

    proptest! {
        #[test]
        fn whatever_comes_back_is_read_or_refused(text in "[\\[\\]{}\":,.a-z0-9-]{0,200}") {
            let answer = serde_json::from_str::<Value>(&text).unwrap_or_default();
            let _ = (read_totals(&answer), read_series(&answer));
            let _ = read_top_list(&answer, Dimension::named("os").expect("known"));
        }

        #[test]
        fn every_time_has_a_name(from_ms in any::<i64>(), to_ms in any::<i64>()) {
            let query = Scope { from_ms, to_ms, ..scope("w") }.totals(SOURCE, LIMIT);
            prop_assert!(query["intervals"][0].as_str().expect("text").contains('/'));
        }
    }
}
