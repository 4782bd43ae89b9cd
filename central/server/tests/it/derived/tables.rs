//! The derived tables as they are read for a comparison, and the comparison. Each row becomes a key, texts that have to be the same, and
//! numbers that have to be nearly so. Knows nothing about how rows come about.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clickhouse::Client;
use serde::Deserialize;

/// How far two sums of the same numbers may be apart, of their size.
const TOLERANCE: f64 = 1e-9;
/// So many differences of a table are told.
const TOLD: usize = 6;

/// What is compared of a table.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Expressions for what tells its rows apart.
    key: &'static [&'static str],
    texts: &'static [&'static str],
    numbers: &'static [&'static str],
}

/// What a row says beyond its key.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Said {
    pub(super) texts: Vec<String>,
    pub(super) numbers: Vec<f64>,
}

/// The rows of a table by their keys.
pub(super) type Rows = BTreeMap<Vec<String>, Said>;

/// All tables, in the order of [`Tables`](BTreeMap).
pub(super) const TABLES: [Table; 8] = [
    Table {
        name: "sessions_local",
        key: &["website_id", "toUnixTimestamp(session_start)", "session_id", "is_bot"],
        texts: &[
            "user_id",
            "toUnixTimestamp(session_end)",
            "session_duration",
            "pageviews",
            "events",
            "transactions",
            "engagement_ms",
            "landing_page",
            "exit_page",
            "toUnixTimestamp(landed_at)",
            "traffic_source",
            "source_name",
            "traffic_medium",
            "traffic_campaign",
            "traffic_keyword",
            "traffic_content",
            "device_type",
            "browser",
            "os",
            "country",
            "region",
            "city",
            "is_bounce",
            "is_conversion",
            "custom_dimension_1",
            "custom_dimension_2",
            "custom_dimension_3",
            "custom_dimension_4",
            "custom_dimension_5",
            "custom_dimension_6",
            "custom_dimension_7",
            "custom_dimension_8",
            "custom_dimension_9",
            "custom_dimension_10",
            "custom_dimension_11",
            "custom_dimension_12",
            "custom_dimension_13",
            "custom_dimension_14",
            "custom_dimension_15",
            "custom_dimension_16",
            "custom_dimension_17",
            "custom_dimension_18",
            "custom_dimension_19",
            "custom_dimension_20",
        ],
        numbers: &["revenue", "sample_rate"],
    },
    Table {
        name: "conversions_local",
        key: &["website_id", "toUnixTimestamp(session_start)", "session_id", "is_bot", "goal_id"],
        texts: &["user_id", "toUnixTimestamp64Milli(reached_at)", "times"],
        numbers: &["revenue", "sample_rate"],
    },
    Table {
        name: "page_views_hourly_local",
        key: &["website_id", "page_path", "toUnixTimestamp(hour)", "country", "device_type", "is_bot"],
        texts: &["finalizeAggregation(users)", "finalizeAggregation(sessions)"],
        numbers: &["pageviews", "engagement_ms"],
    },
    Table {
        name: "page_view_rollups_local",
        key: &["website_id", "dimension", "span", "toUnixTimestamp(start)", "value", "is_bot"],
        texts: &["finalizeAggregation(users)"],
        numbers: &["pageviews"],
    },
    Table {
        name: "hourly_summary_local",
        key: &["website_id", "toUnixTimestamp(hour)", "is_bot"],
        texts: &["finalizeAggregation(users)", "finalizeAggregation(sessions)"],
        numbers: &["events", "pageviews", "engagement_ms"],
    },
    Table {
        name: "daily_summary_local",
        key: &["website_id", "toUnixTimestamp(toDateTime(date, 'UTC'))", "is_bot"],
        texts: &["finalizeAggregation(users)", "finalizeAggregation(sessions)"],
        numbers: &["events", "pageviews", "engagement_ms"],
    },
    Table {
        name: "traffic_sources_daily_local",
        key: &[
            "website_id",
            "toUnixTimestamp(toDateTime(date, 'UTC'))",
            "traffic_source",
            "source_name",
            "traffic_medium",
            "traffic_campaign",
            "is_bot",
        ],
        texts: &["finalizeAggregation(users)"],
        numbers: &["sessions", "pageviews", "revenue", "transactions", "duration", "bounces", "conversions"],
    },
    Table {
        name: "hourly_visits_local",
        key: &["website_id", "toUnixTimestamp(hour)", "is_bot"],
        texts: &[],
        numbers: &["visits", "bounced", "duration", "pageviews", "conversions", "revenue", "bounces"],
    },
];

