//! What Druid is told to read: the supervisor spec of a data source of page views, with the dimensions, metrics and granularities of
//! `database-design.txt`, corrected where they could not work (DESIGN, section 6, point 8). Pure.
//!
//! Format: <https://druid.apache.org/docs/33.0.0/ingestion/kafka-ingestion/>.

use serde_json::{Map, Value, json};

/// What the data source and its topic are called, unless somebody says otherwise.
pub const PAGE_VIEWS: &str = "page_views";
/// The dimensions of a row, in this order, besides its time.
pub const DIMENSIONS: [&str; 12] = [
    "website_id",
    "page_path",
    "page_title",
    "country",
    "region",
    "city",
    "device_type",
    "browser",
    "os",
    "traffic_source",
    "traffic_medium",
    "traffic_campaign",
];
/// Two to this power are the registers of a sketch that counts distinct values: its standard error is 1.04 ÷ √4096 = 1.6 %.
pub const SKETCH_LG_K: u8 = 12;

/// How Druid reads the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingestion {
    /// The topic.
    pub topic: String,
    /// What Druid's own Kafka client needs: `bootstrap.servers` and how to log in. Values may be secret.
    pub kafka: Vec<(String, String)>,
    /// How many tasks read at a time.
    pub tasks: u32,
}

impl Ingestion {
    /// The spec of this data source.
    pub(crate) fn spec(&self, data_source: &str) -> Value {
        let mut consumer: Map<String, Value> =
            self.kafka.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        // Rows, cursor and what sessions told are one transaction: what was given up is never seen.
        consumer.insert("isolation.level".to_owned(), json!("read_committed"));
        json!({
            "type": "kafka",
            "spec": {
                "dataSchema": {
                    "dataSource": data_source,
                    "timestampSpec": { "column": "timestamp", "format": "millis" },
                    "dimensionsSpec": { "dimensions": DIMENSIONS },
                    "metricsSpec": [
                        { "type": "longSum", "name": "pageviews", "fieldName": "pageviews" },
                        sketch("unique_users", "user_id"),
                        sketch("unique_sessions", "session_id"),
                        { "type": "doubleSum", "name": "total_time", "fieldName": "time_on_page" },
                        { "type": "doubleSum", "name": "bounces", "fieldName": "is_bounce" },
                    ],
                    "granularitySpec": {
                        "type": "uniform",
                        "segmentGranularity": "DAY",
                        "queryGranularity": "MINUTE",
                        "rollup": true,
                    },
                },
                "ioConfig": {
                    "topic": self.topic,
                    "inputFormat": { "type": "json" },
                    "consumerProperties": consumer,
                    "useEarliestOffset": true,
                    "taskCount": self.tasks,
                    "replicas": 1,
                    // As Druid gives it back.
                    "taskDuration": "PT3600S",
                },
                "tuningConfig": {
                    "type": "kafka",
                    "maxRowsPerSegment": 5_000_000,
                    "logParseExceptions": true,
                },
            },
        })
    }
}

fn sketch(name: &str, field: &str) -> Value {
    json!({ "type": "HLLSketchBuild", "name": name, "fieldName": field, "lgK": SKETCH_LG_K, "tgtHllType": "HLL_4" })
}

/// Whether what Druid has says all that is wanted. It adds what it takes by default, and nobody minds.
pub(crate) fn says(has: &Value, wanted: &Value) -> bool {
    match (has, wanted) {
        (Value::Object(has), Value::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| has.get(name).is_some_and(|has| says(has, wanted)))
        }
        (Value::Array(has), Value::Array(wanted)) => {
            has.len() == wanted.len() && has.iter().zip(wanted).all(|(has, wanted)| says(has, wanted))
        }
        // It gives a dimension's name back as an object.
        (Value::Object(has), Value::String(wanted)) => has.get("name").is_some_and(|name| name == wanted),
        _ => has == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ingestion() -> Ingestion {
        Ingestion {
            topic: PAGE_VIEWS.to_owned(),
            kafka: vec![("bootstrap.servers".to_owned(), "127.0.0.1:9092".to_owned())],
            tasks: 1,
        }
    }

    #[test]
    fn the_spec_has_the_designs_dimensions_and_metrics_and_reads_what_was_committed() {
        let spec = ingestion().spec(PAGE_VIEWS);
        let schema = &spec["spec"]["dataSchema"];
        assert_eq!(schema["dimensionsSpec"]["dimensions"].as_array().map(Vec::len), Some(12));
        let metrics = schema["metricsSpec"].as_array().expect("metrics");
        let names: Vec<_> = metrics.iter().filter_map(|metric| metric["name"].as_str()).collect();
        assert_eq!(names, ["pageviews", "unique_users", "unique_sessions", "total_time", "bounces"]);
        assert_eq!(schema["granularitySpec"]["segmentGranularity"], "DAY");
        assert_eq!(schema["granularitySpec"]["queryGranularity"], "MINUTE");
        let consumer = &spec["spec"]["ioConfig"]["consumerProperties"];
        assert_eq!(consumer["isolation.level"], "read_committed");
        assert_eq!(consumer["bootstrap.servers"], "127.0.0.1:9092");
    }

    #[test]
    fn what_druid_adds_is_no_change_and_everything_else_is() {
        let wanted = ingestion().spec(PAGE_VIEWS);
        let mut has = wanted.clone();
        has["suspended"] = json!(false);
        has["spec"]["tuningConfig"]["maxRowsInMemory"] = json!(150_000);
        let dimensions: Vec<_> =
            DIMENSIONS.iter().map(|name| json!({ "type": "string", "name": name })).collect();
        has["spec"]["dataSchema"]["dimensionsSpec"]["dimensions"] = json!(dimensions);
        assert!(says(&has, &wanted));
        for (pointer, other) in [
            ("/spec/ioConfig/taskCount", json!(2)),
            ("/spec/ioConfig/consumerProperties/bootstrap.servers", json!("elsewhere:9092")),
            ("/spec/dataSchema/dimensionsSpec/dimensions/3", json!({ "name": "continent" })),
            ("/spec/dataSchema/metricsSpec/0", json!({ "type": "count", "name": "pageviews" })),
        ] {
            let mut has = has.clone();
            *has.pointer_mut(pointer).expect("it is there") = other;
            assert!(!says(&has, &wanted), "{pointer}");
        }
        assert!(!says(&json!({}), &wanted));
    }
}