/// The rows of every table, by its name.
pub(super) type Tables = BTreeMap<&'static str, Rows>;

#[derive(clickhouse::Row, Deserialize)]
struct Line {
    key: Vec<String>,
    texts: Vec<String>,
    numbers: Vec<f64>,
}

impl Table {
    async fn read(&self, client: &Client) -> Rows {
        let texts = |list: &[&str]| {
            let list: Vec<_> = list.iter().map(|column| format!("toString({column})")).collect();
            format!("CAST([{}], 'Array(String)')", list.join(", "))
        };
        let question = format!(
            "SELECT {} AS key, {} AS texts, [{}] AS numbers FROM {} FINAL",
            texts(self.key),
            texts(self.texts),
            self.numbers.join(", "),
            self.name
        );
        let lines = client.query(&question).fetch_all::<Line>().await.expect("an answer");
        let mut rows = Rows::new();
        for Line { key, texts, numbers } in lines {
            let before = rows.insert(key.clone(), Said { texts, numbers });
            assert!(before.is_none(), "{} has {key:?} twice", self.name);
        }
        rows
    }

    /// What of `found` is not as it was `wanted`, in lines; nothing when all is.
    fn differences(&self, wanted: &Rows, found: &Rows) -> Vec<String> {
        let mut lines = Vec::new();
        for (key, said) in wanted {
            match found.get(key) {
                None => lines.push(format!("missing {key:?}: {said:?}")),
                Some(other) => {
                    let wrong = self.wrong(said, other);
                    if !wrong.is_empty() {
                        lines.push(format!("wrong {key:?}:{wrong}"));
                    }
                }
            }
        }
        let stray = found.iter().filter(|(key, _)| !wanted.contains_key(*key));
        lines.extend(stray.map(|(key, said)| format!("stray {key:?}: {said:?}")));
        lines
    }

    fn wrong(&self, wanted: &Said, found: &Said) -> String {
        let mut text = String::new();
        for (column, (one, other)) in self.texts.iter().zip(wanted.texts.iter().zip(&found.texts)) {
            if one != other {
                write!(text, " {column} {other:?} instead of {one:?}").expect("a string takes everything");
            }
        }
        for (column, (one, other)) in self.numbers.iter().zip(wanted.numbers.iter().zip(&found.numbers)) {
            if (one - other).abs() > TOLERANCE * one.abs().max(other.abs()) {
                write!(text, " {column} {other} instead of {one}").expect("a string takes everything");
            }
        }
        assert_eq!((wanted.texts.len(), wanted.numbers.len()), (self.texts.len(), self.numbers.len()));
        text
    }
}

/// Every row of every table that nobody has deleted.
pub(super) async fn read(client: &Client) -> Tables {
    let mut tables = Tables::new();
    for table in &TABLES {
        tables.insert(table.name, table.read(client).await);
    }
    tables
}

/// What of all tables is not as it was wanted, in lines; nothing when all is.
pub(super) fn differences(wanted: &Tables, found: &Tables) -> String {
    let mut text = String::new();
    for table in &TABLES {
        let none = Rows::new();
        let wanted = wanted.get(table.name).unwrap_or(&none);
        let found = found.get(table.name).unwrap_or(&none);
        let lines = table.differences(wanted, found);
        if !lines.is_empty() {
            writeln!(text, "{}: {} of {} rows differ", table.name, lines.len(), wanted.len())
                .expect("a string takes everything");
            for line in lines.iter().take(TOLD) {
                writeln!(text, "    {line}").expect("a string takes everything");
            }
        }
    }
    text
}
